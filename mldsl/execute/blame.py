"""Who is at fault when a component raises: the plugin that it came from, by name, with its traceback kept.

Why it exists: a component's functions run inside programs of ours. What they raise must neither look like the user's
mistake nor like ours, and nobody else's component may suffer from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from mldsl.diagnostics import Diagnostic, InternalError, MldslError
from mldsl.plan import ComponentValue
from mldsl.plugin.discovery import CORE
from mldsl.plugin.failure import Failure, PluginError, one_line, trimmed_traceback


class ComponentError(PluginError):
    """MLP0504 at the line that names the component; `failure` keeps the traceback."""

    def __init__(self, failure: Failure, diagnostic: Diagnostic) -> None:
        MldslError.__init__(self, diagnostic)
        self.failure = failure


def guarded(function: Callable[..., Any] | None, value: ComponentValue | None, doing: str) -> Callable[..., Any] | None:
    """The function, whose exceptions are those of the component that `value` names."""
    if function is None:
        return None

    @wraps(function)
    def call(*args: Any) -> Any:
        with blamed(value, doing):
            return function(*args)

    return call


@contextmanager
def blamed(value: ComponentValue | None, doing: str) -> Iterator[None]:
    """Turn whatever a component raises into MLP0504 at the line that names it; `doing` is the function ("fit").

    Diagnostics pass through: a component may refuse what it is given. So does Ctrl-C.
    """
    try:
        yield
    except (MldslError, InternalError):
        raise
    except Exception as error:
        if value is None:
            raise
        why = f"in `{doing}`: {one_line(error)}"
        whose = "this is a bug of mldsl: please report it" if value.plugin == CORE else "please tell its author"
        raise ComponentError(
            Failure(value.plugin, "", f"{value.kind}.{value.name}", why, trimmed_traceback(error)),
            Diagnostic(
                "MLP0504",
                f"the {value.kind} `{value.name}` of the plugin `{value.plugin}` failed",
                value.span,
                notes=(why,),
                help=f"`mldsl --verbose run ...` shows where; {whose}",
            ),
        ) from error
