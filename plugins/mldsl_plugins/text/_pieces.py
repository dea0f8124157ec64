"""Texts rewritten word by word, where a library knows what a word becomes: each different word is asked once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

PIECES = r"[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}]+)*|[^\p{L}\p{M}\p{N}_]+"
"""A word, with the apostrophes inside it (`don't`), or what stands between two words."""


def rewritten(columns: Mapping[str, pl.Series], rewrite: Callable[[Sequence[str]], Sequence[str]]) -> dict[str, Any]:
    """Every word of every text as `rewrite` gives it; what stands between words stays.

    `rewrite` is given the different pieces, those that are no words among them, and gives one for each. Missing texts
    stay missing.
    """
    return {name: _column(series, rewrite) for name, series in columns.items()}


def _column(series: pl.Series, rewrite: Callable[[Sequence[str]], Sequence[str]]) -> pl.Series:
    pieces = series.cast(pl.String).str.extract_all(PIECES)
    lengths = pieces.list.len()
    flat = pieces.explode(empty_as_null=False, keep_nulls=False)
    different = flat.unique()
    known = pl.DataFrame({"piece": different, "new": pl.Series(rewrite(different.to_list()), dtype=pl.String)})
    new = flat.to_frame("piece").join(known, on="piece", how="left", maintain_order="left")["new"]
    row = pl.Series("row", range(len(series)), dtype=pl.UInt32)
    rows = pl.DataFrame({"row": row, "length": lengths.fill_null(0)}).select(pl.col("row").repeat_by("length").explode(
        empty_as_null=False
    ))["row"]  # fmt: skip
    joined = (
        pl.DataFrame({"row": rows, "new": new}).group_by("row", maintain_order=True).agg(pl.col("new").str.join(""))
    )
    texts = pl.DataFrame({"row": row}).join(joined, on="row", how="left", maintain_order="left")["new"].fill_null("")
    return pl.select(pl.when(series.is_not_null()).then(texts)).to_series().alias(series.name)
