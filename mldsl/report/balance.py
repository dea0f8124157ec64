"""What steps did to the training rows of a model before it was fitted, in words: classes evened out, columns chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from mldsl.record.model import ModelRecord, RunRecord
from mldsl.report.format import number

_LISTED = 4  # classes; more are counted
_NAMED = 12  # columns; more are counted
_Value = TypeVar("_Value")
KEYS = ("resampled", "class_weights", "chosen")  # of `ModelRecord.info`


def balance_words(record: RunRecord) -> list[str]:
    """A sentence for each thing that evened classes out; models of which the same is true share it."""
    return _shared(record, _sentences)


def chosen_words(record: RunRecord) -> list[str]:
    """A sentence for each step that chose among columns; models of which the same is true share it."""
    return _shared(record, _choices)


def _shared(record: RunRecord, of: Callable[[ModelRecord], Iterator[str]]) -> list[str]:
    said: dict[str, list[str]] = {}
    for name, model in record.models.items():
        for sentence in of(model):
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


def _choices(model: ModelRecord) -> Iterator[str]:
    for step in model.info.get("chosen", ()):
        stay, leave = step["stay"], step["leave"]
        count = f"{step['step']} kept {stay:,} of {stay + leave:,} columns"
        names, number_of = (step["kept"], stay) if stay <= leave else (step["left_out"], leave)
        shown = ", ".join(names[:_NAMED]) + (f" and {number_of - _NAMED:,} more" if number_of > _NAMED else "")
        between = ": " if stay <= leave else ", all but "
        yield f"{count}{between}{shown}" if names else count


def _some(items: Mapping[str, _Value]) -> list[tuple[str, _Value]]:
    return list(items.items())[:_LISTED]


def _rows(count: float) -> str:
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:,.1f}"
