"""Trained models from their artifacts: loaded, scored, measured. Nothing in an artifact is ever executed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from mldsl.data import Context, Dataset, Levels, Split, load, load_rows
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.blame import blamed
from mldsl.execute.fit import Prepared, Run
from mldsl.execute.host import apply_host
from mldsl.execute.judge import Judge, check_targets
from mldsl.execute.members import answer_names, final_plan
from mldsl.execute.programs import Programs
from mldsl.execute.resolver import RegistryResolver
from mldsl.execute.score import Answers, Learned, Scorer, learned_of
from mldsl.plan import ComponentValue, ModelPlan, Plan
from mldsl.plugin import NamedColumn
from mldsl.plugin.registry import Registry
from mldsl.plugin.spec import nested_in
from mldsl.record import MetricValue
from mldsl.record.artifact import Artifact, manifest, read


@attrs.frozen(eq=False)
class Trained:
    """A trained pipeline, ready to answer."""

    name: str
    algorithm: str
    learned: Learned
    info: Any  # of the `model`, and of its `steps`
    versions: Mapping[str, str]
    resolver: RegistryResolver
    scorer: Scorer

    def context(self, base: Path, frames: Mapping[str, Any] | None = None) -> Context:
        """Where new rows are read from."""
        return Context(base, self.resolver.component, self.resolver.spec, frames or {})

    def rows(self, source: ComponentValue | Any, context: Context) -> Dataset:
        """New rows, checked and counted, none refused: a source, or a frame."""
        return load_rows(self.learned.plan, source, context, Levels(dict(self.learned.levels)))

    def answer(self, dataset: Dataset) -> Answers:
        """The answer for every row."""
        return self.scorer.answer(dataset)

    def evaluate(self, plan: Plan, context: Context) -> dict[str, MetricValue]:
        """The plan's metrics, with intervals, on labelled rows; the plan's sources are the rows to judge on."""
        if plan.target is None and not plan.metrics:
            return {}
        dataset = load(plan, context)
        check_targets(plan, dataset, self.resolver)
        prediction, made = self.scorer.raw(dataset)
        host = apply_host(self.scorer.half, dataset.frame, dataset.columns, self.resolver)
        n = dataset.frame.height
        weight = np.ones(n) if host.encoded.weight is None else np.asarray(host.encoded.weight, np.float64)
        split = Split(np.full(n, "test"), (), False)
        run = Run(plan, dataset, split, self.resolver, self.scorer.programs, _silent, _quiet)
        prepared = Prepared(
            self.learned.model, self.scorer.half, host, made.rows, made.pipeline, made.specs, made.classes, made.x64,
            weight, np.zeros(made.pipeline.shape.rows, np.int32), made.scale,
        )  # fmt: skip
        matrix = None
        if any("inputs" in self.resolver.component(m.component).needs for m in plan.metrics):
            pipeline = made.pipeline
            matrix = np.asarray(
                self.scorer.programs.call(
                    "matrix", pipeline.matrix, pipeline.static, made.specs, self.learned.steps, made.rows, x64=made.x64
                )
            )
        judge = Judge(run, prepared, plan.metrics, matrix, self.learned.params)
        found = judge.part(prediction, weight, self.learned.threshold, f"{self.name}/evaluate")
        return {name: MetricValue(*value) for name, value in found.items()}


def _silent(stage: str, step: int, total: int, info: dict[str, float]) -> None:
    """Nothing to report to."""


def _quiet(stage: str, begins: bool) -> None:
    """Nothing to report to."""


def _classes(learned_with: list[str]) -> Any:
    """`module:Class` of NamedTuples, only from modules that installed components live in."""

    def resolve(name: str) -> type | None:
        module, _, qualified = name.partition(":")
        if module not in learned_with:
            return None
        found: Any = sys.modules.get(module)
        for part in qualified.split("."):
            found = getattr(found, part, None)
        return found if isinstance(found, type) and issubclass(found, tuple) else None

    return resolve


def load_model(folder: Path, registry: Registry | None = None) -> Trained:
    """Read an artifact. MLP0502 if it is damaged or foreign, MLP0503 if newer, MLP0504 if a plugin is missing."""
    registry = registry or Registry.load()
    resolver = RegistryResolver(registry)
    folder = _artifact_in(folder)
    value = manifest(folder)
    # Importing the components first, by name through the registry, is what makes their classes known.
    from mldsl.record import planjson

    plan: Plan = planjson.decode(value["plan"])
    model = next((m for m in plan.models if m.name == value["name"]), None)
    if model is None:
        raise MldslError(Diagnostic("MLP0502", f"the artifact `{folder}` names a model that its plan does not have"))
    modules: set[str] = set()
    for part in _components(model):
        component = resolver.component(part)
        spec_module = type(resolver.spec(part)).__module__
        modules |= {type(nested.spec).__module__ for nested in nested_in(resolver.spec(part))}
        modules |= {spec_module} | {
            f.__module__ for f in vars(component).values() if callable(f) and hasattr(f, "__module__")
        }
    parents = {m.rpartition(".")[0] for m in modules}
    modules |= {m for m in sys.modules if m.rpartition(".")[0] in parents and not m.startswith("mldsl.")}
    modules |= {f"mldsl.contract.{name}" for name in ("examples", "reductions", "trees")} | {"mldsl.execute.calibrate"}
    modules |= {"mldsl.execute.members"} if model.members else set()
    installed = registry.versions()
    artifact = read(folder, _classes(sorted(modules)), installed)
    try:
        learned = _learned(artifact, model)
    except (KeyError, TypeError) as error:
        why = f"`{folder}` is not a sound artifact: it lacks {error}"
        raise MldslError(Diagnostic("MLP0502", why, help="run the pipeline again")) from error
    scorer = Scorer(learned, resolver, Programs(modules=sorted(modules)))
    return Trained(artifact.name, artifact.algorithm, learned, artifact.info, artifact.versions, resolver, scorer)


def _components(model: ModelPlan) -> Iterator[ComponentValue]:
    """The components of a model and of those that it is made of, nested ones not counted."""
    yield model.algorithm
    yield from (step.component for step in model.steps if step.component is not None)
    for member in model.members:
        yield from _components(member)


def _learned(artifact: Artifact, model: ModelPlan) -> Learned:
    return _of_facts(artifact.plan, model, artifact.facts, artifact.params)


def _of_facts(plan: Plan, model: ModelPlan, facts: Mapping[str, Any], params: Mapping[str, Any]) -> Learned:
    """One model from what was written of it, with those that it is made of."""
    given = zip(model.members, facts.get("members", ()), params.get("members", ()), strict=True)
    members = tuple(_of_facts(plan, member, its_facts, its_params) for member, its_facts, its_params in given)
    final, classes = None, dict(facts["levels"]).get(plan.target or "", ()) if plan.task == "classification" else ()
    if params.get("final") is not None:
        passed = tuple(NamedColumn(*column) for column in facts["passed"])
        its_plan = final_plan(model, tuple(classes), passed)
        assert its_plan is not None
        of_final = params["final"]
        final = Learned(plan, its_plan, {}, (), (), (), of_final["model"], of_final["prepared"], None)
    return Learned(
        plan,
        model,
        levels={name: tuple(levels) for name, levels in facts["levels"]},
        columns=tuple(facts["columns"]),
        host_states=tuple(params["host"]),
        steps=tuple(params["steps"]),
        params=params["model"],
        state=params["prepared"],
        threshold=facts["threshold"],
        calibrator=params.get("calibrator"),
        hidden=tuple(facts["hidden"]),
        typical=tuple(facts["typical"]),
        rows=facts["rows"],
        more_rounds=facts.get("more_rounds", 0),
        members=members,
        final=final,
    )


def trained_of(result: Any, outcome: Any, made_with: Mapping[str, str]) -> Trained:
    """A model that a run has just fitted, in the form that an artifact would be loaded in."""
    run, last = result.run, outcome.model.last
    rows = int((run.split.part == "train").sum())
    learned = learned_of(run.plan, outcome.model, outcome.threshold, outcome.calibrator, rows)
    info = {"model": last.info, "steps": last.steps_info}
    scorer = Scorer(learned, run.resolver, run.programs)
    return Trained(outcome.name, learned.model.algorithm.name, learned, info, made_with, run.resolver, scorer)


def artifact_of(
    name: str, learned: Learned, info: Any, made_with: Mapping[str, str], plugins: Mapping[str, str], resolver: Any
) -> Artifact:
    """What is written of a trained model; `plugins` are the versions of those that are installed."""
    needed = {part.plugin for value in _components(learned.model) for part in _with_nested(value)}
    # With the settings that it was fitted with: those of the file are what a search started from.
    models = tuple(learned.model if m.name == learned.model.name else m for m in learned.plan.models)
    return Artifact(
        name=name,
        algorithm=learned.model.algorithm.name,
        plan=attrs.evolve(learned.plan, models=models),
        params=_params_of(learned, resolver),
        info=info,
        facts={**_facts_of(learned), "task": learned.plan.task},
        plugins={plugin: plugins.get(plugin, "") for plugin in sorted(needed)},
        versions=made_with,
    )  # fmt: skip


def _params_of(learned: Learned, resolver: Any) -> dict[str, Any]:
    """What was learned, as it is written; with that of the models that it is made of."""
    found = {
        "host": learned.host_states, "steps": learned.steps, "model": _compact(learned, resolver),
        "prepared": learned.state, "calibrator": learned.calibrator,
    }  # fmt: skip
    if learned.members:
        found["members"] = tuple(_params_of(member, resolver) for member in learned.members)
    if learned.final is not None:
        found["final"] = {"model": _compact(learned.final, resolver), "prepared": learned.final.state}
    return found


def _facts_of(learned: Learned) -> dict[str, Any]:
    """The plain values beside them."""
    found: dict[str, Any] = {
        "levels": [[column, list(levels)] for column, levels in learned.levels.items()],
        "columns": learned.columns,
        "threshold": learned.threshold,
        "hidden": learned.hidden,
        "typical": learned.typical,
        "rows": learned.rows,
        **({"more_rounds": learned.more_rounds} if learned.more_rounds else {}),
    }
    if learned.members:
        found["members"] = [_facts_of(member) for member in learned.members]
    if learned.final is not None:
        own = len(learned.final.model.columns) - len(answer_names(learned.model, _classes_of(learned)))
        passed = learned.final.model.columns[len(learned.final.model.columns) - own :]
        found["passed"] = [[c.name, c.type, None if c.levels is None else list(c.levels), c.missing] for c in passed]
    return found


def _classes_of(learned: Learned) -> tuple[str, ...]:
    return learned.levels.get(learned.plan.target or "", ()) if learned.plan.task == "classification" else ()


def _with_nested(value: ComponentValue) -> Iterator[ComponentValue]:
    """A component and those among its arguments."""
    yield value
    for _, given in value.args:
        for one in given if isinstance(given, tuple) else (given,):
            if isinstance(one, ComponentValue) and one.kind != "choice":
                yield from _with_nested(one)


def _compact(learned: Learned, resolver: Any) -> Any:
    """What was learned, without what the model's arrays hold for their shape's sake only."""
    component: Any = resolver.component(learned.model.algorithm)
    if component.compact is None:
        return learned.params
    with blamed(learned.model.algorithm, "compact"):
        if component.follows:  # it asks the models in its Spec
            return component.compact(resolver.spec(learned.model.algorithm), learned.params)
        return component.compact(learned.params)


def _artifact_in(folder: Path) -> Path:
    """The artifact that a path means: the folder itself, or the best model of a run folder."""
    if (folder / "manifest.json").is_file() or not (folder / "run.json").is_file():
        return folder
    from mldsl.record import RunRecord

    record = RunRecord.read(folder)
    return folder / "models" / (record.best or next(iter(record.models)))


def source_for(plan: Plan, path: str) -> ComponentValue:
    """The source that reads a file like the pipeline's own: same reader and options where the form is the same.

    Otherwise the reader follows the ending.
    """
    from mldsl.plan.model import ComponentValue as Value

    ending = Path(path).name.lower().removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]
    kinds = {
        "csv": "csv", "tsv": "csv", "txt": "csv", "parquet": "parquet", "pq": "parquet", "jsonl": "json_lines",
        "ndjson": "json_lines", "arrow": "arrow", "feather": "arrow", "ipc": "arrow", "svm": "svmlight",
        "svmlight": "svmlight",
    }  # fmt: skip
    kind = kinds.get(ending)
    own = next((v for _, v in plan.sources if v.name == kind or kind is None), None)
    if own is not None and own.plugin == "core" and "path" in dict(own.args):
        return attrs.evolve(own, args=tuple((k, (path,) if k == "path" else v) for k, v in own.args), span=None)
    if kind is None:
        raise MldslError(
            Diagnostic(
                "MLP0406",
                f"`{path}` has an ending that no source reads",
                help=f"known endings: {', '.join(sorted(kinds))}",
            )
        )
    arguments = (("path", (path,)), ("delimiter", "\t")) if ending == "tsv" else (("path", (path,)),)
    return Value("source", kind, "core", arguments)
