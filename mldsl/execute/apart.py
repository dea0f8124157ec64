"""Fits that are not one program: a host `prepare`, or a loop of updates that the engine owns.

They are cut where the host comes in: a program for the steps before the model, then the model's own functions, each a
program of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import jax
import numpy as np

from mldsl.contract import Examples, Prediction, Shape
from mldsl.execute.blame import blamed
from mldsl.execute.loop import Loop
from mldsl.execute.pipeline import StepsFitted
from mldsl.execute.preparing import to_answer, to_learn
from mldsl.execute.rounds import Rounds
from mldsl.execute.shards import fitting, sharded_fit
from mldsl.execute.watch import watch_of

if TYPE_CHECKING:
    from mldsl.execute.fit import Prepared, Run


class Apart(NamedTuple):
    """What such a fit gave, with NumPy leaves: the fields of `FoldResult`."""

    steps: tuple[Any, ...]
    steps_info: tuple[Any, ...]
    params: Any
    info: Any
    state: Any
    prediction: Prediction
    history: Mapping[str, list[float]]
    matrix: Any
    updates: int


def fit_apart(
    run: Run,
    prepared: Prepared,
    weight: np.ndarray,
    key: np.ndarray,
    stop: np.ndarray | None,
    stage: str,
    most: int | None,
) -> Apart:
    """One fit on rows of these weights; a loop stops on the rows `stop`, or after `most` updates."""
    from mldsl.execute.fit import history_of, spec_of, to_numpy

    pipeline, specs, x64 = prepared.pipeline, prepared.specs, prepared.x64
    model: Any = pipeline.model
    call = run.programs.call
    fitted: StepsFitted
    fitted, table, examples = call(
        "transform", pipeline.transform, pipeline.static, specs, key, prepared.rows, weight, prepared.inner, x64=x64
    )
    scoring, state = pipeline.inputs(table, prepared.rows), None
    plain = spec_of(prepared.plan, prepared.classes, run.resolver)
    if model.prepares_for(plain):
        inputs, state = to_learn(run.inputs, pipeline, plain, examples.inputs, examples.weight)
        examples = examples._replace(inputs=inputs)
        # Steps that use the target or change rows leave two tables: what was trained on must not be scored.
        same = model.apply_prepared is not None and model.prepares is None and not pipeline.trains_apart
        asked = inputs if same else to_answer(pipeline, plain, state, table.matrix)
        scoring = scoring if asked is None else asked
    shape = attrs.evolve(pipeline.shape, rows=int(examples.weight.shape[0]))

    def score(params: Any) -> Prediction:
        answer = call("predict", pipeline.respond, pipeline.static, specs[1], params, scoring, prepared.rows, x64=x64)
        numbers: Prediction = to_numpy(answer)
        return numbers

    history: Mapping[str, list[float]] = {}
    updates = 0
    if not model.goes_in_rounds(specs[1]):
        params, info = to_numpy(_at_once(run, prepared, shape, key, examples))
        history = history_of(info)
    else:
        with blamed(pipeline.value, "steps"):
            total = int(model.steps(specs[1])) if model.steps is not None else 1
        # An earlier state need not be kept where none is wanted, or where it can be told from the last.
        used_up = prepared.plan.stop_when is None or stop is None or model.cut is not None
        rounds = Rounds(run.programs, pipeline, specs[1], shape, key, examples, x64=x64, used_up=used_up)
        watch = watch_of(run, prepared, stop, scoring, table.matrix, rounds)
        total = total if most is None else min(most, total)
        cut = None if model.cut is None else rounds.cut
        looped = Loop(
            stage, total, rounds.start, rounds.update, watch, run.progress, run.checkpoints, used_up, cut
        ).run()
        params, info = to_numpy(rounds.finish(looped.state)), to_numpy(rounds.info(looped.state))
        history, updates = looped.history, looped.updates
    return Apart(
        to_numpy(fitted.params), to_numpy(fitted.info), params, info, state, score(params), history,
        None if table.blocks else np.asarray(table.matrix), updates,
    )  # fmt: skip


def _at_once(run: Run, prepared: Prepared, shape: Shape, key: np.ndarray, examples: Examples) -> tuple[Any, Any]:
    """Params and Info of a fit whose inputs were prepared."""
    pipeline = prepared.pipeline
    devices = fitting(pipeline.devices, shape.rows)

    def fit(spec: Any, key_data: Any, examples: Examples) -> Any:
        key = jax.random.wrap_key_data(key_data)
        with blamed(pipeline.value, "fit"):
            if devices > 1:
                return sharded_fit(pipeline.model.fit, spec, key, shape, examples, devices)
            return pipeline.model.fit(spec, key, shape, examples)

    given = (prepared.specs[1], key, examples)
    fitted: tuple[Any, Any] = run.programs.call("fit", fit, pipeline.static, *given, x64=prepared.x64, devices=devices)
    return fitted
