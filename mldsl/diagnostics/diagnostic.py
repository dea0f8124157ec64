"""A user's mistake as data: a code, places, facts and a remedy. Rendered last, by the renderers beside this file.

`InternalError` is the other kind of failure: ours, and it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from mldsl.source import Source, Span

Severity = Literal["error", "warning"]


@attrs.frozen
class Fix:
    """A replacement of text that repairs the mistake; `safe` ones keep the meaning and `check --fix` applies them."""

    span: Span
    text: str
    safe: bool = True


@attrs.frozen
class Label:
    """A second place that explains the first, underlined with `---`."""

    span: Span
    text: str = ""


@attrs.frozen
class Diagnostic:
    """One mistake.

    `span` is None only for a mistake that has no place in a file (a command-line value, an artifact). `label` is the
    short text after the carets. `notes` are facts, `help` is what to do. Messages: lower case, no full stop, names in
    backticks.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fix: Fix | None = None
    severity: Severity = "error"


class MldslError(Exception):
    """Bad input, reported as diagnostics; what the Python interface raises and the command line prints (exit 1).

    `sources` holds the files that the spans point into, so that whoever prints can show the lines.
    """

    def __init__(self, *diagnostics: Diagnostic, sources: Mapping[str, Source] | None = None) -> None:
        super().__init__("; ".join(f"[{d.code}] {d.message}" for d in diagnostics))
        self.diagnostics = diagnostics
        self.sources: Mapping[str, Source] = sources or {}


class InternalError(Exception):
    """A bug of mldsl or of a plugin, never the user's mistake; names its owner."""

    def __init__(self, message: str, *, owner: str = "mldsl") -> None:
        super().__init__(message)
        self.owner = owner
