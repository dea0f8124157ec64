"""The Python interface: `run`, `check`, `compile`, `load`; frames in, frames out.

Any table that speaks the Arrow interface goes in (Polars, pandas, PyArrow, DuckDB); predictions come back in the kind
that was given. Mistakes raise `MldslError`, which prints as the command line's messages do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.source import Source


def _source(given: str | Path | Source) -> Source | Path:
    if isinstance(given, Source):
        return given
    if isinstance(given, str) and ("\n" in given or "{" in given):
        return Source("<text>", given)
    return Path(given)


def _literal(value: Any) -> str:
    """A Python value as the language's own literal, as `-p` would be given."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_literal(v) for v in value) + "]"
    return repr(value)


def check(pipeline: str | Path | Source, *, params: Mapping[str, Any] | None = None) -> list[Diagnostic]:
    """Every finding that needs no data, in the order of the file; an empty list is a clean bill.

    `pipeline` is a path, or the text itself. Reads no data and imports no array library.
    """
    from mldsl.driver import Options
    from mldsl.driver import check as check_source

    return list(check_source(_source(pipeline), Options(params=_literals(params))).diagnostics)


def _literals(params: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: _literal(value) for name, value in (params or {}).items()}


def run(
    pipeline: str | Path | Source,
    *,
    params: Mapping[str, Any] | None = None,
    data: Any = None,
    frames: Mapping[str, Any] | None = None,
    runs_dir: str | Path | None = None,
    resume: bool = False,
    locked: bool = False,
    force: bool = False,
    tune: bool = True,
    device: str | None = None,
    keep: bool = True,
) -> Run:
    """Check, train and measure a pipeline (a path, or its text).

    `params` override the file's. `data` takes the place of the file's source; `frames` are the tables that
    `frame("name")` names. `locked` refuses to run unless `mldsl.lock` names what is installed. A run of which nothing
    has changed is answered from its folder, unless `force`. `tune = False` searches nothing: params keep their values.
    `keep = False` leaves no run folder behind. Raises `MldslError` for every mistake in file or data.
    """
    from mldsl.driver import Options
    from mldsl.driver import run as run_source

    options = Options(
        params=_literals(params), frames=frames or {}, data=data, runs_dir=Path(runs_dir) if runs_dir else None,
        resume=resume, locked=locked, force=force, tune=tune, device=device, keep=keep,
    )  # fmt: skip
    return Run(run_source(_source(pipeline), options))


def compile(text: str | Path | Source, *, params: Mapping[str, Any] | None = None) -> Pipeline:
    """Check a pipeline and keep it ready to run; raises `MldslError` with everything that is wrong."""
    from mldsl.driver import Options
    from mldsl.driver import check as check_source

    source = _source(text)
    check_source(source, Options(params=_literals(params))).sound()
    return Pipeline(source, dict(params or {}))


def load(path: str | Path, *, registry: Any = None) -> Model:
    """A trained model from its artifact (`models/<name>/` of a run, or an exported one); a run folder gives its best.

    Hashes are checked before anything is read, and nothing is executed. MLP0502, 0503, 0504 if it cannot be trusted.
    """
    from mldsl.execute.settings import configure

    configure(None)
    from mldsl.execute.trained import load_model

    return Model(load_model(Path(path), registry))


@attrs.frozen(eq=False)
class Pipeline:
    """A checked pipeline."""

    source: Source | Path
    params: Mapping[str, Any]

    def run(self, **options: Any) -> Run:
        """Train and measure it; options as of `mldsl.run`."""
        return run(self.source, **{"params": self.params, **options})

    @property
    def text(self) -> str:
        """The pipeline's text."""
        return self.source.text if isinstance(self.source, Source) else self.source.read_text(encoding="utf-8")


