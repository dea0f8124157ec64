"""What an iterative fit is stopped on: the loss, or a metric, of rows that it does not see."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from mldsl.contract import Examples, Prediction
from mldsl.execute.blame import blamed
from mldsl.execute.buckets import pad
from mldsl.execute.costs import by_class, with_costs
from mldsl.execute.loop import Watch
from mldsl.execute.scales import back
from mldsl.plan import ComponentValue, MetricPlan

if TYPE_CHECKING:
    from mldsl.execute.fit import Prepared, Run
    from mldsl.execute.rounds import Rounds


def watch_of(
    run: Run,
    prepared: Prepared,
    stop: np.ndarray | None,
    learned_from: Examples,
    inputs: Any,
    matrix: Any,
    rounds: Rounds,
    score: Callable[[Any], Prediction],
) -> Watch | None:
    """The watch that `stop_when` asks for, on the rows `stop`; None without `stop_when` or rows.

    `learned_from` are the training rows; `inputs` are the model's inputs of all rows, `matrix` their table,
    `score(params)` the prediction of all rows.
    """
    plan = prepared.plan.stop_when
    if plan is None or stop is None:
        return None
    component, spec = run.resolver.component(plan), run.resolver.spec(plan)
    metric = dict(plan.args).get("metric")
    if isinstance(metric, ComponentValue):
        name, value = _metric(run, prepared, metric, stop, np.asarray(matrix), score)
    else:
        name, value = "validation_loss", _loss(run, prepared, stop, learned_from, inputs)

    def should_stop(history: list[float]) -> bool:
        with blamed(plan, "should_stop"):
            return bool(component.should_stop(spec, history))

    def best_step(history: list[float]) -> int:
        if component.best_step is None:
            return int(np.argmin(np.nan_to_num(np.asarray(history), nan=np.inf)))
        with blamed(plan, "best_step"):
            return int(component.best_step(spec, history))

    return Watch(should_stop, best_step, lambda state: value(rounds.finish(state)), name)


def _metric(
    run: Run,
    prepared: Prepared,
    value: ComponentValue,
    stop: np.ndarray,
    matrix: np.ndarray,
    score: Callable[[Any], Prediction],
) -> tuple[str, Callable[[Any], float]]:
    from mldsl.execute.judge import Judge

    better = run.resolver.component(value).better
    name = value.text or value.name
    judge = Judge(run, prepared, (MetricPlan(name, value, better),), matrix)
    sign = -1.0 if better == "higher" else 1.0

    def watched(params: Any) -> float:
        prediction = back(prepared.scale, score(params))
        return sign * judge.points(prediction, stop * prepared.weight, None)[name]

    return f"validation_{name}" if sign > 0 else f"minus_validation_{name}", watched


def _loss(
    run: Run, prepared: Prepared, stop: np.ndarray, learned_from: Examples, inputs: Any
) -> Callable[[Any], float]:
    """The loss that the fit lowers, so with its class weights, those of the rows it learns from."""
    dtype = np.float64 if prepared.x64 else np.float32
    rows, pipeline = prepared.rows, prepared.pipeline
    weight: Any = pad((prepared.weight * stop).astype(dtype), pipeline.shape.rows)
    examples = Examples(
        inputs, weight, rows.target, None, rows.cost, rows.offset, rows.query, rows.user, rows.item, rows.time
    )
    model: Any = pipeline.model

    trained = Examples(None, learned_from.weight, learned_from.target)  # type: ignore[arg-type]

    def loss(specs: Any, params: Any, trained: Examples, examples: Examples) -> Any:
        spec, weights = specs
        examples = with_costs(examples, by_class(weights, trained, pipeline.shape.classes))
        if model.loss is None:
            return task_loss(pipeline.answer_of(spec, params, examples.inputs), examples)
        with blamed(pipeline.value, "loss"):
            return model.loss(spec, params, examples)

    def value(params: Any) -> float:
        call = run.programs.call
        given = (prepared.specs[1:], params, trained, examples)
        return float(call("loss", loss, pipeline.static, *given, x64=prepared.x64))

    return value


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
