"""What of a plugin does not work and why, as data; kept apart so that it can be told without loading anything."""

from __future__ import annotations

import traceback

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plugin.discovery import CORE


@attrs.frozen
class Failure:
    """`key` is `kind.name` (or the name of a hook), empty where all of `module` is concerned."""

    plugin: str
    module: str
    key: str
    message: str
    traceback: str = attrs.field(default="", repr=False)

    def diagnostic(self) -> Diagnostic:
        """MLP0504, without a place; who knows the line that names the component adds it."""
        what = f"`{self.key}` of `{self.module}`" if self.key else f"`{self.module}`"
        ours = "this is a bug of mldsl: please report it"
        remedy = ours if self.plugin == CORE else f"MLDSL_BLOCK_PLUGINS={self.plugin} switches it off"
        return Diagnostic(
            "MLP0504",
            f"plugin `{self.plugin}` failed in {what}",
            notes=(self.message,),
            help=f"`mldsl plugins` shows where; {remedy}",
        )


class PluginError(MldslError):
    """A component that was asked for cannot be had; `failure` names the plugin and keeps the traceback."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.diagnostic())
        self.failure = failure


def one_line(error: BaseException) -> str:
    """`ImportError: no module named torch`."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def trimmed_traceback(error: BaseException) -> str:
    """The traceback without the frames of the import machinery and of our own loading."""
    ours = ("<frozen importlib", __file__.rpartition("failure")[0])
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(ours) and not frame.filename.endswith("importlib/__init__.py")
    ]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    return "".join([*lines, *traceback.format_exception_only(type(error), error)]).rstrip()
