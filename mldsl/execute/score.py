"""A fitted pipeline on new rows: the fitted host half, then one program from raw matrix to prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from mldsl.contract import Prediction
from mldsl.data import Dataset
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.blame import blamed
from mldsl.execute.calibrate import Calibrator, calibrated
from mldsl.execute.decide import Threshold, by_class, classes_at
from mldsl.execute.fit import FittedModel, Layout, Prepared, lay_out, spec_of, to_numpy
from mldsl.execute.host import HostHalf, HostStep, apply_host, divide
from mldsl.execute.preparing import answers_raw, to_answer
from mldsl.execute.programs import Programs, key_data
from mldsl.execute.scales import back
from mldsl.execute.steps import Resolver
from mldsl.plan import ColumnPlan, ModelPlan, Plan, StepPlan
from mldsl.plan.design import matched


@attrs.frozen(eq=False)
class Learned:
    """What scoring needs of one fitted model; what an artifact holds."""

    plan: Plan
    model: ModelPlan
    levels: Mapping[str, tuple[str, ...]]
    columns: tuple[ColumnPlan, ...]
    host_states: tuple[Any, ...]
    steps: tuple[Any, ...]
    params: Any
    state: Any
    threshold: Threshold
    calibrator: Calibrator | None = None
    hidden: tuple[str, ...] = ()
    typical: tuple[float, ...] = ()
    rows: int = 0  # that were learned from
    more_rounds: int = 0  # that were made after the fit
    members: tuple[Learned, ...] = ()  # the models that it is made of, and the one that learned from their answers
    final: Learned | None = None


def _worked_on(plan: Plan, step: StepPlan) -> tuple[str, ...]:
    """The columns that a host step works on: inputs, and of those that are none the ones it names."""
    names = {c.name for c in step.before}
    others = [c.name for c in plan.columns if c.name in step.on and c.name not in names]
    return tuple(matched(step.on, [*(c.name for c in step.before), *others]))


def learned_of(
    plan: Plan, fitted: FittedModel, threshold: Threshold, calibrator: Calibrator | None, rows: int = 0
) -> Learned:
    """The part of a fit that outlives the run."""
    from mldsl.execute.members import Part

    last = fitted.last
    return _learned_part(plan, fitted.prepared, Part(last.steps, last.params, last.state, calibrator, threshold), rows)


def _learned_part(plan: Plan, prepared: Prepared, part: Any, rows: int) -> Learned:
    """One fit, and of a model of members all fits inside of it."""
    half = prepared.half
    states = tuple(step.state for step in half.steps)
    params, final = part.params, None
    members: tuple[Learned, ...] = ()
    if prepared.members:
        pairs = zip(prepared.members, part.params.members, strict=True)
        members = tuple(_learned_part(plan, one, its, rows) for one, its in pairs)
        params = None
    if prepared.final is not None:
        of_final = part.params.final
        final = Learned(plan, prepared.final.plan, {}, (), (), (), of_final.params, of_final.state, None)
    return Learned(
        plan, prepared.plan, dict(half.levels.of), half.columns, states, part.steps, params, part.state,
        part.threshold, part.calibrator, half.hidden, half.typical, rows, members=members, final=final,
    )  # fmt: skip


@attrs.frozen(eq=False)
class Answers:
    """Predictions for rows [n], in the target's own words and units.

    `prediction`: level, number or cluster; `probability` [n, classes]; `score` [n], or of classes [n, classes] (their
    margins, where there are no probabilities); `distance` [n, k];
    `interval` [n, 2]; absent parts are None. `unseen` counts cells of unknown levels by column.
    """

    prediction: np.ndarray | None
    probability: np.ndarray | None
    score: np.ndarray | None
    distance: np.ndarray | None
    interval: np.ndarray | None
    classes: tuple[str, ...]
    unseen: Mapping[str, int]
    raw: Prediction


class Scorer:
    """Answers for any rows, from what was learned."""

    def __init__(self, learned: Learned, resolver: Resolver, programs: Programs) -> None:
        self.learned, self.resolver, self.programs = learned, resolver, programs
        from mldsl.data import Levels

        host, device = divide(learned.model, resolver)
        steps = tuple(
            HostStep(step, state, _worked_on(learned.plan, step))
            for step, state in zip(host, learned.host_states, strict=True)
        )
        self.half = HostHalf(
            steps, learned.columns, Levels(dict(learned.levels)), device, learned.hidden, learned.typical,
            coded=learned.model.design is not None,
        )  # fmt: skip
        self.members = tuple(Scorer(member, resolver, programs) for member in learned.members)

    def layout(self, dataset: Dataset) -> Layout:
        """The rows of a dataset, ready for the device."""
        host = apply_host(self.half, dataset.frame, dataset.columns, self.resolver)
        return lay_out(self.learned.plan, self.learned.model, self.half, host, self.resolver)

    def raw(self, dataset: Dataset) -> tuple[Prediction, Layout]:
        """The algorithm's answer (NumPy, padded rows), calibrated, on the target's own scale."""
        made = self.layout(dataset)
        model: Any = made.pipeline.model
        if model.predict is None and model.score is None:
            raise MldslError(
                Diagnostic(
                    "MLP0310",
                    f"`{self.learned.model.algorithm.name}` does not predict rows",
                    help="draw from it: `mldsl.load(...).sample(n)`",
                )
            )
        return self.finished(self.said(dataset, made), made), made

    def said(self, dataset: Dataset, made: Layout) -> Prediction:
        """What the model says of a dataset, laid out in `made`: not calibrated, on the scale that was learned."""
        if not self.members:
            return self.respond(made)
        from mldsl.execute.members import together

        return together(self, [member.labelled(dataset) for member in self.members], made)

    def labelled(self, dataset: Dataset) -> Prediction:
        """The answer as another model takes it that this one is part of: with the class that a threshold says."""
        from mldsl.execute.members import labelled

        answer, made = self.raw(dataset)
        return labelled(answer, len(made.classes), self.learned.threshold)

    def respond(self, made: Layout) -> Prediction:
        """What the model says of rows that are laid out already: not calibrated, on the scale that was learned."""
        pipeline, learned = made.pipeline, self.learned
        if not answers_raw(pipeline, made.plain_spec):
            return self._prepared(made)
        answer: Prediction = to_numpy(
            self.programs.call(
                "answer", pipeline.answer, pipeline.static, made.specs, learned.steps, learned.params, made.rows,
                x64=made.x64,
            )
        )  # fmt: skip
        return answer

    def finished(self, answer: Prediction, made: Layout) -> Prediction:
        """The same calibrated, on the target's own scale."""
        return calibrated(self.learned.calibrator, back(made.scale, answer), len(made.classes))

    def _prepared(self, made: Layout) -> Prediction:
        pipeline, learned = made.pipeline, self.learned
        matrix = self.programs.call(
            "matrix", pipeline.matrix, pipeline.static, made.specs, learned.steps, made.rows, x64=made.x64
        )
        inputs = to_answer(pipeline, made.plain_spec, learned.state, matrix)
        answer: Prediction = to_numpy(
            self.programs.call(
                "predict", pipeline.respond, pipeline.static, made.specs[1], learned.params,
                matrix if inputs is None else inputs, made.rows, x64=made.x64,
            )
        )  # fmt: skip
        return answer

    def answer(self, dataset: Dataset) -> Answers:
        """Predictions in the target's own words and units."""
        prediction, made = self.raw(dataset)
        unseen = apply_unseen(self.half, dataset, self.resolver)
        return in_words(prediction, dataset.frame.height, made.classes, self.learned.threshold, unseen)

    def sample(self, n: int, seed: int) -> np.ndarray:
        """Draw n rows from a generative model: [n, d]."""
        model: Any = self.resolver.component(self.learned.model.algorithm)
        if model.sample is None:
            raise MldslError(Diagnostic("MLP0310", f"`{self.learned.model.algorithm.name}` does not generate rows"))
        import jax

        from mldsl.contract import as_tree

        spec = as_tree(spec_of(self.learned.model, (), self.resolver))

        def draw(spec: Any, params: Any, key: Any) -> Any:
            with blamed(self.learned.model.algorithm, "sample"):
                return model.sample(spec, params, jax.random.wrap_key_data(key), n)

        drawn = self.programs.call(
            "sample", draw, (repr(self.learned.model.algorithm), n), spec, self.learned.params,
            key_data(seed, f"sample/{self.learned.model.name}"), x64=model.precision == "float64",
        )  # fmt: skip
        return np.asarray(drawn)


