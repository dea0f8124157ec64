"""What an iterative fit is stopped on: the loss, or a metric, of rows that it does not see.

One program says both what the state makes of these rows and what that is worth. A model with `so_far` reads it off its
state, which costs a pass over the rows; of others the state is finished, and all rows are predicted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import jax.numpy as jnp
import numpy as np

from mldsl.contract import Examples, Prediction
from mldsl.execute.blame import blamed
from mldsl.execute.buckets import bucket, pad
from mldsl.execute.costs import by_class, with_costs
from mldsl.execute.decide import by_class as telling_of
from mldsl.execute.loop import Watch
from mldsl.execute.rounds import Rounds
from mldsl.execute.scales import back
from mldsl.plan import ComponentValue, MetricPlan

if TYPE_CHECKING:
    from mldsl.execute.fit import Prepared, Run

Valued = Callable[[Any, Prediction, Any], Any]  # arrays, what is said of all rows, params or None -> a number


def watch_of(
    run: Run, prepared: Prepared, stop: np.ndarray | None, scoring: Any, matrix: Any, rounds: Rounds
) -> Watch | None:
    """The watch that `stop_when` asks for, on the rows `stop`; None without `stop_when` or rows.

    `scoring` are the model's inputs of all rows, `matrix` their table, `rounds` the programs of the loop.
    """
    plan = prepared.plan.stop_when
    if plan is None or stop is None:
        return None
    component, spec = run.resolver.component(plan), run.resolver.spec(plan)
    metric = dict(plan.args).get("metric")
    model: Any = prepared.pipeline.model
    quick = reads_state(prepared.pipeline)
    if isinstance(metric, ComponentValue):
        better = run.resolver.component(metric).better
        name, sign = metric.text or metric.name, -1.0 if better == "higher" else 1.0
        name = f"validation_{name}" if sign > 0 else f"minus_validation_{name}"
        value, arrays = _metric(run, prepared, metric, stop, matrix)
    else:
        name, sign = "validation_loss", 1.0
        quick = quick and (model.loss is None or model.loss_of is not None)
        value, arrays = _loss(run, prepared, stop, rounds.examples, scoring)
    look = _program(prepared, rounds, value, arrays, scoring, repr(metric), quick=quick)

    def should_stop(history: list[float]) -> bool:
        with blamed(plan, "should_stop"):
            return bool(component.should_stop(spec, history))

    def best_step(history: list[float]) -> int:
        if component.best_step is None:
            return int(np.argmin(np.nan_to_num(np.asarray(history), nan=np.inf)))
        with blamed(plan, "best_step"):
            return int(component.best_step(spec, history))

    return Watch(should_stop, best_step, lambda state: sign * float(look(state)), name)


def reads_state(pipeline: Any) -> bool:
    """Whether a state itself tells what is said of all rows: not where other rows than those are learned from."""
    return pipeline.model.so_far is not None and not pipeline.trains_apart


def _program(
    prepared: Prepared, rounds: Rounds, value: Valued, arrays: Any, scoring: Any, what: str, *, quick: bool
) -> Callable[[Any], Any]:
    """State -> what it is worth."""
    pipeline, model = prepared.pipeline, rounds.model

    def of_state(spec: Any, examples: Examples, arrays: Any, state: Any) -> Any:
        with blamed(pipeline.value, "so_far"):
            said = model.so_far(spec, state, examples)
        return value(arrays, said, None)

    def of_params(spec: Any, scoring: Any, rows: Any, arrays: Any, state: Any) -> Any:
        with blamed(pipeline.value, "finish"):
            params = model.finish(spec, state)
        return value(arrays, pipeline.respond(spec, params, scoring, rows), params)

    name = repr(("watch", what, prepared.scale, quick))
    if quick:
        return rounds.bound(name, of_state, rounds.spec, rounds.examples, arrays)
    return rounds.bound(name, of_params, rounds.spec, scoring, prepared.rows, arrays)


# ---- a metric --------------------------------------------------------------------------------------------------------


def _metric(
    run: Run, prepared: Prepared, plan: ComponentValue, stop: np.ndarray, matrix: Any
) -> tuple[Valued, tuple[Any, ...]]:
    from mldsl.execute.judge import Judge

    component: Any = run.resolver.component(plan)
    dense = np.asarray(matrix) if "inputs" in component.needs else None
    judge = Judge(run, prepared, (MetricPlan(plan.text or plan.name, plan, component.better),), dense)
    (measure,) = judge.measures
    at = np.flatnonzero(stop * prepared.weight > 0)
    view, (codes,) = judge.view(Prediction(), stop * prepared.weight, None, rows=at)
    classes, more = len(prepared.classes), view.classes - len(prepared.classes)

    def value(arrays: Any, said: Prediction, params: Any) -> Any:
        view, codes, at = arrays
        taken: Any = [None if part is None else part[at] for part in said]
        said = back(prepared.scale, Prediction(*taken), jnp)
        telling = telling_of(said, classes)
        shown: Any = next((p for p in (said.label, said.mean, said.score) if p is not None), None)
        if telling is not None:
            shown = telling.argmax(axis=1).astype(jnp.int32)
        probability, score = said.probability, said.score
        if more:  # a class that no training row has, of probability 0
            probability = None if probability is None else jnp.pad(probability, ((0, 0), (0, more)))
            if score is not None and score.ndim == 2:
                score = jnp.pad(score, ((0, 0), (0, more)), constant_values=-jnp.inf)
        seen = attrs.evolve(
            view, prediction=shown, probability=probability, score=score,
            clusters=0 if said.distance is None else int(said.distance.shape[1]),
        )  # fmt: skip
        return judge._value(measure, judge.of(measure, seen, codes))

    return value, (view, codes, pad(at.astype(np.int32), len(view.weight)))


# ---- the loss --------------------------------------------------------------------------------------------------------


def _loss(
    run: Run, prepared: Prepared, stop: np.ndarray, learned_from: Examples, scoring: Any
) -> tuple[Valued, tuple[Any, ...]]:
    """The loss that the fit lowers, so with its class weights, those of the rows it learns from."""
    rows, pipeline = prepared.rows, prepared.pipeline
    model: Any = pipeline.model
    of_params = model.loss is not None and model.loss_of is None
    weight = (prepared.weight * stop).astype(np.float64 if prepared.x64 else np.float32)
    parts = (rows.target, None, rows.cost, rows.offset, rows.query, rows.user, rows.item, rows.time)
    at = np.zeros(0, np.int32)
    if of_params:
        examples = Examples(scoring, pad(weight, pipeline.shape.rows), *parts)  # type: ignore[arg-type]
    else:  # of what is said of the rows, those that count are enough
        at = np.flatnonzero(weight > 0).astype(np.int32)
        size = bucket(len(at))
        few: Any = [None if part is None else pad(np.asarray(part)[at], size) for part in parts]
        examples = Examples(None, pad(weight[at], size), *few)  # type: ignore[arg-type]
        at = pad(at, size)

    def value(arrays: Any, said: Prediction, params: Any) -> Any:
        weights, spec, examples, at = arrays
        examples = with_costs(examples, weights)
        if of_params:
            with blamed(pipeline.value, "loss"):
                return model.loss(spec, params, examples)
        taken: Any = [None if part is None else part[at] for part in said]
        if model.loss_of is None:
            return task_loss(Prediction(*taken), examples)
        with blamed(pipeline.value, "loss_of"):
            return model.loss_of(spec, Prediction(*taken), examples)

    return value, (_class_weights(run, prepared, learned_from), prepared.specs[1], examples, at)


def _class_weights(run: Run, prepared: Prepared, learned_from: Examples) -> Any:
    """What the loss of each class is multiplied by in this fit, Float[classes]; None without class weights."""
    weights, pipeline = prepared.specs[2], prepared.pipeline
    if weights is None:
        return None
    rows = Examples(None, np.asarray(learned_from.weight), np.asarray(learned_from.target))  # type: ignore[arg-type]

    def of_classes(weights: Any, rows: Examples) -> Any:
        return by_class(weights, rows, pipeline.shape.classes)

    return run.programs.call("class weights", of_classes, pipeline.static, weights, rows, x64=prepared.x64)


def task_loss(prediction: Prediction, examples: Examples) -> Any:
    """The loss of a task, where the model names none: log loss of classes, squared error of numbers; weighted mean."""
    weight, target = examples.loss_weight(), examples.target
    mass = jnp.maximum(weight.sum(), 1e-30)
    if prediction.probability is not None and target is not None:
        own = jnp.take_along_axis(prediction.probability, target[:, None], axis=1)[:, 0]
        return -(weight * jnp.log(jnp.maximum(own, 1e-12))).sum() / mass
    given = prediction.mean if prediction.mean is not None else prediction.score
    assert given is not None
    assert target is not None
    return (weight * (given - target) ** 2).sum() / mass
