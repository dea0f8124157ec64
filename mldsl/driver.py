"""Every step of a run, in order; the only module that knows them all.

text -> syntax tree -> plan -> plan with the data's header -> rows -> split -> fits -> record and folder. Each step
returns its value and its diagnostics; the driver stops after the first step with an error, once that step has reported
all of its errors.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.diagnostics.suggest import did_you_mean
from mldsl.plan import ComponentValue, Plan
from mldsl.source import Source

if TYPE_CHECKING:
    from mldsl.plugin.lock import Lock
    from mldsl.plugin.registry import Registry

Progress = Callable[[str, int, int, dict[str, float]], None]


@attrs.frozen(eq=False)
class Checked:
    """What checking gives: a plan unless there are errors, all diagnostics, the files that they point into.

    `pending` is what a run still lacks without the file being wrong (a param without a value).
    """

    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...]
    pending: tuple[Diagnostic, ...]
    sources: Mapping[str, Source]
    base: Path
    loaded: Any = None  # the parsed files, so that no later step parses them again

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that stop."""
        return tuple(d for d in self.diagnostics if d.severity == "error")

    def sound(self) -> Plan:
        """The plan; raises `MldslError` with every error if there is none."""
        if self.errors or self.plan is None:
            raise MldslError(*(self.errors or self.pending), sources=self.sources)
        return self.plan


@attrs.frozen(eq=False)
class Options:
    """How to run, apart from the file: nothing here changes a result, except `params`, `frames` and `tune`.

    `force` runs although nothing has changed, and trains anew. `exports` is whether what `export` names is written.
    `base` stands in for the folder of the file, where it is run from elsewhere.
    """

    params: Mapping[str, str] = attrs.field(factory=dict)
    frames: Mapping[str, Any] = attrs.field(factory=dict)
    data: Any = None
    runs_dir: Path | None = None
    resume: bool = False
    device: str | None = None
    keep: bool = True
    progress: Progress | None = None
    registry: Registry | None = None
    locked: bool = False
    tune: bool = True  # False: params keep their values, whatever `tune` says
    force: bool = False
    exports: bool = True
    base: Path | None = None


@attrs.frozen(eq=False)
class Finished:
    """A run that is over: its record, its folder (None if nothing was to be kept), its reports and fitted models.

    `resumed` says that it went on from what an interrupted run of the same content had left. `unchanged`: it was
    answered from the folder of an earlier run, and `result` is None.
    """

    record: Any
    folder: Path | None
    outputs: Mapping[str, Any]
    result: Any
    checked: Checked
    compiled: int
    resumed: bool = False
    unchanged: bool = False


def _registry(options: Options) -> Registry:
    if options.registry is not None:
        return options.registry
    from mldsl.plugin.registry import Registry

    return Registry.load()


def base_of(source: Source) -> Path:
    """The folder that relative paths of a file start from: its own, or the current one for text given directly."""
    return source.path.absolute().parent if source.path is not None else Path.cwd()


def check(source: Source | Path, options: Options | None = None) -> Checked:
    """Every finding that needs no data: syntax, names, values, leaks."""
    return _analyze(source, options or Options(), None, None)


def _analyze(
    source: Source | Path,
    options: Options,
    header: Mapping[str, tuple[str, ...]] | None,
    levels: Any,
    loaded: Any = None,
) -> Checked:
    from mldsl.semantics import analyze, load

    if loaded is None:
        loaded = load(source if isinstance(source, Source) else open_source(source))
    registry = _registry(options)
    analysis = analyze(loaded, registry, options.params, header, levels, search=options.tune)
    given = analysis.plan
    if given is not None and options.data is not None:
        given = with_frame(given, options.data)[0]
    found = tuple(analysis.diagnostics)
    if given is not None and given.tune is not None and header is not None:  # plugins may be loaded now
        from mldsl.execute.resolver import RegistryResolver
        from mldsl.execute.searches import look_over

        given, problems = look_over(given, RegistryResolver(registry))
        found += problems
    texts = {s.name: s for s in loaded.sources}
    base = options.base or base_of(loaded.sources[0])
    return Checked(given, found, analysis.pending, texts, base, loaded)