class Run:
    """A finished run: metrics of the best model, reports, models, the record. Shows itself in a notebook."""

    def __init__(self, finished: Any) -> None:
        self._finished = finished

    @property
    def record(self) -> Any:
        """The record, as in `run.json`."""
        return self._finished.record

    @property
    def folder(self) -> Path | None:
        """The run folder; None for a run that kept nothing."""
        folder: Path | None = self._finished.folder
        return folder

    @property
    def unchanged(self) -> bool:
        """Whether nothing has changed since an earlier run, which answered."""
        unchanged: bool = self._finished.unchanged
        return unchanged

    @property
    def best(self) -> str | None:
        """The name of the model with the best primary metric."""
        best: str | None = self.record.best
        return best

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Metrics of the best model on the part that counts: name -> value with `low`, `high`."""
        model = self.record.models.get(self.best)
        return {} if model is None else dict(model.metrics.get(model.held_out, {}))

    @property
    def predictions(self) -> Any:
        """Every held-out row of every model (Polars)."""
        if self.unchanged and self.folder is not None:
            import polars as pl

            return pl.read_parquet(self.folder / "predictions.parquet")
        from mldsl.execute.engine import predictions_frame

        return predictions_frame(self._finished.result)

    def tables(self, report: str) -> list[Any]:
        """The tables of a report as Polars frames."""
        import polars as pl

        output = self._finished.outputs[report]
        return [pl.DataFrame({c.name: list(c.values) for c in t.columns}, strict=False) for t in output.tables]

    def report(self) -> Path | None:
        """The path of `report.html`."""
        return None if self.folder is None else self.folder / "report.html"

    def model(self, name: str | None = None) -> Model:
        """A fitted model (the best one), ready to predict."""
        from mldsl.execute.trained import trained_of

        wanted = name or self.best or ""
        if wanted not in self.record.models:
            known = ", ".join(self.record.models)
            raise MldslError(Diagnostic("MLP0112", f"there is no model `{wanted}`", notes=(f"models: {known}",)))
        if self.unchanged and self.folder is not None:
            return load(self.folder / "models" / wanted)
        result = self._finished.result
        outcome = next(o for o in result.outcomes if o.name == wanted)
        return Model(trained_of(result, outcome, self.record.versions))

    def __repr__(self) -> str:
        """The summary, as the command line prints it."""
        from mldsl.report import summary_text

        folder = None if self.folder is None else str(self.folder)
        return summary_text(self.record, self._finished.outputs, False, 100, folder=folder)

    def _repr_html_(self) -> str:
        from mldsl.report.notebook import run_html

        return run_html(self.record, self._finished.outputs, self.folder)


class Model:
    """A trained pipeline: transforms and model together. `predict` takes raw rows and gives answers."""

    def __init__(self, trained: Any) -> None:
        self._trained = trained

    @property
    def name(self) -> str:
        """The model's name in its pipeline."""
        name: str = self._trained.name
        return name

    @property
    def algorithm(self) -> str:
        """The component it was trained with."""
        algorithm: str = self._trained.algorithm
        return algorithm

    @property
    def params(self) -> Any:
        """What was learned: the algorithm's own tuple of NumPy arrays."""
        return self._trained.learned.params

    @property
    def info(self) -> Any:
        """What the fit reported beside what it learned."""
        return self._trained.info["model"]

    def predict(self, rows: Any) -> Any:
        """The given columns and the answer: `prediction`, `probability_<class>` (or `score_<class>`, `cluster`).

        Only input columns are needed. Every row gets an answer; what is odd about a row stands in a column `warning`.
        A column that is absent although it may be is a `UserWarning`.
        """
        import warnings

        import polars as pl

        from mldsl.execute.settings import configure

        configure(None)
        from mldsl.execute.engine import answer_columns

        context = self._trained.context(Path.cwd())
        dataset = self._trained.rows(rows, context)
        for found in dataset.warnings:
            if found.code == "MLP0413":  # the others are about rows, and stand beside these
                warnings.warn(found.message, UserWarning, stacklevel=2)
        columns = answer_columns(self._trained.answer(dataset))
        if any(dataset.row_warnings):
            columns["warning"] = pl.Series("warning", list(dataset.row_warnings), dtype=pl.String)
        return beside(rows, dataset.given, pl.DataFrame(columns))

    def evaluate(self, rows: Any) -> Mapping[str, Any]:
        """The pipeline's metrics on labelled rows, with intervals."""
        from mldsl.execute.settings import configure

        configure(None)
        from mldsl.driver import with_frame

        plan, frames = with_frame(self._trained.learned.plan, rows)
        metrics: Mapping[str, Any] = self._trained.evaluate(plan, self._trained.context(Path.cwd(), frames))
        return metrics

    def update(self, rows: Any, rounds: int | None = None) -> Model:
        """A model that has learned from these rows too, or for so many further `rounds`; this one stays as it is.

        For algorithms whose fit is nothing but sums over rows, such as naive Bayes: it is the model that one fit of all
        rows gives, up to rounding. The rows need inputs and a target of the model's classes; they are checked as
        training rows are. Fitted transforms stay as the first rows had them (vocabularies, weights of words, scales,
        what was filled in), and so do a chosen threshold and a calibration: a `UserWarning` names those. Raises
        `MldslError`: MLP0310 for an algorithm that needs all rows together, MLP0404 for other classes.

        With `rounds`, for models that add up rounds, such as boosted trees: they go on where their fit ended, on these
        rows alone. On the rows of the fit that is what a fit with so many rounds more gives, up to rounding and to what
        chance draws.
        """
        import warnings

        from mldsl.execute.settings import configure

        configure(None)
        from mldsl.driver import with_frame
        from mldsl.execute.update import update

        plan, frames = with_frame(self._trained.learned.plan, rows)
        if rounds is not None and (isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1):
            raise ValueError(f"expected rounds >= 1, found {rounds!r}")
        found = update(self._trained, plan, self._trained.context(Path.cwd(), frames), rounds)
        if found.stays:
            kept = "; ".join(found.stays)
            warnings.warn(f"as the first rows had it, and not learned anew: {kept}", UserWarning, stacklevel=2)
        for text in found.warnings:
            warnings.warn(text, UserWarning, stacklevel=2)
        return Model(found.trained)

    def save(self, folder: str | Path) -> Path:
        """Write the model as an artifact, which `mldsl.load` and the command line take; complete or not at all.

        An artifact at that path is replaced; anything else is left as it is, and MLP0602 raised.
        """
        from mldsl.execute.update import save

        return save(self._trained, Path(folder))

    def sample(self, n: int, seed: int = 0) -> Any:
        """Draw n rows from a generative model (NumPy [n, d])."""
        return self._trained.scorer.sample(n, seed)

    def __repr__(self) -> str:
        """What it is and what it needs."""
        plan = self._trained.learned.plan
        inputs = ", ".join(c.name for c in plan.columns if c.role == "input" and not c.pattern)
        goal = f" of {plan.target}" if plan.target else ""
        return f"<{self.algorithm} `{self.name}`: {plan.task}{goal} from {inputs}>"


def beside(rows: Any, frame: Any, answers: Any) -> Any:
    """The rows as they were given, in the kind that was given, with the columns of `answers` beside them.

    `frame` are the same rows in Polars, which is also what any kind other than pandas, PyArrow and dict becomes.
    """
    kind = type(rows).__module__.partition(".")[0]
    if kind == "pandas":
        given = rows.copy()
        for name in answers.columns:
            given[name] = answers[name].to_numpy()
        return given
    if kind == "pyarrow" and hasattr(rows, "append_column"):
        for name in answers.columns:
            column = answers[name].to_arrow()
            place = rows.schema.get_field_index(name)
            rows = rows.append_column(name, column) if place < 0 else rows.set_column(place, name, column)
        return rows
    if isinstance(rows, dict):
        return {**rows, **answers.to_dict(as_series=False)}
    return frame.with_columns(answers)
