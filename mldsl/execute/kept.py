"""A model of a kept run, as comparing runs needs it: its held-out rows, and its metrics under replicates of them.

Metrics are computed again from `predictions.parquet`, by the components that the run's plan names. What a metric needs
beyond what is kept there (the model's matrix, a named column) cannot be had again; nor is a metric used whose value
comes out other than the run recorded it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import polars as pl

from mldsl.contract import MetricView
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.buckets import bucket, pad
from mldsl.execute.intervals import replicated, replicates_for
from mldsl.execute.judge import costs_of, with_another_class, with_no_chance
from mldsl.execute.programs import Programs, key_data
from mldsl.execute.resolver import RegistryResolver
from mldsl.plan import Plan
from mldsl.record import MetricValue, ModelRecord, RunRecord, planjson
from mldsl.record.artifact import manifest
from mldsl.record.disk import sha256

PREDICTIONS, SPLIT = "predictions.parquet", "split.parquet"
PROBABILITY, SCORE, UNIT = "probability_", "score_", "__unit"
_TOGETHER = ("group", "query", "user")
_NEAR = 1e-4  # relative; recorded values are of float32 where the model is


class NotAgainError(Exception):
    """Why a metric cannot be computed again, in words."""


@attrs.frozen(eq=False)
class Kept:
    """One model of a kept run. `part` is the one that counts."""

    folder: Path
    record: RunRecord
    name: str

    @property
    def model(self) -> ModelRecord:
        """What the record says of it."""
        return self.record.models[self.name]

    @property
    def part(self) -> str:
        """The part that counts."""
        return self.model.held_out

    @property
    def metrics(self) -> dict[str, MetricValue]:
        """Its metrics on that part."""
        return dict(self.model.metrics.get(self.part, {}))

    def rows(self) -> pl.DataFrame | None:
        """The rows of the part and what was said of them, in the order of the data; None if they were not kept."""
        found = self._table(PREDICTIONS)
        if found is None or "model" not in found.columns:
            return None
        mine = found.filter((pl.col("model") == self.name) & (pl.col("part") == self.part))
        return mine.sort("source", "row", "repeat", nulls_last=False) if mine.height else None

    def folds(self) -> pl.DataFrame | None:
        """Where every row was held out: `source`, `row`, `fold`, `repeat`; None where there were no folds."""
        found = self._table(SPLIT)
        if found is None:
            return None
        held = found.filter(pl.col("fold").is_not_null()).select("source", "row", "repeat", "fold")
        return held.sort("source", "row", "repeat", nulls_last=False) if held.height else None

    def train_share(self) -> float:
        """The share of rows that folds were trained on, of those they trained on or held out."""
        held = self.folds()
        assert held is not None
        sizes = held.group_by("repeat", "fold").len().sort("repeat", "fold")
        pool = self.record.split.train
        shares = []
        for (_,), each in sizes.group_by("repeat", maintain_order=True):
            count = each["len"].to_numpy()
            later = bool({"time", "order"} & set(self.record.split.by.split(", ")))
            # Folds in time train on earlier rows only: what this and later folds hold out is not among them.
            trained = pool - (count[::-1].cumsum()[::-1] if later else count)
            shares += list(trained / np.maximum(trained + count, 1))
        return float(np.mean(shares))

    def grouped(self) -> bool:
        """Whether rows belong together, in groups, queries or of users."""
        return any(column.role in _TOGETHER for column in self.record.data.columns)

    def _table(self, name: str) -> pl.DataFrame | None:
        path = self.folder / name
        if not path.is_file():
            return None
        expected = self.record.files.get(name)
        try:
            if expected and sha256(path) != expected:
                raise _damaged(path, "it was changed after it was written")
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _damaged(path, str(error).partition("\n")[0]) from error


def _damaged(path: Path, why: str) -> MldslError:
    return MldslError(Diagnostic("MLP0502", f"`{path}` is damaged: {why}", help="run the pipeline again"))


def read_kept(folder: Path, model: str | None = None) -> Kept:
    """A model of a run: the one named, or the best. MLP0502 for no run, MLP0112 for no such model."""
    from mldsl.diagnostics.suggest import did_you_mean

    record = RunRecord.read(folder)
    name = model or record.best or next(iter(record.models), None)
    if name is None:
        raise MldslError(Diagnostic("MLP0112", f"the run `{record.id}` has no model, so there is nothing to compare"))
    if name not in record.models:
        near = did_you_mean(name, record.models)
        what = f"the run `{record.id}` has no model `{name}`"
        known = f"its models: {', '.join(record.models)}"
        raise MldslError(Diagnostic("MLP0112", what, notes=(known,), help=f"did you mean `{near}`?" if near else None))
    return Kept(folder, record, name)


# ---- metrics again ---------------------------------------------------------------------------------------------------


class Recomputed:
    """Metrics of kept models under bootstrap replicates: of equal rows the same replicates."""

    def __init__(self, resolver: RegistryResolver) -> None:
        self._resolver = resolver
        self._programs: dict[tuple[str, ...], Programs] = {}
        self._plans: dict[Path, Plan] = {}

    def replicates(self, kept: Kept, rows: pl.DataFrame, metric: str) -> np.ndarray:
        """One metric on the rows and under each replicate of them: [1 + R]. `NotAgainError` if that cannot be had."""
        value = next((m.component for m in self._plan(kept).metrics if m.name == metric), None)
        if value is None:
            raise NotAgainError(f"{metric} is not among the metrics of its plan")
        component, spec = self._resolver.component(value), self._resolver.spec(value)
        if "inputs" in component.needs or getattr(spec, "labels", None) is not None:
            raise NotAgainError(f"{metric} needs more than the predictions that a run keeps")
        x64 = self._x64(kept)
        view = _view(rows, spec, np.float64 if x64 else np.float32)
        programs = self._programs.setdefault(
            (component.metric.__module__,), Programs(modules=[component.metric.__module__])
        )
        try:
            (values,) = replicated(
                [(component, spec)], [view], key_data(0, f"compare/{kept.part}"), programs.call, groups=view.group,
                static=(repr(value), view.classes, view.positive), replicates=replicates_for(rows.height), x64=x64,
            ).T  # fmt: skip
        except Exception as error:  # a metric that wants what is not kept; whatever it raises, it cannot be had again
            raise NotAgainError(f"{metric} cannot be computed from the predictions that a run keeps") from error
        recorded = kept.metrics[metric].value
        if not math.isclose(values[0], recorded, rel_tol=_NEAR, abs_tol=_NEAR):
            raise NotAgainError(
                f"{metric} of the kept predictions is {values[0]:.6g}, and {recorded:.6g} in the record"
            )
        return np.asarray(values)

    def _x64(self, kept: Kept) -> bool:
        """Whether the run measured this model in float64: some metrics clip at what the type can tell from 0 and 1."""
        model = next(m for m in self._plan(kept).models if m.name == kept.name)
        values = [model.algorithm, *(s.component for s in model.steps if s.component is not None)]
        return any(getattr(self._resolver.component(v), "precision", "") == "float64" for v in values)

    def _plan(self, kept: Kept) -> Plan:
        folder = kept.folder / "models" / kept.name
        if folder not in self._plans:
            try:
                self._plans[folder] = planjson.decode(manifest(folder)["plan"])
            except (MldslError, KeyError) as error:
                raise NotAgainError("its model is not kept") from error
        return self._plans[folder]


def _view(rows: pl.DataFrame, spec: Any, dtype: Any) -> MetricView:
    """What metrics see of kept rows."""
    size = bucket(rows.height)

    def fit(array: Any, cast: Any = dtype) -> np.ndarray | None:
        return None if array is None else pad(np.asarray(array).astype(cast), size)

    said_of = rows.columns[rows.columns.index("model") + 1 :]  # keys stand before it, whatever they are called
    prefix = PROBABILITY if any(name.startswith(PROBABILITY) for name in said_of) else SCORE
    columns = [name for name in said_of if name.startswith(prefix)]
    classes = tuple(name.removeprefix(prefix) for name in columns)
    said = next((name for name in ("prediction", "cluster", "score") if name in rows.columns), None)
    facts: dict[str, Any] = {}
    if classes:
        target, given = _codes(rows["target"], classes), rows.select(columns).to_numpy()
        count = len(classes)
        if (target < 0).any():
            target, _, count = with_another_class(target, None, count)
            given = with_no_chance(given, 0 if prefix == PROBABILITY else None)
        written = getattr(spec, "positive", None)
        positive = len(classes) - 1 if len(classes) == 2 else None
        costs = costs_of(getattr(spec, "costs", None), classes)
        facts = {
            "target": fit(target, np.int32), "probability" if prefix == PROBABILITY else "score": fit(given),
            "classes": count,
            "prediction": fit(_codes(rows["prediction"], classes), np.int32),
            "positive": positive if written is None else classes.index(str(written)),
            "costs": None if costs is None else np.pad(costs, (0, count - len(costs)), constant_values=1),
        }  # fmt: skip
    elif said is not None and rows["target" if "target" in rows.columns else said].dtype.is_numeric():
        facts = {"prediction": fit(rows[said])}
        if "target" in rows.columns:
            facts["target"] = fit(rows["target"])
    if "score" in rows.columns:
        facts["score"] = fit(rows["score"])
    group = rows[UNIT] if UNIT in rows.columns else None
    return MetricView(weight=fit(rows["weight"]), group=fit(group, np.int32), query=fit(group, np.int32), **facts)


def _codes(values: pl.Series, classes: tuple[str, ...]) -> np.ndarray:
    codes = values.cast(pl.String).replace_strict(
        list(classes), list(range(len(classes))), default=-1, return_dtype=pl.Int32
    )
    return np.asarray(codes.to_numpy())