def open_source(path: Path) -> Source:
    """Read a pipeline file; MLP0406 if there is none, MLP0407 if it is not UTF-8."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MldslError(Diagnostic("MLP0407", f"`{path}` is not UTF-8 text", help="save the file as UTF-8")) from error
    except OSError as error:
        near = sorted(p.name for p in path.parent.glob("*.mlp")) if path.parent.is_dir() else []
        reason = (error.strerror or "it cannot be read").lower()
        notes = (f"in that folder: {', '.join(near[:8])}",) if near else ()
        meant = did_you_mean(path.stem, [Path(name).stem for name in near])
        remedy = f"did you mean `{path.with_name(meant)}.mlp`?" if meant else None
        raise MldslError(
            Diagnostic("MLP0406", f"`{path}` cannot be read: {reason}", notes=notes, help=remedy)
        ) from error
    return Source(str(path), text.removeprefix("\ufeff"), path)


def with_frame(found: Plan, rows: Any) -> tuple[Plan, dict[str, Any]]:
    """The plan with a table in place of its source, and the frames that it then reads."""
    value = ComponentValue("source", "frame", "core", (("name", "data"),), ("name",))
    kept = tuple((name, source) for name, source in found.sources if name in ("users", "items"))
    return attrs.evolve(found, sources=(("data", value), *kept)), {"data": rows}


@contextmanager
def _with_sources(sources: Mapping[str, Source]) -> Iterator[None]:
    try:
        yield
    except MldslError as error:
        error.sources = {**sources, **error.sources}
        raise


def _context(checked: Checked, options: Options, resolver: Any) -> Any:
    from mldsl.data import Context

    return Context(
        checked.base,
        resolver.component,
        resolver.spec,
        options.frames if options.data is None else {**options.frames, "data": options.data},
    )


def plan(source: Source | Path, options: Options | None = None) -> Checked:
    """The complete plan: checked again with the data's header, every name known, every default spelt out."""
    options = options or Options()
    options = attrs.evolve(options, registry=_registry(options))
    return _complete(source, _checked(source, options), options)


def _checked(source: Source | Path, options: Options) -> Checked:
    """What `check` finds, with no plan where something is missing that a run needs; held against the lock if wanted."""
    first = check(source, options)
    if first.errors or first.plan is None or first.pending:
        return attrs.evolve(first, plan=None, diagnostics=(*first.diagnostics, *first.pending))
    if options.locked:
        with _with_sources(first.sources):
            hold_to_lock(first, options)
    return first


def _complete(source: Source | Path, first: Checked, options: Options) -> Checked:
    if first.plan is None:
        return first
    from mldsl.data import read_header
    from mldsl.execute.resolver import RegistryResolver

    resolver = RegistryResolver(_registry(options))
    with _with_sources(first.sources):
        header = read_header(first.plan, _context(first, options, resolver))
    complete = _analyze(source, options, header, None, first.loaded)
    if complete.plan is not None:
        found = (*_later(complete.plan), *_lint(complete.plan, options), *_reports(complete.plan, resolver))
        complete = attrs.evolve(complete, diagnostics=(*complete.diagnostics, *found))
    return complete


