"""The record of a run, `run.json`: what was run on what, what came out, and how to get it again.

The form is published as `run.schema.json` beside this file. Keys may be added within format 1; a reader ignores those
it does not know. A number that is not finite is written as null, since JSON has no other word for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs

from mldsl.diagnostics import Diagnostic, MldslError

FORMAT_VERSION = "1.0"
PARTS = ("test", "folds", "validation", "all", "train")
"""The parts of a run, the one that counts first."""


@attrs.frozen
class MetricValue:
    """A metric with its 95 % interval (NaN where there is none). `selected_on`: it chose something: optimistic."""

    value: float
    low: float = math.nan
    high: float = math.nan
    selected_on: bool = False


@attrs.frozen
class SourceRecord:
    """A file or table that was read. `sha256` is empty where the bytes cannot be named (a frame, a database)."""

    name: str
    sha256: str = ""
    rows: int = 0


@attrs.frozen
class ColumnRecord:
    """A column as it was read."""

    name: str
    type: str
    role: str = "input"
    missing: bool = False


@attrs.frozen
class PipelineRecord:
    """The file that was run, and the hash of its text with all includes.

    `includes` are the included files as messages name them, in the order of `pipeline.mlp`. `base` is the folder that
    relative paths of the file start from, itself relative to the run folder where both are on one disk.
    """

    file: str
    sha256: str = ""
    includes: tuple[str, ...] = ()
    base: str = ""


@attrs.frozen
class DataRecord:
    """The data: `rows` counts those that `where` kept."""

    sources: tuple[SourceRecord, ...] = ()
    rows: int = 0
    columns: tuple[ColumnRecord, ...] = ()


@attrs.frozen
class SplitRecord:
    """Rows per part, number of folds, and what the split respects (`group, stratified`).

    `implicit_folds` counts those of the training rows that were made to choose something, where the file has none.
    """

    train: int = 0
    validation: int = 0
    test: int = 0
    folds: int = 0
    by: str = "random"
    repeats: int = 1
    implicit_folds: int = 0


@attrs.frozen
class CalibrationRecord:
    """How probabilities were calibrated: on `rows` rows of the part `on`, "train" being its implicit folds.

    `learned` are the calibrator's numbers, none where it could not be learned. `error` maps part -> `before`, `after`
    -> expected calibration error (ten bins): of the part that it was learned on (of folds, each row by what the other
    folds taught) and of the part that counts.
    """

    method: str
    on: str
    rows: int
    learned: Mapping[str, Any] = attrs.field(factory=dict)
    error: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict)


@attrs.frozen
class ModelRecord:
    """One fitted model. `metrics` maps part -> metric as written -> value; `seconds` maps compile, fit, predict.

    `threshold` is a probability of two classes, or maps the levels of more to theirs. `cached` is the id of the run
    whose fits were used again; empty if the model was fitted.
    """

    algorithm: str
    spec: Mapping[str, Any] = attrs.field(factory=dict)
    threshold: float | Mapping[str, float] | None = None
    calibration: CalibrationRecord | None = None
    metrics: Mapping[str, Mapping[str, MetricValue]] = attrs.field(factory=dict)
    fold_metrics: Sequence[Mapping[str, float]] = ()
    info: Mapping[str, Any] = attrs.field(factory=dict)
    seconds: Mapping[str, float] = attrs.field(factory=dict)
    cached: str = ""

    @property
    def held_out(self) -> str:
        """The part that counts: test, else folds, else validation, else all, else train."""
        return next((part for part in PARTS if self.metrics.get(part)), "train")


@attrs.frozen
class GateResult:
    """A bound on a metric, and whether the best model kept it."""

    metric: str
    model: str
    part: str
    op: str
    bound: float
    value: float
    passed: bool


@attrs.frozen
class Trial:
    """One setting that `tune` tried.

    `score` is the primary metric as it is written, over the folds or the part that chose; `deviation` its standard
    error over the folds, NaN for a single part. `share` is that of the rows or rounds it was given (below 1 in early
    rungs of `halving`), `fold` the outer fold whose training rows were searched, None for the search on all of them.
    """

    model: str
    params: Mapping[str, Any]
    score: float
    deviation: float = math.nan
    share: float = 1.0
    seconds: float = math.nan
    fold: int | None = None


@attrs.frozen
class TuneRecord:
    """All trials in order, and the winning parameters by model.

    `search` is the search as written, `domains` maps a param to ("range", low, high), ("log", low, high) or ("list",
    values), `choose` is `best` or `one_standard_error`.
    """

    trials: tuple[Trial, ...] = ()
    best: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    search: str = ""
    domains: Mapping[str, Sequence[Any]] = attrs.field(factory=dict)
    choose: str = "best"


@attrs.frozen
class ReportFiles:
    """Where a report's tables and figures lie, relative to the run folder."""

    tables: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


