"""What the metrics of the parts say beside each other, in words: overfitting, underfitting, flattering choices.

A sentence stands only where a difference is larger than the uncertainty of both numbers together, so that noise raises
no alarm; and where it is large enough to matter to anybody.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from mldsl.record.model import MetricValue, ModelRecord, RunRecord
from mldsl.report.facts import part_name
from mldsl.report.format import number

NOTICED = 0.02
"""A gap below this share of the larger of the two numbers is not worth a sentence, however certain it is."""
MUCH = 0.1
"""From this share on the gap is large."""
YARDSTICK = "constant"
"""The algorithm that learns nothing of the inputs."""
_ADVICE = "Expect the latter; fewer inputs, a simpler model or more rows may close the gap."


def remarks(record: RunRecord) -> list[str]:
    """Sentences about the fit of each model, by the primary metric, and about numbers that flatter."""
    return [*_of_fits(record), *_of_choices(record)]


def _of_fits(record: RunRecord) -> Iterator[str]:
    metric = record.primary
    if metric is None or metric not in record.better:
        return
    sign = 1.0 if record.better[metric] == "higher" else -1.0
    over = [words for name, model in record.models.items() if (words := _overfit(name, model, metric, sign))]
    if over:
        yield "; ".join(over) + ". " + _ADVICE
    constant = {n: m for n, m in record.models.items() if m.algorithm == YARDSTICK}
    for name, model in record.models.items():
        if constant and name not in constant:
            yardstick, of_nothing = next(iter(constant.items()))
            words = _underfit(name, model, yardstick, of_nothing, metric, sign)
            if words:
                yield words


def _overfit(name: str, model: ModelRecord, metric: str, sign: float) -> str:
    """`forest` fits its training rows much better than new ones: roc_auc 0.9900 against 0.8100 (test)."""
    part = model.held_out
    train, held = (model.metrics.get(p, {}).get(metric) for p in ("train", part))
    if part in ("train", "all") or train is None or held is None:
        return ""
    gap = sign * (train.value - held.value)
    size = max(abs(train.value), abs(held.value))
    if not gap > _uncertainty(train, held, sign) or gap < NOTICED * size:
        return ""
    much = "much " if gap >= MUCH * size else ""
    shown = f"{metric} {number(train.value)} against {number(held.value)} ({part_name(part)})"
    return f"`{name}` fits its training rows {much}better than new ones: {shown}"


def _underfit(name: str, model: ModelRecord, other: str, nothing: ModelRecord, metric: str, sign: float) -> str:
    """`tree` is not distinguishable from the constant `nothing`: roc_auc 0.52 against 0.5 (test)."""
    part = model.held_out
    here, there = (m.metrics.get(part, {}).get(metric) for m in (model, nothing))
    if here is None or there is None or not math.isfinite(here.value) or not math.isfinite(there.value):
        return ""
    ahead = sign * (here.value - there.value)
    if not ahead <= _uncertainty(here, there, sign):
        return ""
    shown = f"{metric} {number(here.value)} against {number(there.value)} ({part_name(part)})"
    if ahead <= 0:
        return (
            f"`{name}` is no better than the constant prediction of `{other}`: {shown}. It has learned nothing of use."
        )
    return f"`{name}` is not distinguishable from the constant prediction of `{other}`: {shown}."


def _uncertainty(better: MetricValue, worse: MetricValue, sign: float) -> float:
    """How far two numbers may lie apart by chance: their half-intervals towards each other, as of independent rows."""
    low, high = (better.low, worse.high) if sign > 0 else (better.high, worse.low)
    return math.hypot(better.value - low, worse.value - high)


def _of_choices(record: RunRecord) -> Iterator[str]:
    """Where the number that counts is of the very rows that chose the model."""
    model = record.models.get(record.best or "")
    value = model and record.primary and model.metrics.get(model.held_out, {}).get(record.primary)
    if not model or not value or not value.selected_on:
        return
    rows = "folds" if model.held_out == "folds" else f"{part_name(model.held_out)} rows"
    what = (
        f"`{record.best}` was chosen out of {len(record.models)} models"
        if len(record.models) > 1
        else "a choice was made"
    )
    yield f"{what} on the very {rows} that measure it, so its {record.primary} flatters; a `test` part would not."