@attrs.frozen(eq=False)
class Looked:
    """A plan with its rows: loaded, split, and analyzed again with the levels that the training rows have.

    `checked` is that last analysis, `facts` what the plan says of the rows (`mldsl.plan.rows.SplitRows`).
    """

    checked: Checked
    dataset: Any
    split: Any
    facts: Any
    clock: Any = None  # how long that took

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What reading and splitting warn of."""
        return (*self.dataset.warnings, *self.split.warnings)


def look(source: Source | Path, checked: Checked, options: Options) -> Looked:
    """Load the rows of a complete plan and split them. Raises `MldslError` with everything that is wrong with them."""
    from mldsl.data import learn_levels, load, make_split
    from mldsl.data.facts import row_facts
    from mldsl.execute.clock import Clock
    from mldsl.execute.resolver import RegistryResolver

    options = attrs.evolve(options, registry=_registry(options))
    clock = Clock()
    with _with_sources(checked.sources):
        found = checked.sound()
        with clock.step("read"):
            dataset = load(found, _context(checked, options, RegistryResolver(_registry(options))))
        with clock.step("split"):
            split = make_split(found, dataset, found.seed)
        levels = learn_levels(dataset, split.part == "train")
        again = _analyze(source, options, _header_of(found, dataset), dict(levels.of), checked.loaded)
        facts = row_facts(again.sound(), dataset, split, levels, found.seed)
    return Looked(again, dataset, split, facts, clock)


# ---- mldsl.lock ------------------------------------------------------------------------------------------------------
def lock_of(checked: Checked, options: Options) -> Lock:
    """The plugins that a file uses, as they are installed."""
    from mldsl.plugin import lock

    return lock.lock_of(_registry(options), [use.dotted for use in _uses(checked)])


def _uses(checked: Checked) -> list[Any]:
    from mldsl.syntax.ast import Use

    return [item for program in checked.loaded.programs for item in program.of(Use)]


def hold_to_lock(checked: Checked, options: Options) -> None:
    """Hold what is installed against `mldsl.lock` beside the file; raises MLP0501 with everything that differs."""
    from mldsl.plugin import lock

    place = checked.base / lock.NAME
    accept = f"`mldsl lock {Path(next(iter(checked.sources))).name}` accepts what is installed"
    spans = {use.dotted: use.name_span for use in _uses(checked)}
    found = lock.mismatches(lock.read_lock(place), lock_of(checked, options), place, accept, spans)
    if found:
        raise MldslError(*found)


def _later(found: Plan) -> list[Diagnostic]:
    """What the language has and this version cannot run yet: refused, never passed over."""
    later: list[Diagnostic] = []
    for model in found.models:
        if isinstance(model.target_scale, ComponentValue):
            what = f"`target = {model.target_scale.name}(...)` cannot be run by this version of mldsl"
            remedy = "`log`, `log1p` and `sqrt` can, or learn the target as it is"
            later.append(Diagnostic("MLP0312", what, model.span, help=remedy))
    return later


def _reports(found: Plan, resolver: Any) -> list[Diagnostic]:
    """Reports that cannot be made of this plan: said before anything is trained."""
    from mldsl.execute.blame import blamed

    problems: list[Diagnostic] = []
    for value in found.reports:
        component = resolver.component(value)
        if component.check is None:
            continue
        with blamed(value, "check"):
            given = list(component.check(resolver.spec(value), found))
        problems += [
            Diagnostic("MLP0312", f"`{value.name}` cannot work here: `{p.parameter}`: {p.message}", value.span)
            for p in given
        ]
    return problems


def _lint(found: Plan, options: Options) -> list[Diagnostic]:
    hooks = _registry(options).hooks()
    given: list[Diagnostic] = []
    for _, diagnostics in hooks.call("mldsl_lint", plan=found):
        given += list(diagnostics)
    return given


def run(source: Source | Path, options: Options | None = None) -> Finished:
    """Check, plan, read, train, judge, keep. Raises `MldslError` for a user's mistake; leaves nothing half-written."""
    options = options or Options()
    options = attrs.evolve(options, registry=_registry(options))
    first = _checked(source, options)
    made_with = lock_of(first, options)
    key = "" if first.plan is None else content_key(first, options, made_with)
    if options.keep and not options.force:
        answered = _unchanged(first, options, key, made_with)
        if answered is not None:
            return answered
    checked = _complete(source, first, options)
    with _with_sources(checked.sources):
        return _run(source, checked, checked.sound(), options, key, made_with)


def _unchanged(first: Checked, options: Options, key: str, made_with: Lock) -> Finished | None:
    """The kept run that this one would repeat, whole, and with what it exported in place; None if there is none."""
    from mldsl.execute.resolver import RegistryResolver
    from mldsl.record import unchanged

    runs_dir = _runs_dir(options, first)
    known = unchanged.recall(runs_dir, key)
    if known is None or first.plan is None or not all(plugin.sources for plugin in made_with.plugins):
        return None
    from mldsl.data.hashes import source_hashes
    from mldsl.report.read import read_run

    sizes = {source.name: source.bytes for source in known.sources}
    context = _context(first, options, RegistryResolver(_registry(options)))
    try:
        found = source_hashes(first.plan, context, lambda name, size: sizes.get(name, -1) == size)
        record = None if found is None else _kept_record(known, found, runs_dir, first, options, made_with)
        if record is None:
            return None
        kept = read_run(runs_dir / known.run)
    except MldslError:
        return None  # whatever is wrong with the data or the folder is said, or mended, by running
    return Finished(record, kept.folder, kept.outputs, None, first, 0, unchanged=True)


