"""A whole plan on loaded data: every model fitted and judged, the best one, the gates, the tables of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from mldsl.contract import Prediction
from mldsl.execute.fit import FittedModel, Prepared, Run, warnings_of
from mldsl.execute.judge import check_targets
from mldsl.execute.outcome import Outcome, best_of, gates_of, judge_model
from mldsl.execute.score import in_words
from mldsl.execute.searches import described
from mldsl.execute.tune import Tuned, tune_all
from mldsl.record import GateResult, TuneRecord


@attrs.frozen(eq=False)
class Result:
    """What a run computed, before any of it is written."""

    run: Run
    outcomes: tuple[Outcome, ...]
    best: str | None
    gates: tuple[GateResult, ...]
    warnings: tuple[str, ...]
    tune: TuneRecord | None = None

    @property
    def best_outcome(self) -> Outcome | None:
        """The outcome of the best model."""
        return next((o for o in self.outcomes if o.name == self.best), None)


def execute(run: Run) -> Result:
    """Tune, fit and judge every model of the plan, in order; choose the best; hold the gates against it."""
    check_targets(run.plan, run.dataset, run.resolver)
    choose = len(run.plan.models) > 1
    found = tune_all(run)
    outcomes = tuple(judge_model(run, model, choose, found[model.name]) for model in run.plan.models)
    best = best_of(run, outcomes)
    chosen = next((o for o in outcomes if o.name == best), None)
    tuned = {name: of_model for name, of_model in found.items() if of_model is not None}
    warnings = (*_warnings(run, outcomes), *(text for of_model in tuned.values() for text in of_model.said))
    return Result(run, outcomes, best, gates_of(run, chosen), tuple(warnings), _tune_record(run, tuned))


def _tune_record(run: Run, tuned: Mapping[str, Tuned]) -> TuneRecord | None:
    if not tuned:
        return None
    trials = tuple(trial for of_model in tuned.values() for trial in of_model.trials)
    best = {name: dict(found.values) for name, found in tuned.items() if found.values}
    return TuneRecord(trials, best, **described(run.plan))


def _warnings(run: Run, outcomes: tuple[Outcome, ...]) -> list[str]:
    found = [w.message for w in (*run.dataset.warnings, *run.split.warnings)]
    for outcome in outcomes:
        own = warnings_of(run, outcome.model.prepared, outcome.model.last)
        for name, told in _fits(outcome.model):
            info = scalars_of(told)
            if info.get("converged") is False and not any("converge" in text for text in own):  # it says more itself
                found.append(f"`{name}` did not converge in {info.get('iterations', 'its')} iterations")
            if info.get("separated") is True:
                found.append(
                    f"`{name}`: a combination of the inputs separates the classes, so coefficients and "
                    "standard errors grow without bound; a penalty (`l2`) makes them finite"
                )
        found += own
        prepared = outcome.model.prepared
        unseen = prepared.host.encoded.unseen
        found += _one_level(outcome)
        found += [
            f"{count:,} {'cell' if count == 1 else 'cells'} of `{name}` {'holds' if count == 1 else 'hold'} a level "
            f"that no training row has{_as_reference(prepared, name, count)}"
            for name, count in unseen.items()
            if name != run.plan.target  # said when the rows were split
        ]
        found += [*_not_finite(run, outcome), *outcome.warnings]
    if any(o.headline == "train" for o in outcomes):
        found.append("nothing is held out: every metric is of the rows the model was trained on")
    return list(dict.fromkeys(found))


def _fits(model: FittedModel) -> list[tuple[str, Any]]:
    """The name and the Info of the last fit, or of those that a model of members is made of."""
    if not model.prepared.members:
        return [(model.name, model.last.info)]
    from mldsl.execute.members import parts_of

    return [(one.plan.name, told.model) for one, told in parts_of(model.prepared, model.last.info)]


def _as_reference(prepared: Prepared, name: str, count: int) -> str:
    """What becomes of an unknown level where a formula codes it."""
    factors = {} if prepared.pipeline.design is None else dict(prepared.pipeline.design.factors)
    verb = "counts" if count == 1 else "count"
    return f" and {verb} as `{factors[name][0]}`, the reference" if factors.get(name) else ""


def _one_level(outcome: Outcome) -> list[str]:
    """Factors of a formula that do not vary: their terms have no columns."""
    design = outcome.model.prepared.pipeline.design
    return [
        f"`{outcome.name}`: `{name}` has only the level `{levels[0]}` in the training rows, so it tells nothing"
        for name, levels in (design.factors if design is not None else ())
        if len(levels) == 1
    ]


def _not_finite(run: Run, outcome: Outcome) -> list[str]:
    n = run.dataset.frame.height
    odd = np.zeros(n, bool)
    for name, leaf in outcome.model.last.prediction._asdict().items():
        if leaf is not None and np.asarray(leaf).dtype.kind == "f":
            unsaid = np.isnan if name == "interval" else lambda x: ~np.isfinite(x)  # an interval may be without bounds
            odd |= unsaid(np.asarray(leaf)[:n].reshape(n, -1)).any(axis=1)
    count = int(odd.sum())
    return [f"`{outcome.name}` gave no finite prediction for {count:,} of {n:,} rows"] if count else []


def scalars_of(info: Any) -> dict[str, Any]:
    """The single numbers of an Info, as Python values, for the record."""
    fields = info._asdict() if hasattr(info, "_asdict") else {}
    found = {}
    for name, value in fields.items():
        if (
            value is not None
            and not isinstance(value, tuple)
            and np.ndim(value) == 0
            and np.asarray(value).dtype.kind in "biuf"
        ):
            found[name] = np.asarray(value).item()
    return found


# ---- tables that the run folder keeps --------------------------------------------------------------------------------
def predictions_frame(result: Result) -> Any:
    """One line for every held-out row of every model: where it is from, what was true, what was said."""
    import polars as pl

    run = result.run
    frames = []
    for outcome in result.outcomes:
        if not any(v is not None for v in outcome.model.last.prediction):
            continue
        for part in ("validation", "test"):
            rows = run.split.part == part
            if rows.any():
                frames.append(_answers(run, outcome, outcome.model.last.prediction, rows, part, None, None))
        if not run.split.implicit:
            for fold, answer in zip(run.split.folds, outcome.model.folds, strict=False):
                frames.append(_answers(run, outcome, answer, fold.held, "folds", fold.index, fold.repeat))
        if outcome.headline in ("all", "train"):
            rows = run.split.part == "train"
            frames.append(_answers(run, outcome, outcome.model.last.prediction, rows, outcome.headline, None, None))
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame({"row": []}, {"row": pl.UInt32})


def _answers(
    run: Run,
    outcome: Outcome,
    prediction: Prediction,
    rows: np.ndarray,
    part: str,
    fold: int | None,
    repeat: int | None,
) -> Any:
    import polars as pl

    prepared = outcome.model.prepared
    n = len(rows)
    at = outcome.threshold
    if fold is not None:
        index = next(i for i, f in enumerate(run.split.folds) if f.index == fold and f.repeat == repeat)
        at = outcome.fold_thresholds[index] if outcome.fold_thresholds else at
    words = in_words(prediction, n, prepared.classes, at, {})
    several = len(run.dataset.sources) > 1
    kept = run.dataset.frame.select("__source", "__row")
    names = pl.Series([s.name for s in run.dataset.sources], dtype=pl.String)
    columns: dict[str, Any] = {
        "source": names.gather(kept["__source"]) if several else pl.Series([None] * n, dtype=pl.String),
        "row": kept["__row"],
        "part": pl.repeat(part, n, eager=True),
        "fold": pl.repeat(fold, n, dtype=pl.Int32, eager=True),
        "repeat": pl.repeat(repeat, n, dtype=pl.Int32, eager=True),
    }
    keys = prepared.host.encoded.keys
    columns |= {name: keys[name] for name in keys.columns}
    columns["model"] = pl.repeat(outcome.name, n, eager=True)
    if run.plan.target is not None:
        columns["target"] = run.dataset.frame[run.plan.target]
    columns |= answer_columns(words)
    columns["weight"] = pl.Series(prepared.weight)
    encoded = prepared.host.encoded
    unit = next((v for v in (encoded.group, encoded.query, encoded.user) if v is not None), None)
    if unit is not None:  # what stays together when runs are compared
        columns["__unit"] = pl.Series(np.asarray(unit)[:n])
    return pl.DataFrame({name: value.alias(name) for name, value in columns.items()}).filter(pl.Series(rows))


def answer_columns(words: Any) -> dict[str, Any]:
    """What is said of each row, by column.

    `prediction`, `probability_<class>` (or `score_<class>`, the margins), `score`, `cluster`, `low`, `high`.
    """
    import polars as pl

    columns: dict[str, Any] = {}
    if words.prediction is not None:
        name = "cluster" if words.distance is not None else "prediction"
        values = words.prediction
        columns[name] = pl.Series(name, values.tolist() if values.dtype == object else values)
    if words.probability is not None:
        columns |= {
            f"probability_{level}": pl.Series(words.probability[:, i].astype(np.float64))
            for i, level in enumerate(words.classes)
        }
    elif words.score is not None and words.score.ndim == 2:
        columns |= {
            f"score_{level}": pl.Series(words.score[:, i].astype(np.float64)) for i, level in enumerate(words.classes)
        }
    if words.score is not None and words.score.ndim == 1:
        columns["score"] = pl.Series(words.score)
    if words.interval is not None:
        columns |= {"low": pl.Series(words.interval[:, 0]), "high": pl.Series(words.interval[:, 1])}
    return columns


def metrics_of(outcome: Outcome) -> Mapping[str, Mapping[str, Any]]:
    """The metrics of an outcome, for the record."""
    return outcome.metrics
