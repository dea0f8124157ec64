"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def _collect(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Each `NAME=VALUE` split at its first `=`."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        name = name.strip().removeprefix("$")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"expected NAME=VALUE, found `{value}`", ctx=ctx, param=param)
        if name in found:
            raise click.BadParameter(f"`{name}` is given twice", ctx=ctx, param=param)
        found[name] = text
    return found


def params_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-p NAME=VALUE`, any number of times: gives `params`, the texts by name."""
    return click.option(
        "-p",
        "--param",
        "params",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_collect,
        help="Set a param of the file, e.g. -p depth=4; may be given several times.",
    )(function)


def locked_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--locked`: gives `locked`."""
    return click.option(
        "--locked", is_flag=True, help="Refuse unless mldsl.lock beside FILE names what is installed (MLP0501)."
    )(function)