def stages_of(looked: Looked, options: Options, made_with: Lock, run_id: str = "") -> Any:
    """The kept fits that a run of these rows may use; None where its code or data has no hash."""
    if not all(plugin.sources for plugin in made_with.plugins):
        return None
    from mldsl.execute.settings import device_facts
    from mldsl.execute.stages import stages_of
    from mldsl.record.unchanged import code_of

    return stages_of(
        _runs_dir(options, looked.checked), run_id, looked.checked.sound(), looked.dataset, looked.split,
        code_of(made_with), device_facts(options.device),
    )  # fmt: skip


def hashes_of_data(source: Source | Path, options: Options) -> list[tuple[str, str]]:
    """The name and SHA-256 of everything that a file reads; its rows are not parsed."""
    from mldsl.data.hashes import source_hashes
    from mldsl.execute.resolver import RegistryResolver

    checked = check(source, options)
    with _with_sources(checked.sources):
        resolver = RegistryResolver(_registry(options))
        return source_hashes(checked.sound(), _context(checked, options, resolver)) or []


def _kept_record(
    known: Any, sources: list[tuple[str, str]], runs_dir: Path, checked: Checked, options: Options, made_with: Lock
) -> Any:
    """The record of a known run if it read these sources, its folder is whole, and its exports are in place."""
    from mldsl.record import unchanged

    if unchanged.content_hash(content_key(checked, options, made_with), sources) != known.content:
        return None
    if any(unchanged.digest_of(checked.base / path) != digest for path, digest in known.outputs.items()):
        return None
    return unchanged.intact(runs_dir / known.run, known.content)


def content_key(checked: Checked, options: Options, made_with: Lock) -> str:
    """What decides a run apart from its data."""
    from mldsl.execute.settings import device_facts
    from mldsl.record import unchanged

    assert checked.plan is not None
    texts = {name: source.text for name, source in checked.sources.items()}
    registry = _registry(options)
    versions = registry.versions()
    observers = [(plugin, versions.get(plugin, "")) for plugin, _ in registry.hook_modules("mldsl_report_sections")]
    return unchanged.content_key(checked.plan, texts, made_with, repr((device_facts(options.device), observers)))


