"""Every letter of a text in lower case.

By Unicode's full case mapping, whatever the language: `Straße` becomes `straße`, `ÉTÉ` becomes `été`.

Shapes: n texts in, n texts out. O(characters) time.
Units:  none.
Errors: none; a missing text stays missing.
Sources: The Unicode Standard, section 3.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from mldsl.plugin import Component, NoSpec, Output, Transform, hookimpl


def apply(spec: NoSpec, state: None, columns: Mapping[str, pl.Series]) -> dict[str, Any]:
    """In lower case."""
    return {name: series.str.to_lowercase() for name, series in columns.items()}


@hookimpl
def mldsl_components() -> list[Component]:
    """Lower case."""
    return [
        Transform(
            "lowercase", apply=apply, host=True, inputs=("text",), missing="accepts", outputs=(Output(),),
            snippet="lowercase on text", also_known_as=("lower", "casefold", "to_lower"),
        )
    ]  # fmt: skip