def apply_unseen(half: HostHalf, dataset: Dataset, resolver: Resolver) -> Mapping[str, int]:
    """Cells whose level was not seen in training, by column."""
    inputs = {c.name for c in half.columns if c.role == "input"}
    found = {}
    for name, levels in half.levels.of.items():
        if name in inputs and name in dataset.frame.columns:
            column = dataset.frame[name]
            count = int((~column.is_in(list(levels)) & column.is_not_null()).sum())
            if count:
                found[name] = count
    return found


def in_words(
    prediction: Prediction, n: int, classes: tuple[str, ...], threshold: Threshold, unseen: Mapping[str, int]
) -> Answers:
    """A raw prediction (padded) as levels, numbers or clusters of the first n rows."""

    def cut(value: Any) -> np.ndarray | None:
        return None if value is None else np.asarray(value)[:n]

    probability, score, mean = cut(prediction.probability), cut(prediction.score), cut(prediction.mean)
    shown: np.ndarray | None = None
    telling = cut(by_class(prediction, len(classes)))
    if telling is not None:
        positive = len(classes) - 1 if len(classes) == 2 else None
        shown = np.asarray(classes, object)[classes_at(telling, positive, threshold)]
    elif prediction.label is not None:
        shown = cut(prediction.label)
    elif mean is not None:
        shown = mean
    return Answers(
        shown, probability, score, cut(prediction.distance), cut(prediction.interval), classes, unseen, prediction
    )
