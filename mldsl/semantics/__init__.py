"""From syntax to meaning: names resolved, values typed, the pipeline judged, and the plan made. Reads no data.

The names below are imported when they are asked for, so that a page of `explain` does not load the parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldsl.semantics.analysis import Analysis, analyze
    from mldsl.semantics.header import Header
    from mldsl.semantics.loading import Loaded, load

__all__ = ["Analysis", "Header", "Loaded", "analyze", "load"]

_HOMES = {"Analysis": "analysis", "analyze": "analysis", "Header": "header", "Loaded": "loading", "load": "loading"}


def __getattr__(name: str) -> Any:
    """Import a public name from its module, once."""
    if name not in _HOMES:
        raise AttributeError(f"module `mldsl.semantics` has no attribute `{name}`")
    from importlib import import_module

    value = getattr(import_module(f"mldsl.semantics.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
