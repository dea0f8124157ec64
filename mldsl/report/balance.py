"""What evened the classes out before a model was fitted, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from mldsl.record.model import ModelRecord, RunRecord
from mldsl.report.format import number

_LISTED = 4  # classes; more are counted
_Value = TypeVar("_Value")
KEYS = ("resampled", "class_weights")  # of `ModelRecord.info`


def balance_words(record: RunRecord) -> list[str]:
    """A sentence for each thing that was done; models of which the same is true share it."""
    said: dict[str, list[str]] = {}
    for name, model in record.models.items():
        for sentence in _sentences(model):
            said.setdefault(sentence, []).append(name)
    everyone = len(record.models)
    return [text if len(who) == everyone else f"{', '.join(who)}: {text}" for text, who in said.items()]


def _sentences(model: ModelRecord) -> Iterator[str]:
    for step in model.info.get("resampled", ()):
        before, after = step["before"], step["after"]
        changed = {level: (before[level], after[level]) for level in before if before[level] != after[level]}
        if not changed:
            yield f"{step['step']} had nothing to even out"
            continue
        shown = ", ".join(f"{level} {_rows(old)} → {_rows(new)}" for level, (old, new) in _some(changed))
        more = f" and {len(changed) - _LISTED} more classes" if len(changed) > _LISTED else ""
        yield f"{step['step']}: training rows of {shown}{more}"
    weights: Mapping[str, float] = model.info.get("class_weights", {})
    weights = {level: weight for level, weight in weights.items() if weight != 1} or weights
    if weights:
        shown = ", ".join(f"{level} × {number(weight)}" for level, weight in _some(weights))
        more = f" and {len(weights) - _LISTED} more classes" if len(weights) > _LISTED else ""
        yield f"loss of {shown}{more}"


def _some(items: Mapping[str, _Value]) -> list[tuple[str, _Value]]:
    return list(items.items())[:_LISTED]


def _rows(count: float) -> str:
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:,.1f}"
