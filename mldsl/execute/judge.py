"""Metrics of one model: the value on every part with its interval, per fold, and per candidate threshold.

Every evaluation of a model is the same few compiled programs over the same padded rows; a part is a weight vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from mldsl.contract import MetricView, Prediction
from mldsl.data import Dataset
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.blame import blamed, guarded
from mldsl.execute.buckets import bucket, pad
from mldsl.execute.decide import Scores, Threshold, by_class, classes_at, factors
from mldsl.execute.fit import Prepared, Run
from mldsl.execute.intervals import percentiles, prepare_views, replicated, replicates_for
from mldsl.execute.programs import key_data
from mldsl.execute.steps import Resolver
from mldsl.plan import ComponentValue, MetricPlan, Plan

GATHER_FROM = 20_000  # rows; above, a part's rows are gathered, below all rows share one program


@attrs.frozen(eq=False)
class Measured:
    """A metric ready to be computed: its functions, Spec, class index, costs, and codes of the column that it names."""

    name: str
    component: Any
    spec: Any
    positive: int | None
    labels: np.ndarray | None
    label_count: int
    costs: np.ndarray | None = None


def measured(run: Run, prepared: Prepared, name: str, value: ComponentValue) -> Measured:
    """Resolve a metric against the model's classes and the data's columns."""
    return measured_by(run, prepared, name, run.resolver.component(value), run.resolver.spec(value), value)


def measured_by(
    run: Run, prepared: Prepared, name: str, component: Any, spec: Any, value: ComponentValue | None = None
) -> Measured:
    """The same for a component with its Spec; `value` is what the plan calls it, if it does."""
    positive = len(prepared.classes) - 1 if len(prepared.classes) == 2 else None
    written = getattr(spec, "positive", None)
    if written is not None:
        positive = prepared.classes.index(str(written))
    labels, count = None, 0
    column = getattr(spec, "labels", None)
    if column is not None:
        import polars as pl

        texts = run.dataset.frame[str(column)].cast(pl.String)
        known = texts.drop_nulls().unique().sort()
        numbers = pl.Series(range(len(known)), dtype=pl.Int32)
        labels = texts.replace_strict(known, numbers, default=-1, return_dtype=pl.Int32).to_numpy()
        count = len(known)
    named = attrs.evolve(
        component,
        metric=guarded(component.metric, value, "metric"),
        prepare=guarded(component.prepare, value, "prepare"),
    )
    return Measured(
        name, named, spec, positive, labels, count, costs_of(getattr(spec, "costs", None), prepared.classes)
    )


def costs_of(written: Any, classes: tuple[str, ...]) -> np.ndarray | None:
    """What it costs to say one class for another [actual, said]: 1, for the right one 0, unless it is written."""
    if written is None:
        return None
    costs = 1 - np.eye(len(classes))
    for actual, said in written:
        for level, cost in said:
            costs[classes.index(actual), classes.index(level)] = cost
    return costs


def with_another_class(target: np.ndarray, probability: Any, classes: int) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Target [n] and probabilities [n, k] where rows are of a class (-1) that no training row has.

    It becomes a class more, of probability 0: no model can predict it, so such rows count as the mistakes they are.
    """
    changed = np.where(target < 0, classes, target)
    return changed, None if probability is None else with_no_chance(probability, 0), classes + 1


def with_no_chance(values: Any, value: float | None = None) -> np.ndarray:
    """Probabilities or margins [..., k] with one more class, of this value, or of one less than all."""
    given = np.asarray(values)
    value = given.min(initial=0) - 1 if value is None else value
    return np.concatenate([given, np.full_like(given[..., :1], value)], axis=-1)