def _run(source: Source | Path, checked: Checked, found: Plan, options: Options, key: str, made_with: Lock) -> Finished:
    from mldsl.execute.settings import configure

    configure(options.device)
    from mldsl.execute import keep
    from mldsl.execute.checkpoint import Checkpoints
    from mldsl.execute.engine import execute
    from mldsl.execute.fit import Run
    from mldsl.execute.programs import Programs, source_hash
    from mldsl.execute.reports import compute_reports
    from mldsl.execute.resolver import RegistryResolver
    from mldsl.plugin.lock import NAME as LOCK
    from mldsl.plugin.lock import Lock
    from mldsl.record import unchanged
    from mldsl.record.disk import write_file
    from mldsl.report import render_run

    registry = _registry(options)
    resolver = RegistryResolver(registry)
    hooks = registry.hooks()
    looked = look(source, checked, options)
    again, dataset, split = looked.checked, looked.dataset, looked.split
    found = again.sound()
    modules = _modules(found, resolver)
    digest = unchanged.content_hash(key, [(s.name, s.sha256) for s in dataset.sources])
    if not all(plugin.sources for plugin in made_with.plugins):  # components without a package, which the key knows not
        digest = hashlib.sha256(f"{digest}{source_hash(modules)}".encode()).hexdigest()
    resumed = options.resume and (_runs_dir(options, checked) / ".partial" / digest).is_dir()
    folder = _begin(options, checked, digest)
    stages = None
    try:
        programs = Programs(modules=modules)
        plugins = registry.versions()
        name = Path(found.file).name
        run_id = folder.run_id(name) if folder is not None else f"{Path(name).stem}-{digest[:8]}"
        text = keep.pipeline_text(checked.sources)
        text_of_plan = plan_text(found, looked.facts, (), batching_words(found, looked.facts, options))
        record = keep.draft(run_id, found.file, text, found, dataset, split, plugins)
        record = _made_of(record, digest, checked, options)
        hooks.call("mldsl_run_start", record=record)

        def progress(stage: str, step: int, total: int, info: dict[str, float]) -> None:
            hooks.call("mldsl_fit_progress", stage=stage, step=step, total=total, info=info)
            if options.progress is not None:
                options.progress(stage, step, total, info)

        def stage(name: str, begins: bool) -> None:
            looked.clock.stage(name, begins)
            hooks.call("mldsl_stage_start" if begins else "mldsl_stage_end", stage=name)

        checkpoints = Checkpoints(folder.path / "checkpoints", options.resume) if folder is not None else None
        if folder is not None:
            stages = stages_of(looked, options, made_with, run_id)
        if stages is not None:
            stages = attrs.evolve(stages, fresh=folder.path / "stages", read=not options.force)
        result = execute(
            Run(found, dataset, split, resolver, programs, progress, stage, checkpoints, looked.clock, stages)
        )
        outputs = compute_reports(result)
        outputs |= _sections(hooks, record)
        warnings = [d.message for d in (*checked.diagnostics, *again.diagnostics) if d.severity == "warning"]
        record = keep.complete(record, result, outputs, *found.settled, *warnings, *_said(hooks.failures))
        final = None
        if folder is not None:
            keep.write(result, record, outputs, text, text_of_plan, folder, plugins)
            write_file(folder.path / LOCK, Lock().with_pipeline(name, made_with, ()).text())
            if options.exports:
                record = keep.export(record, result, folder.path, checked.base, resolver.spec)
            if record.outputs:  # the page names them
                render_run(record, outputs, text, text_of_plan, folder.path)
            if stages is not None:
                stages.settle()
            record = attrs.evolve(record, files=unchanged.hashes_of(folder.path))
            write_file(folder.path / "run.json", record.text())
            checkpoints_done(folder.path / "checkpoints")
            final = folder.finish(run_id)
            _remember(final.parent, key, record, checked, dataset)
    except KeyboardInterrupt:
        if stages is not None:
            stages.settle()
        if folder is not None and (folder.path / "checkpoints").is_dir():
            folder.release()
        elif folder is not None:
            folder.discard()  # nothing was kept that a later run could go on from
        raise
    except BaseException as error:
        disk = isinstance(error, MldslError) and any(d.code == "MLP0602" for d in error.diagnostics)
        if stages is not None and not disk:
            stages.settle()  # what was trained is not lost because a metric or report failed
        if folder is not None:
            folder.discard()
        raise
    known = len(hooks.failures)
    hooks.call("mldsl_run_end", record=record)
    if len(hooks.failures) > known:
        record = attrs.evolve(record, warnings=(*record.warnings, *_said(hooks.failures[known:])))
        if final is not None:
            write_file(final / "run.json", record.text())
    return Finished(record, final, outputs, result, checked, programs.counts.compiled, resumed)


def _sections(hooks: Any, record: Any) -> dict[str, Any]:
    """What observers add to the report page, under the names of their plugins."""
    found: dict[str, Any] = {}
    for plugin, sections in hooks.call("mldsl_report_sections", record=record):
        found |= {f"{plugin}-{i}" if i else plugin: section for i, section in enumerate(sections)}
    return found


def _said(failures: Iterable[Any]) -> list[str]:
    return [f"the plugin `{f.plugin}` failed in `{f.key}`: {f.message}" for f in failures]