@attrs.frozen
class DeviceRecord:
    """What computed."""

    platform: str = "cpu"
    count: int = 1


@attrs.frozen
class RunRecord:
    """One run. `best` names a model, `primary` the metric that decided; `outputs` are paths that `export` wrote.

    `content` is the hash of all that decides the run: file with includes, params, data, versions, code, kind of device.
    `given` are the params that the caller gave, as texts. `files` maps what the folder holds, apart from the record
    itself and what can be rendered anew from it, to its SHA-256. `better` maps each metric to `higher` or `lower`.
    """

    id: str
    pipeline: PipelineRecord
    task: str
    seed: int = 0
    data: DataRecord = DataRecord()
    split: SplitRecord = SplitRecord()
    params: Mapping[str, Any] = attrs.field(factory=dict)
    models: Mapping[str, ModelRecord] = attrs.field(factory=dict)
    best: str | None = None
    primary: str | None = None
    gates: tuple[GateResult, ...] = ()
    tune: TuneRecord | None = None
    reports: Mapping[str, ReportFiles] = attrs.field(factory=dict)
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] = attrs.field(factory=dict)
    device: DeviceRecord = DeviceRecord()
    outputs: tuple[str, ...] = ()
    content: str = ""
    given: Mapping[str, str] = attrs.field(factory=dict)
    files: Mapping[str, str] = attrs.field(factory=dict)
    better: Mapping[str, str] = attrs.field(factory=dict)
    format_version: str = FORMAT_VERSION

    @property
    def held_out(self) -> str:
        """The part that the headline and the gates use."""
        model = self.models.get(self.best or "") or next(iter(self.models.values()), None)
        return model.held_out if model else "train"

    def to_json(self) -> dict[str, Any]:
        """The JSON object of architecture 9, keys in its order."""
        body = as_json(self)
        body.pop("format_version")
        return {"format_version": self.format_version, **body}

    def text(self) -> str:
        """`to_json` as indented text that ends in a newline: the content of `run.json`."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, value: Any, *, where: str = "run.json") -> RunRecord:
        """Read a record back. MLP0503 for a newer format, MLP0502 for anything that is not a record."""
        if not isinstance(value, dict) or not isinstance(value.get("format_version"), str):
            raise MldslError(Diagnostic("MLP0502", f"`{where}` is not the record of a run"))
        major = value["format_version"].split(".")[0]
        if not major.isdigit():
            raise MldslError(Diagnostic("MLP0502", f"`{where}` is not the record of a run"))
        if int(major) > int(FORMAT_VERSION.split(".")[0]):
            raise MldslError(
                Diagnostic(
                    "MLP0503",
                    f"`{where}` has format {value['format_version']}; this mldsl reads up to {FORMAT_VERSION}",
                    help="upgrade mldsl",
                )
            )
        try:
            return _run(value)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise MldslError(Diagnostic("MLP0502", f"`{where}` is damaged: {type(error).__name__}: {error}")) from error

    @classmethod
    def read(cls, path: Path) -> RunRecord:
        """Read `run.json` of a run folder, or the file itself."""
        path = path / "run.json" if path.is_dir() else path
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise MldslError(
                Diagnostic("MLP0502", f"`{path}` cannot be read: {error.strerror}", help="name a folder under `runs/`")
            ) from error
        except (ValueError, RecursionError) as error:
            raise MldslError(Diagnostic("MLP0502", f"`{path}` is not the record of a run: {error}")) from error
        return cls.from_json(value, where=str(path))


def schema() -> dict[str, Any]:
    """The published JSON Schema of `run.json`."""
    loaded: dict[str, Any] = json.loads((files("mldsl.record") / "run.schema.json").read_text(encoding="utf-8"))
    return loaded


def as_json(value: Any) -> Any:
    """As JSON's own types; what is not finite becomes null."""
    if isinstance(value, MetricValue):
        cells: dict[str, Any] = {name: as_json(getattr(value, name)) for name in ("value", "low", "high")}
        return {**cells, "selected_on": True} if value.selected_on else cells
    if attrs.has(type(value)):
        return {field.name: as_json(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, without importing NumPy
        return as_json(value.tolist())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _known(cls: type, value: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that this version knows: newer minor versions may have added some."""
    names = {field.name for field in attrs.fields(cls)}
    return {key: item for key, item in value.items() if key in names}


def _metric(value: Mapping[str, Any]) -> MetricValue:
    value_, low, high = (_number(value[name]) for name in ("value", "low", "high"))
    return MetricValue(value_, low, high, bool(value.get("selected_on", False)))


def _model(value: Mapping[str, Any]) -> ModelRecord:
    known = _known(ModelRecord, value)
    known["metrics"] = {
        part: {name: _metric(cell) for name, cell in cells.items()} for part, cells in value.get("metrics", {}).items()
    }
    known["fold_metrics"] = tuple(
        {name: _number(cell) for name, cell in fold.items()} for fold in value.get("fold_metrics", ())
    )
    given = value.get("calibration")
    known["calibration"] = given and CalibrationRecord(
        **{
            **_known(CalibrationRecord, given),
            "error": {p: {k: _number(e) for k, e in pair.items()} for p, pair in given.get("error", {}).items()},
        }
    )
    return ModelRecord(**known)


def _trial(value: Mapping[str, Any]) -> Trial:
    numbers = {name: _number(value.get(name)) for name in ("score", "deviation", "seconds")}
    return Trial(**{**_known(Trial, value), **numbers})


def _run(value: Mapping[str, Any]) -> RunRecord:
    known = _known(RunRecord, value)
    data, tune = value.get("data", {}), value.get("tune")
    pipeline = _known(PipelineRecord, value["pipeline"])
    known["pipeline"] = PipelineRecord(**{**pipeline, "includes": tuple(pipeline.get("includes", ()))})
    known["data"] = DataRecord(
        tuple(SourceRecord(**_known(SourceRecord, s)) for s in data.get("sources", ())),
        data.get("rows", 0),
        tuple(ColumnRecord(**_known(ColumnRecord, c)) for c in data.get("columns", ())),
    )
    known["split"] = SplitRecord(**_known(SplitRecord, value.get("split", {})))
    known["models"] = {name: _model(model) for name, model in value.get("models", {}).items()}
    known["gates"] = tuple(
        GateResult(**{**_known(GateResult, g), "value": _number(g.get("value")), "bound": _number(g.get("bound"))})
        for g in value.get("gates", ())
    )
    trials = tuple(_trial(trial) for trial in (tune or {}).get("trials", ()))
    known["tune"] = tune and TuneRecord(**{**_known(TuneRecord, tune), "trials": trials})
    known["reports"] = {
        name: ReportFiles(tuple(r.get("tables", ())), tuple(r.get("figures", ())))
        for name, r in value.get("reports", {}).items()
    }
    known["device"] = DeviceRecord(**_known(DeviceRecord, value.get("device", {})))
    known["warnings"] = tuple(value.get("warnings", ()))
    known["outputs"] = tuple(value.get("outputs", ()))
    return RunRecord(**known)