def check_targets(plan: Plan, dataset: Dataset, resolver: Resolver) -> None:
    """What the metrics say against the targets (MLP0312), before anything is trained."""
    if plan.target is None or plan.task == "classification":
        return
    import polars as pl

    target = dataset.frame[plan.target].cast(pl.Float64, strict=False).drop_nulls().to_numpy()
    view, found = MetricView(weight=np.ones(len(target)), target=target), []
    for metric in plan.metrics:
        component: Any = resolver.component(metric.component)
        if component.check is not None:
            with blamed(metric.component, "check"):
                problems = list(component.check(resolver.spec(metric.component), view))
            found += [
                Diagnostic(
                    "MLP0312", f"`{metric.component.name}` cannot work here: `{plan.target}`: {problem.message}",
                    metric.span,
                )
                for problem in problems
            ]  # fmt: skip
    if found:
        raise MldslError(*found)


class Judge:
    """All metrics of one model."""

    def __init__(
        self,
        run: Run,
        prepared: Prepared,
        metrics: tuple[MetricPlan, ...],
        matrix: np.ndarray | None,
        params: Any = None,
    ) -> None:
        self.run, self.prepared, self.metrics = run, prepared, metrics
        self.measures = [measured(run, prepared, m.name, m.component) for m in metrics]
        self.n = run.dataset.frame.height
        # Only for metrics that look at it: a report that needs the matrix must not change the metrics' programs.
        self.matrix = matrix if any("inputs" in m.component.needs for m in self.measures) else None
        self.centroids = getattr(params, "centroids", None)  # of a clustering, where the model has them
        self.target = self._target()
        self.groups = self._groups()
        self.static = repr((prepared.pipeline.shape, [(m.name, m.component.name, repr(m.spec)) for m in self.measures]))

    def _target(self) -> np.ndarray | None:
        target = self.prepared.host.encoded.target
        return None if target is None else np.asarray(target)

    def _groups(self) -> np.ndarray | None:
        encoded = self.prepared.host.encoded
        return next((g for g in (encoded.group, encoded.query, encoded.user) if g is not None), None)

    # ---- views -------------------------------------------------------------------------------------------------------
    def view(
        self,
        prediction: Prediction,
        weight: np.ndarray,
        threshold: Threshold,
        measures: Sequence[Measured] | None = None,
        rows: np.ndarray | None = None,
    ) -> tuple[MetricView, Any]:
        """What metrics see of a prediction (NumPy, padded), for rows of weight above 0; codes of named columns.

        `rows` are the places of those to look at: all, unless they are many and mostly of weight 0.
        """
        measures = self.measures if measures is None else measures
        dtype = np.float64 if self.prepared.x64 else np.float32
        if rows is None and self.n > GATHER_FROM and np.count_nonzero(weight) < 0.8 * self.n:
            rows = np.flatnonzero(weight)
        rows = np.arange(self.n) if rows is None else rows
        size = bucket(len(rows))

        def fit(array: Any, cast: Any) -> Any:
            return None if array is None else pad(np.asarray(array)[rows].astype(cast), size)

        classes = len(self.prepared.classes)
        target, shown = self.target, None
        probability: Any = prediction.probability
        score: Any = prediction.score
        telling = by_class(prediction, classes)
        if telling is not None:
            positive = classes - 1 if classes == 2 else None
            shown = fit(classes_at(np.asarray(telling)[: self.n], positive, threshold), np.int32)
        elif prediction.label is not None:
            shown = fit(prediction.label, np.int32)
        elif prediction.mean is not None or prediction.score is not None:
            shown = fit(prediction.mean if prediction.mean is not None else prediction.score, dtype)
        train = (self.run.split.part == "train") * self.prepared.weight
        prior = center = None
        if target is not None and classes:
            if ((target < 0) & (weight > 0)).any():
                target, probability, classes = with_another_class(target, probability, classes)
                score = with_no_chance(score) if score is not None and np.ndim(score) == 2 else score
            of_train = target[train > 0].astype(int)
            prior = np.bincount(of_train, train[train > 0], classes) / max(float(train.sum()), 1e-30)
            prior = prior.astype(dtype)
        elif target is not None:
            center = np.asarray((target * train).sum() / max(float(train.sum()), 1e-30), dtype)
        groups = self.groups
        view = MetricView(
            weight=fit(weight, dtype),
            target=fit(target, np.int32 if classes else dtype),
            prediction=shown,
            probability=fit(probability, dtype),
            score=fit(score, dtype),
            inputs=fit(self.matrix, dtype),
            query=fit(self.prepared.host.encoded.query, np.int32),
            group=fit(groups, np.int32),
            prior=prior,
            center=center,
            centroids=None if self.centroids is None else np.asarray(self.centroids, dtype),
            shape=attrs.evolve(self.prepared.pipeline.shape, rows=size),
            classes=classes,
            clusters=0 if prediction.distance is None else int(prediction.distance.shape[1]),
            parameters=self.prepared.pipeline.shape.d,
        )
        codes = tuple(fit(m.labels, np.int32) for m in measures)
        return view, codes

    def of(self, measure: Measured, view: MetricView, codes: Any) -> MetricView:
        """The view as one metric sees it."""
        costs = measure.costs
        if costs is not None:  # a class more than those trained on is always a mistake
            more = view.classes - len(costs)
            costs = np.pad(costs, (0, more), constant_values=1).astype(view.weight.dtype)
        facts = {"positive": measure.positive, "labels": codes, "label_count": measure.label_count, "costs": costs}
        return attrs.evolve(view, **facts)

    # ---- programs ----------------------------------------------------------------------------------------------------
    def _views(self, prediction: Prediction, weight: np.ndarray, threshold: Threshold) -> list[MetricView]:
        view, codes = self.view(prediction, weight, threshold)
        return [self.of(m, view, c) for m, c in zip(self.measures, codes, strict=True)]

    @property
    def _pairs(self) -> list[tuple[Any, Any]]:
        return [(m.component, m.spec) for m in self.measures]

    def part(
        self, prediction: Prediction, weight: np.ndarray, threshold: Threshold, path: str
    ) -> dict[str, tuple[float, float, float]]:
        """Every metric on the rows of weight above 0, with its 95 % interval: name -> (value, low, high)."""
        if not self.measures:
            return {}
        value, low, high = percentiles(self.replicates(prediction, weight, threshold, path))
        if self.units(weight) < 2:  # one group, drawn again and again, is always the same: that is no certainty
            low, high = np.full_like(low, np.nan), np.full_like(high, np.nan)
        return {m.name: (float(value[i]), float(low[i]), float(high[i])) for i, m in enumerate(self.measures)}

    def replicates(self, prediction: Prediction, weight: np.ndarray, threshold: Threshold, path: str) -> np.ndarray:
        """Every metric on the rows of weight above 0 and under each replicate of them: [1 + replicates, metrics].

        `path` names the draws: models that are judged on the same rows under one path are paired.
        """
        views = self._views(prediction, weight, threshold)
        return replicated(
            self._pairs, views, key_data(self.run.plan.seed, f"metrics/{path}"), self.run.programs.call,
            static=self.static, groups=views[0].group, replicates=replicates_for(int(np.count_nonzero(weight))),
            x64=self.prepared.x64,
        )  # fmt: skip

    def units(self, weight: np.ndarray) -> int:
        """How many units the replicates draw: groups, queries or users where rows have such, else rows."""
        present = np.flatnonzero(weight > 0)
        return len(present) if self.groups is None else len(np.unique(np.asarray(self.groups)[present]))

    def points(self, prediction: Prediction, weight: np.ndarray, threshold: Threshold) -> dict[str, float]:
        """Every metric on the rows of weight above 0, without intervals (folds)."""
        if not self.measures:
            return {}
        views = prepare_views(self._pairs, self._views(prediction, weight, threshold))

        def judge(views: Any) -> Any:
            values = [m.component.metric(m.spec, v) for m, v in zip(self.measures, views, strict=True)]
            return jnp.stack([v.astype(views[0].weight.dtype) for v in values])

        values = np.asarray(self.run.programs.call("points", judge, self.static, views, x64=self.prepared.x64))
        return {m.name: float(v) for m, v in zip(self.measures, values, strict=True)}

    def grid(self, measure: Measured, answers: Prediction, held: Sequence[np.ndarray], at: Threshold) -> np.ndarray:
        """One metric for f folds and s settings, [f, s]. `held` bool[f, n] are the rows that each fold holds out.

        `answers` have leaves [f, s, m, ...], of those rows in order, also of those that weigh nothing. What the metric
        prepares (sorting) is done on the host; one compiled program then serves all folds.
        """
        static = (self.static, measure.name, repr(measure.spec), next(a.shape[1] for a in answers if a is not None))

        def judge(views: Any) -> Any:
            return jax.lax.map(lambda view: measure.component.metric(measure.spec, view), views)

        def of_fold(number: int, there: np.ndarray) -> np.ndarray:
            seen = self._seen(measure, Prediction(*(None if a is None else a[number] for a in answers)), there, at)
            views = prepare_views([(measure.component, measure.spec)] * len(seen), seen)
            stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *views)
            return np.asarray(self.run.programs.call("grid", judge, static, stacked, x64=self.prepared.x64))

        return np.stack([of_fold(number, there) for number, there in enumerate(held)])

    def _seen(self, measure: Measured, answers: Prediction, held: np.ndarray, at: Threshold) -> list[MetricView]:
        """What a metric sees of each of s settings (leaves [s, m, ...]) on the same rows."""
        rows = np.flatnonzero(held)
        view, (codes,) = self.view(Prediction(), held * self.prepared.weight, at, [measure], rows)
        dtype, size, classes = view.weight.dtype, len(view.weight), len(self.prepared.classes)
        given = Prediction(*(None if a is None else a[:, : len(rows)] for a in answers))
        shown: Any = next((a for a in (given.label, given.mean, given.score) if a is not None), None)
        telling = by_class(given, classes)
        if telling is not None:
            shown = np.stack([classes_at(p, classes - 1 if classes == 2 else None, at) for p in telling])
        more = view.classes - classes  # a class that no training row has, of probability 0
        score = with_no_chance(given.score) if more and given.score is not None else given.score

        def fit(array: Any, s: int, cast: Any) -> Any:
            return None if array is None else pad(np.asarray(array[s]).astype(cast), size)

        views = []
        for s in range(len(shown)):
            probability = fit(given.probability, s, dtype)
            if probability is not None and more:
                probability = with_no_chance(probability, 0)
            changed = attrs.evolve(
                view, prediction=fit(shown, s, dtype if shown.dtype.kind == "f" else np.int32), probability=probability,
                score=fit(score, s, dtype),
                clusters=0 if given.distance is None else int(given.distance.shape[-1]),
            )  # fmt: skip
            views.append(self.of(measure, changed, codes))
        return views

    def at_thresholds(self, measure: Measured, prediction: Prediction, weight: np.ndarray) -> Scores:
        """One metric on the rows of weight above 0, as a function of candidate thresholds: [c] for two classes, or
        [c, k] -> [c]. All candidates go through one compiled program."""
        view, (codes,) = self.view(prediction, weight, None, [measure])
        classes = len(self.prepared.classes)
        positive = classes - 1
        dtype = np.float64 if self.prepared.x64 else np.float32

        def decided(probability: Any, at: Any) -> Any:
            if at.ndim:
                return (probability[:, :classes] * at[None, :]).argmax(axis=1).astype(jnp.int32)
            return jnp.where(probability[:, positive] >= at, positive, 1 - positive)

        def judge(view: MetricView, codes: Any, candidates: Any) -> Any:
            def one(at: Any) -> Any:
                shown = attrs.evolve(view, prediction=decided(view.probability, at))
                return self._value(measure, self.of(measure, shown, codes))

            return jax.lax.map(one, candidates)

        static = (self.static, measure.name, repr(measure.spec))

        def scores(thresholds: np.ndarray) -> np.ndarray:
            given = thresholds.astype(dtype) if thresholds.ndim == 1 else factors(thresholds, dtype)
            call = self.run.programs.call
            return np.asarray(call("thresholds", judge, static, view, codes, given, x64=self.prepared.x64))

        return scores

    @staticmethod
    def _value(measure: Measured, view: MetricView) -> Any:
        if measure.component.prepare is not None:
            view = attrs.evolve(view, prepared=measure.component.prepare(measure.spec, view))
        return measure.component.metric(measure.spec, view)
