"""Whether two run folders hold the same bits, and where they first part: split, predictions, models, metrics.

Seconds, ids, paths and versions are no results, and reports are computed from what is compared here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from mldsl.record.model import RunRecord

_NO_RESULT = ("seconds", "cached")


@attrs.frozen
class Finding:
    """One part of a run: whether both have it bit for bit, and in words what was compared or what differs first."""

    part: str
    same: bool
    words: str


def compare_folders(kept: Path, fresh: Path) -> list[Finding]:
    """Every part of the run `kept` beside that of `fresh`, which was made to repeat it."""
    old, new = RunRecord.read(kept), RunRecord.read(fresh)
    return [
        _table("split", kept, fresh),
        _table("predictions", kept, fresh),
        *(_model(name, kept, fresh) for name in dict.fromkeys((*old.models, *new.models))),
        _metrics(old, new),
    ]


# ---- tables ----------------------------------------------------------------------------------------------------------
def _table(name: str, kept: Path, fresh: Path) -> Finding:
    import polars as pl

    old, new = (pl.read_parquet(folder / f"{name}.parquet") for folder in (kept, fresh))
    if old.height != new.height:
        return Finding(name, False, f"{old.height:,} rows then, {new.height:,} now")
    if old.schema != new.schema:
        changed = [c for c in dict.fromkeys((*old.columns, *new.columns)) if old.schema.get(c) != new.schema.get(c)]
        return Finding(name, False, f"the columns differ: {', '.join(f'`{c}`' for c in changed)}")
    for column in old.columns:
        before, after = (s[column].drop_nulls().to_numpy() for s in (old, new))
        if not old[column].is_null().equals(new[column].is_null()):
            return Finding(name, False, f"`{column}` is missing in other rows")
        if words := difference(before, after):
            return Finding(name, False, f"`{column}` {words}")
    return Finding(name, True, f"{old.height:,} rows")


def difference(before: np.ndarray, after: np.ndarray) -> str:
    """In words, how two arrays differ; empty if they are equal bit for bit."""
    if before.shape != after.shape or before.dtype != after.dtype:
        return f"is {_form(before)} then, {_form(after)} now"
    if before.dtype.kind == "O":
        apart = np.array([a != b for a, b in zip(before.ravel(), after.ravel(), strict=True)], bool)
    else:
        width = before.dtype.itemsize
        left, right = (np.ascontiguousarray(a).reshape(-1).view(np.uint8).reshape(-1, width) for a in (before, after))
        apart = (left != right).any(axis=1)
    count = int(apart.sum())
    if not count:
        return ""
    where = f"differs in {count:,} of {before.size:,} {'value' if before.size == 1 else 'values'}"
    if before.dtype.kind not in "iuf":
        return where
    old, new = (a.reshape(-1)[apart].astype(np.float64) for a in (before, after))
    with np.errstate(all="ignore"):
        gap = np.abs(old - new)
        share = gap / np.maximum(np.abs(old), np.abs(new))
    if not np.isfinite(gap).any():
        return f"{where}, {old[0]:g} then and {new[0]:g} now"
    return f"{where}, by {np.nanmax(gap):.2g} at most ({np.nanmax(np.nan_to_num(share)):.2g} of its size)"


def _form(array: np.ndarray) -> str:
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"


# ---- models ----------------------------------------------------------------------------------------------------------
def _model(name: str, kept: Path, fresh: Path) -> Finding:
    from safetensors.numpy import load_file

    folders = [folder / "models" / name for folder in (kept, fresh)]
    part, count = f"model {name}", 0
    if not all((folder / "manifest.json").is_file() for folder in folders):
        return Finding(part, False, "only one of the runs has it")
    for arrays in ("params", "info"):
        old, new = (load_file(folder / f"{arrays}.safetensors") for folder in folders)
        if old.keys() != new.keys():
            changed = sorted(old.keys() ^ new.keys())
            return Finding(part, False, f"{arrays}: only one of the runs has `{changed[0]}`")
        for key in old:
            if words := difference(old[key], new[key]):
                return Finding(part, False, f"{arrays}: `{key.split('/', 2)[-1]}` {words}")
        count += len(old)
    texts = [json.loads((folder / "manifest.json").read_bytes()) for folder in folders]
    for key in ("params", "info", "facts"):
        if texts[0].get(key) != texts[1].get(key):
            return Finding(part, False, f"{key}: what was learned in words differs (levels, vocabularies, thresholds)")
    return Finding(part, True, f"{count} arrays")


# ---- the record ------------------------------------------------------------------------------------------------------
def _metrics(old: RunRecord, new: RunRecord) -> Finding:
    names = ("models", "best", "gates", "tune")
    left, right = ({name: record.to_json()[name] for name in names} for record in (old, new))
    numbers = sum(1 for _, value in _leaves(left) if isinstance(value, float))
    for (place, before), (other, after) in zip(_leaves(left), _leaves(right), strict=False):
        if place != other:
            return Finding("metrics", False, f"{_said(place)} is not in both records")
        if type(before) is not type(after) or before != after:
            return Finding("metrics", False, f"{_said(place)}: {_shown(before)} then, {_shown(after)} now")
    if left.keys() != right.keys() or sum(1 for _ in _leaves(left)) != sum(1 for _ in _leaves(right)):
        return Finding("metrics", False, "one record holds more than the other")
    return Finding("metrics", True, f"{numbers} numbers")


def _leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        items = enumerate(value)
    else:
        yield place, value
    for key, item in items:
        if key not in _NO_RESULT:
            yield from _leaves(item, (*place, str(key)))


def _said(place: Sequence[str]) -> str:
    return ", ".join(part for part in place if part not in ("models", "metrics"))


def _shown(value: Any) -> str:
    """All digits: a difference may be in the last."""
    return repr(value) if not isinstance(value, float) or math.isfinite(value) else "no value"
