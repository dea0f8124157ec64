"""Letters without their accents: `déjà vu` becomes `deja vu`, `Ünïcode` becomes `Unicode`.

Unicode's compatibility decomposition (NFKD) parts a letter from its marks, and the marks are dropped; ligatures and
full-width letters become plain ones. Letters that are no accented form of another stay (`ß`, `ø`). The same as
`strip_accents="unicode"` of scikit-learn.

Shapes: n texts in, n texts out. O(characters) time.
Units:  none.
Errors: none; a missing text stays missing.
Sources: Unicode Standard Annex 15 (normalization forms).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import polars as pl

from mldsl.plugin import Component, NoSpec, Output, Transform, hookimpl


def apply(spec: NoSpec, state: None, columns: Mapping[str, pl.Series]) -> dict[str, Any]:
    """Without accents."""
    return {name: _plain(series) for name, series in columns.items()}


def _plain(series: pl.Series) -> pl.Series:
    parted = series.str.normalize("NFKD")
    marks = parted.str.extract_all(r"\p{M}").explode(empty_as_null=False, keep_nulls=False).unique()
    # Of the marks only those that join the letter before them; vowel signs of some scripts are letters of their own.
    joining = [mark for mark in marks.to_list() if unicodedata.combining(mark)]
    return parted.str.replace_all(f"[{''.join(joining)}]", "") if joining else parted


@hookimpl
def mldsl_components() -> list[Component]:
    """Accents off."""
    return [
        Transform(
            "strip_accents", apply=apply, host=True, inputs=("text",), missing="accepts", outputs=(Output(),),
            snippet="strip_accents on text", also_known_as=("unidecode", "remove_accents", "remove_diacritics"),
        )
    ]  # fmt: skip
