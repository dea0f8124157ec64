"""A trained model that goes on learning: what further rows add to the sums that it was made of.

Why it exists: some fits are nothing but sums over rows (`count`, `add` and `learn` of a model). The sums are kept with
what was learned, so the model of all rows can be made when only the new ones are still at hand. What the steps before
the model learned, and what was decided after it, is not made of such sums: it stays, and `stays` says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from mldsl.data import Dataset, load
from mldsl.data.context import Context
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.buckets import pad
from mldsl.execute.fit import Layout, lay_out, spec_of, to_numpy, weight_of
from mldsl.execute.further import further, goes_on, not_further
from mldsl.execute.host import apply_host
from mldsl.execute.remarks import warned
from mldsl.execute.score import Learned, Scorer, apply_unseen
from mldsl.execute.trained import Trained, artifact_of
from mldsl.plan import Plan
from mldsl.plan.values import written_text
from mldsl.record.artifact import replace, write
from mldsl.record.versions import versions

_SHOWN = 6  # levels or columns in a message


@attrs.frozen(eq=False)
class Updated:
    """A model that learned from further rows.

    `rows` are those of this batch, `stays` what was learned or decided on the rows of the first fit and still holds,
    `warnings` what else is to be known.
    """

    trained: Trained
    rows: int
    stays: tuple[str, ...]
    warnings: tuple[str, ...]


def update(trained: Trained, plan: Plan, context: Context, rounds: int | None = None) -> Updated:
    """The model of the rows that it has learned from and of those that `plan` names, which need their target.

    With `rounds` it is the model after so many updates more on the rows that `plan` names. The rows are checked as
    training rows are, and `where` applies. MLP0310 for a model that does not learn in batches (or in further rounds),
    MLP0312 where only a fit of all rows could be right, MLP0404 for targets that are none of the model's classes.
    """
    learned, resolver = trained.learned, trained.resolver
    component: Any = resolver.component(learned.model.algorithm)
    if rounds is not None and not goes_on(trained):
        raise not_further(trained)
    if rounds is None and component.count is None:
        raise _not_in_batches(trained)
    refused = list(_refused(learned, anew=rounds is None))
    if refused:
        raise MldslError(*refused)
    dataset = load(plan, context)
    if plan.target is not None and plan.target in learned.levels:
        _only_known(dataset.frame[plan.target], learned.levels[plan.target])
    after, info, made = _counted(trained, dataset) if rounds is None else further(trained, dataset, rounds)
    spec = spec_of(learned.model, made.classes, resolver)
    said = warned(component, spec, info, made.pipeline.shape, learned.model)
    unseen = (
        f"{count:,} cells of `{name}` hold a level that the rows of the first fit do not have; they count as unseen"
        for name, count in apply_unseen(trained.scorer.half, dataset, resolver).items()
    )
    scorer = Scorer(after, resolver, trained.scorer.programs)
    new = attrs.evolve(trained, learned=after, info={**trained.info, "model": info}, scorer=scorer)
    return Updated(
        new, dataset.frame.height, tuple(_stays(learned, resolver)),
        (*(w.message for w in dataset.warnings), *unseen, *said),
    )  # fmt: skip


def _counted(trained: Trained, dataset: Dataset) -> tuple[Learned, Any, Layout]:
    """What is learned by adding these rows to the sums, and its Info."""
    learned, resolver = trained.learned, trained.resolver
    half, programs = trained.scorer.half, trained.scorer.programs
    host = apply_host(half, dataset.frame, dataset.columns, resolver)
    made = lay_out(learned.plan, learned.model, half, host, resolver)
    weight = weight_of(host.encoded, dataset.frame.height).astype(np.float64 if made.x64 else np.float32)
    before: Any = trained.info["model"]
    params, info = to_numpy(
        programs.call(
            "learn more", made.pipeline.learn_more, made.pipeline.static, made.specs, learned.steps, before.counts,
            made.rows, pad(weight, made.pipeline.shape.rows), x64=made.x64,
        )
    )  # fmt: skip
    return attrs.evolve(learned, params=params, rows=learned.rows + dataset.frame.height), info, made


def save(trained: Trained, folder: Path) -> Path:
    """Write the model as an artifact, complete or not at all; only an artifact is replaced (MLP0602)."""
    plugins = trained.resolver.registry.versions()
    artifact = artifact_of(trained.name, trained.learned, trained.info, versions(plugins), plugins, trained.resolver)

    def fill(fresh: Path) -> None:
        write(artifact, fresh)

    return replace(folder, fill)


def _not_in_batches(trained: Trained) -> MldslError:
    declared = trained.resolver.registry.declarations("model")
    known = ", ".join(f"`{d.name}`" for d in declared if d.additive)
    return MldslError(
        Diagnostic(
            "MLP0310",
            f"`{trained.algorithm}` does not learn in batches: its fit needs all rows together",
            notes=(f"those that do: {known}",),
            help="run the pipeline again on all rows",
        )
    )


def _refused(learned: Learned, *, anew: bool) -> Iterator[Diagnostic]:
    """What the rows of a batch alone cannot tell; `anew`: they are counted beside those of before."""
    again = "run the pipeline again on all rows"
    for step in learned.model.steps:
        if step.component is not None and (step.train_only or step.resamples):
            yield Diagnostic(
                "MLP0312",
                f"`{step.component.name}` changes the rows of each fit, and a batch is not all of them",
                step.span,
                help=again,
            )
        elif step.component is not None and step.looks_back:
            yield Diagnostic(
                "MLP0312", f"`{step.component.name}` looks back at rows that a batch does not have", step.span,
                help=again,
            )  # fmt: skip
    if anew and dict(learned.model.algorithm.args).get("class_weights") == "balanced":
        yield Diagnostic(
            "MLP0312", "`class_weights = balanced` follows from all rows, and a batch is not all of them",
            learned.model.span, help=f'{again}, or with weights as numbers: `class_weights = ["yes" = 2]`',
        )  # fmt: skip


def _only_known(target: Any, classes: tuple[str, ...]) -> None:
    """MLP0404 where the target (a Polars series) has levels that are no class of the model."""
    other = target.filter(~target.is_in(list(classes)) & target.is_not_null()).value_counts(sort=True)
    if not other.height:
        return
    count = int(other["count"].sum())
    found = [f'"{level}" in {times:,}' for level, times in other.head(_SHOWN).rows()]
    more = f", and {other.height - _SHOWN} more" if other.height > _SHOWN else ""
    known = ", ".join(f'"{level}"' for level in classes[: 2 * _SHOWN]) + (" ..." if len(classes) > 2 * _SHOWN else "")
    raise MldslError(
        Diagnostic(
            "MLP0404",
            f"{count:,} {'row has' if count == 1 else 'rows have'} a `{target.name}` that the model has no class for",
            notes=(f"found {', '.join(found)}{more}", f"its classes: {known}"),
            help="correct the data; to learn another class, run the pipeline again on all rows",
        )
    )


def _stays(learned: Learned, resolver: Any) -> Iterator[str]:
    """What was learned or decided on the rows of the first fit, and is not learned anew."""
    for step in learned.model.steps:
        component: Any = None if step.component is None else resolver.component(step.component)
        if step.component is not None and (component.fit is not None or component.host_fit is not None):
            more = f" and {len(step.on) - _SHOWN} more" if len(step.on) > _SHOWN else ""
            yield f"{written_text(step.component)} on {', '.join(step.on[:_SHOWN])}{more}"
    chosen = learned.model.threshold is not None and learned.model.threshold.metric is not None
    if chosen and learned.threshold is not None:
        numbers = learned.threshold if isinstance(learned.threshold, tuple) else (learned.threshold,)
        yield f"the threshold, {', '.join(f'{number:.4g}' for number in numbers)}"
    if learned.calibrator is not None:
        yield f"the calibration ({learned.model.calibrate})"
