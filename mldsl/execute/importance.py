"""What a metric loses when a column is permuted among held-out rows: how much the answers hang on that column.

Sources: Breiman 2001, doi:10.1023/A:1010933404324; Fisher, Rudin & Dominici 2019, JMLR 20(177).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import jax
import numpy as np

from mldsl.contract import MetricView, Permuted, Prediction
from mldsl.execute.buckets import pad
from mldsl.execute.decide import by_class, classes_at
from mldsl.execute.intervals import replicate_weights
from mldsl.execute.judge import Judge, Measured, measured, measured_by, with_no_chance
from mldsl.execute.look import Asked, Looker
from mldsl.execute.programs import key_data

_REPLICATES = 200
_FEWEST = 30  # replicates; an interval from fewer would be too rough to show
_BLOCK = 1 << 22  # numbers that the weights of the replicates may hold
_VISITS = 100_000_000  # rows that all replicates of all permutations may visit
_Z = 1.959963984540054


def permuted(looker: Looker, columns: Sequence[str], repeats: int, metric: Any = None) -> Permuted:
    """The drop of a metric (None: the primary one) for each column and repeat, averaged over the fits asked.

    The interval is about these fits: it allows for the choice of held-out rows (bootstrap, groups whole), and for there
    being so many repeats and no more.
    """
    run, outcome = looker.run, looker.outcome
    measure, higher = _measure(looker, metric)
    judge = Judge(run, looker.prepared, (), None, outcome.model.last.params)
    judge.matrix = outcome.matrix if "inputs" in measure.component.needs else None
    sign = 1.0 if higher else -1.0
    base, drops, variances = [], [], []
    for number, asked in enumerate(looker.asked):
        m = len(asked.index)
        changes: list[dict[str, Any]] = [{columns[0]: np.arange(m)}]
        for name in columns:
            random = _random(run.plan.seed, f"report/{outcome.name}/{number}/{name}")
            changes += [{name: random.permutation(m)} for _ in range(repeats)]
        values = _judged(looker, judge, measure, asked, looker.answers(asked, changes))
        base.append(values[0, 0])
        drop = sign * (values[0] - values[1:]).reshape(len(columns), repeats, -1)  # [columns, repeats, replicates]
        drops.append(drop[:, :, 0])
        variances.append(_variance(drops[-1], drop[:, :, 1:]))
    found = np.mean(drops, axis=0)
    half = _Z * np.sqrt(np.sum(variances, axis=0)) / len(drops)
    mean = found.mean(axis=1)
    return Permuted(measure.name, float(np.mean(base)), found, mean - half, mean + half, len(drops))


def _variance(drop: np.ndarray, replicates: np.ndarray) -> np.ndarray:
    """Of the mean over repeats [columns]: of so many permutations, and of the choice of rows; NaN without replicates.

    `drop` [columns, repeats] is of the rows as they are, `replicates` [columns, repeats, replicates] of drawn ones.
    """
    if replicates.shape[2] < 2:
        return np.full(len(drop), np.nan)
    variance = drop.var(axis=1, ddof=1) / drop.shape[1] if drop.shape[1] > 1 else np.zeros(len(drop))
    return np.asarray(variance + np.nanvar(replicates.mean(axis=1), axis=1, ddof=1))


def _measure(looker: Looker, metric: Any) -> tuple[Measured, bool]:
    run = looker.run
    if metric is not None:
        component = metric.component
        name = _written(component.name, metric.spec)
        return measured_by(run, looker.prepared, name, component, metric.spec), component.better == "higher"
    primary = next(m for m in run.plan.metrics if m.primary)
    return measured(run, looker.prepared, primary.name, primary.component), primary.better == "higher"


def _written(name: str, spec: Any) -> str:
    """A nested metric as one would write it."""
    given = [
        f"{field.name} = {value}"
        for field in attrs.fields(type(spec))
        if (value := getattr(spec, field.name)) != field.default and isinstance(value, (str, int, float))
    ]
    return f"{name}({', '.join(given)})" if given else name


def _random(seed: int, path: str) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(key_data(seed, path)))


def _judged(looker: Looker, judge: Judge, measure: Measured, asked: Asked, said: Prediction) -> np.ndarray:
    """The metric of each of j answers under each weight vector, the rows' own weights first: [j, 1 + replicates]."""
    run, prepared = judge.run, judge.prepared
    weight = np.zeros(judge.n)
    weight[asked.index] = prepared.weight[asked.index]
    whole = looker.outcome.model.last.prediction  # only what any answer would tell of classes and shapes is used
    view, (codes,) = judge.view(whole, weight, asked.threshold, [measure], asked.index)
    size, jobs = len(view.weight), len(next(v for v in said if v is not None))
    wanted = min(_REPLICATES, _BLOCK // size - 1, _VISITS // (jobs * size * len(looker.asked)))
    key = key_data(run.plan.seed, f"report/{prepared.plan.name}/rows")
    block = next(replicate_weights(key, view.weight, view.group, wanted if wanted >= _FEWEST else 0))
    fields = _fields(view, said, asked.threshold, len(prepared.classes))

    def judged(view: MetricView, codes: Any, fields: Any, counts: Any, scale: Any, factor: Any) -> Any:
        def one(answer: Any) -> Any:
            seen = judge.of(measure, attrs.evolve(view, **answer), codes)
            if measure.component.prepare is not None:
                seen = attrs.evolve(seen, prepared=measure.component.prepare(measure.spec, seen))

            def under(count: Any, factor: Any) -> Any:
                drawn = count.astype(scale.dtype) * scale * factor
                return measure.component.metric(measure.spec, attrs.evolve(seen, weight=drawn)).astype(scale.dtype)

            return jax.vmap(under)(counts, factor)

        return jax.lax.map(one, fields)

    static = (prepared.pipeline.shape, measure.component.name, repr(measure.spec), measure.positive)
    found = run.programs.call("judged", judged, static, view, codes, fields, *block, x64=prepared.x64)
    return np.asarray(found, np.float64)


def _fields(view: MetricView, said: Prediction, threshold: Any, k: int) -> dict[str, np.ndarray]:
    """What a view shows of each answer: prediction [j, n], probability [j, n, k] and score, padded."""
    size = len(view.weight)
    found: dict[str, Any] = {}
    shown: Any = None
    telling = by_class(said, k)
    if telling is not None:
        flat = np.asarray(telling).reshape(-1, k)
        shown = classes_at(flat, k - 1 if k == 2 else None, threshold).reshape(telling.shape[:2])
        if said.probability is not None:
            found["probability"] = with_no_chance(said.probability, 0) if view.classes > k else said.probability
    elif said.mean is not None or said.score is not None:
        shown = said.mean if said.mean is not None else said.score
    found["prediction"] = shown
    if said.score is not None:
        found["score"] = with_no_chance(said.score) if view.classes > k > 0 else said.score
    return {
        name: np.stack([pad(v.astype(getattr(view, name).dtype), size) for v in values])
        for name, values in found.items()
    }