def checkpoints_done(folder: Path) -> None:
    """Checkpoints have served once the run is complete."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def plan_text(
    found: Plan, rows: Any = None, kept: Iterable[tuple[str, str]] = (), batching: Iterable[tuple[str, str]] = ()
) -> str:
    """The complete plan as text; `rows` are the facts of its rows, where they were looked at, `kept` what is kept."""
    from mldsl.plan.rows_text import rows_facts
    from mldsl.plan.text import plan_text as text

    facts = {} if rows is None else {**rows_facts(found, rows), "Batching": tuple(batching)}
    return text(found, {**facts, "Kept": tuple(kept)})


def batching_words(found: Plan, rows: Any, options: Options) -> list[tuple[str, str]]:
    """How the fits of each model are batched, and why."""
    from mldsl.execute.resolver import RegistryResolver
    from mldsl.execute.ways import describe

    return list(describe(found, RegistryResolver(_registry(options)), rows))


def kept_words(looked: Looked, options: Options) -> list[tuple[str, str]]:
    """What a run of these rows would find kept: of the whole run, or of each model; nothing where nothing was run."""
    from mldsl.execute.stages import FOLDER
    from mldsl.record import unchanged

    checked = looked.checked
    runs_dir, made_with = _runs_dir(options, checked), lock_of(checked, options)
    if not (runs_dir / FOLDER).is_dir():
        return []
    known = unchanged.recall(runs_dir, content_key(checked, options, made_with))
    sources = [(source.name, source.sha256) for source in looked.dataset.sources]
    if known is not None and _kept_record(known, sources, runs_dir, checked, options, made_with) is not None:
        return [("run", f"nothing has changed since {known.run}, which answers")]
    from mldsl.execute.foreseen import foreseen

    stages = stages_of(looked, options, made_with)
    return [] if stages is None else foreseen(stages, checked.sound(), looked.dataset, looked.split)


def _header_of(found: Plan, dataset: Any) -> dict[str, tuple[str, ...]]:
    """The header again, from what was read: every source has the declared columns."""
    stored = tuple(c.name for c in found.columns if c.computed is None)
    return {name: stored for name, _ in found.sources}


def _begin(options: Options, checked: Checked, digest: str) -> Any:
    if not options.keep:
        return None
    from mldsl.record import folder

    return folder.start(_runs_dir(options, checked), digest, resume=options.resume)


def _runs_dir(options: Options, checked: Checked) -> Path:
    return options.runs_dir or checked.base / "runs"


def _modules(found: Plan, resolver: Any) -> list[str]:
    from mldsl.plugin.spec import nested_in

    modules = set()
    for model in found.models:
        for value in (model.algorithm, *(s.component for s in model.steps if s.component is not None)):
            component = resolver.component(value)
            function = next((f for f in (getattr(component, n, None) for n in ("fit", "update", "apply")) if f), None)
            modules.add(getattr(function, "__module__", "mldsl"))
            modules |= {type(nested.spec).__module__ for nested in nested_in(resolver.spec(value))}
    for metric in found.metrics:
        modules.add(resolver.component(metric.component).metric.__module__)
    return sorted(modules)


def _made_of(record: Any, content: str, checked: Checked, options: Options) -> Any:
    """The record with what it takes to run it again."""
    names = list(checked.sources)
    runs = _runs_dir(options, checked).absolute()
    try:
        base = os.path.relpath(checked.base.absolute(), runs / record.id)
    except ValueError:  # on another drive
        base = str(checked.base.absolute())
    pipeline = attrs.evolve(record.pipeline, includes=tuple(names[1:]), base=Path(base).as_posix())
    return attrs.evolve(record, pipeline=pipeline, content=content, given=dict(options.params))


def _remember(runs_dir: Path, key: str, record: Any, checked: Checked, dataset: Any) -> None:
    """Note where this run lies, so that the next one of the same content need not run."""
    from mldsl.record import unchanged

    if not all(source.sha256 for source in dataset.sources):
        return
    sources = []
    for source in dataset.sources:
        path = checked.base / source.name
        size = path.stat().st_size if path.is_file() else None
        sources.append(unchanged.KnownSource(source.name, source.sha256, size))
    outputs = {path: unchanged.digest_of(checked.base / path) for path in record.outputs}
    unchanged.remember(runs_dir, key, unchanged.Known(record.id, record.content, tuple(sources), outputs))
