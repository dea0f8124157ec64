"""Stage 2 of language 4.1: names are resolved, values typed, the pipeline judged; then it becomes a plan.

One code path serves `check`, which has not seen the data, and `plan` and `run`, which know its header: with a header
the globs of `features` become columns, and what a run needs must be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from mldsl.diagnostics.diagnostic import Diagnostic, MldslError
from mldsl.plan.model import Plan
from mldsl.plugin.declaration import Parameter, ParameterType
from mldsl.plugin.registry import Registry
from mldsl.semantics import rules
from mldsl.semantics.arguments import Resolved, resolve
from mldsl.semantics.complete import complete, settle
from mldsl.semantics.data import resolve_sources, resolve_where
from mldsl.semantics.defaults import default_metrics
from mldsl.semantics.definitions import collect
from mldsl.semantics.draft import Draft
from mldsl.semantics.features import known_columns, resolve_features
from mldsl.semantics.findings import Findings
from mldsl.semantics.frame import Frame
from mldsl.semantics.header import Header, absent_columns, names_of
from mldsl.semantics.loading import Loaded
from mldsl.semantics.members import check_members
from mldsl.semantics.metrics import resolve_metrics
from mldsl.semantics.models import Flows, algorithm_of, resolve_model
from mldsl.semantics.names import Components
from mldsl.semantics.networks import resolve_networks
from mldsl.semantics.params import resolve as resolve_params
from mldsl.semantics.scope import Scope
from mldsl.semantics.splits import resolve_split
from mldsl.semantics.tasks import infer_task, target_levels
from mldsl.semantics.tuning import resolve_tune
from mldsl.semantics.uses import resolve_uses
from mldsl.syntax import ast

# What the language gives to every report.
REPORT_PARAMETERS = (Parameter("model", ParameterType("model", optional=True), None, doc="Only this model."),)


@attrs.frozen(eq=False, repr=False)
class Analysis:
    """What is known of a pipeline: all diagnostics, and the plan if there is no error.

    `pending` is what a run still lacks without the file being wrong (a param without a value, a fragment without a
    model). Without a header it is no error, since `check` looks at fragments too; a plan without it cannot be run.
    """

    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...]
    pending: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors among the diagnostics."""
        return tuple(d for d in self.diagnostics if d.severity == "error")

    def require(self) -> Plan:
        """The plan, for who means to run it; raises `MldslError` with the errors or with what is lacking."""
        problems = self.errors or self.pending
        if self.plan is None or problems:
            raise MldslError(*problems)
        return self.plan


def analyze(
    loaded: Loaded,
    registry: Registry,
    overrides: Mapping[str, str] | None = None,
    header: Header | None = None,
    header_levels: Mapping[str, Sequence[str]] | None = None,
    *,
    search: bool = True,
) -> Analysis:
    """Check a loaded file against the declarations of a registry.

    `overrides` are the values given by `-p`, as text. `header` maps each source of the plan to its column names;
    `header_levels` are levels learned from the data, by column. `search = False` leaves `tune` out of the plan. Never
    raises, whatever the file.
    """
    findings = Findings()
    for diagnostic in loaded.diagnostics:
        findings.add(diagnostic)
    if any(d.code == "MLP0902" for d in loaded.diagnostics):
        return Analysis(None, loaded.diagnostics)
    draft = _resolve(loaded, registry, overrides or {}, header, header_levels or {}, findings)
    for diagnostic in rules.judge(draft):
        findings.add(diagnostic)
    findings.forget_what_follows(loaded.diagnostics)
    pending = tuple(_pending(draft, loaded))
    if header is not None and not findings.failed:
        for diagnostic in pending:
            findings.add(diagnostic)
    plan = None
    if not findings.failed and not any(d.code == "MLP0115" for d in pending):
        draft.settled = settle(draft, search=search)
        plan = complete(draft, loaded.main.edition or 1, header=header is not None)
    return Analysis(plan, findings.ordered(loaded.files), pending)


def _resolve(
    loaded: Loaded, registry: Registry, overrides: Mapping[str, str], header: Header | None,
    learned: Mapping[str, Sequence[str]], findings: Findings,
) -> Draft:  # fmt: skip
    """Names and values of all blocks."""
    definitions = collect(loaded.programs, findings)
    absent = resolve_uses(definitions, registry, findings)
    components = Components(registry, definitions.uses, findings, absent=absent or "use" in loaded.lost)
    constants, params = resolve_params(definitions.params, overrides, findings, lost="param" in loaded.lost)
    mistakes = tuple(d.span for d in loaded.diagnostics if d.span is not None and d.severity == "error")
    scope = Scope(findings, constants, components, definitions, lost=loaded.lost, mistakes=mistakes)
    blurred = "features" in loaded.lost
    sources = resolve_sources(definitions.data, scope)
    names = names_of(header) if header is not None else None
    features = resolve_features(definitions.features, scope, names, blurred=blurred)
    draft = Draft(
        loaded.main.file, definitions, components, features, params, constants.used, loaded.parsed, loaded.lost
    )
    draft.sources, draft.target = sources, features.target
    if header is not None:
        absent_columns(features, header, sources, scope)
    levels = target_levels(draft.target, {name: tuple(values) for name, values in learned.items()})
    scope = attrs.evolve(scope, target=draft.target.name if draft.target else None, levels=levels)
    draft.levels = levels
    declared = Frame.of(features.columns.values(), blurred=blurred or definitions.features is None)
    draft.where = resolve_where(definitions.data, declared, scope)
    _pipeline(draft, declared, scope)
    return draft


def _pipeline(draft: Draft, declared: Frame, scope: Scope) -> None:
    """Everything behind the columns: steps, models, split, metrics, reports."""
    definitions, features = draft.definitions, draft.features
    start = known_columns(features)
    start = attrs.evolve(start, blurred=declared.blurred or "transforms" in scope.lost)
    draft.layers = resolve_networks(definitions, scope.seeing(start))
    flows = Flows(
        start, frozenset(features.leaks()), scope, features.target.type if features.target is not None else ""
    )
    for node in definitions.all_models():
        draft.models.append(resolve_model(node, algorithm_of(node, scope), flows, scope))
    check_members(draft, scope)
    draft.loose_moves = list(flows.unused())
    algorithms = [model.declaration for model in draft.models]
    draft.task = infer_task(features.columns.values(), algorithms, blurred=declared.blurred or features.unsure)
    separate = tuple(s.part for s in draft.sources if s.part in ("validation", "test"))
    draft.split = resolve_split(definitions.split, features, draft.task, separate, scope)
    everywhere = scope.seeing(_everything(declared, draft))
    draft.metrics = resolve_metrics(definitions.metrics, everywhere)
    draft.tune = resolve_tune(definitions.tune, draft.params, scope)
    if definitions.metrics is None and "metrics" not in scope.lost:
        draft.metrics = default_metrics(draft, everywhere)
    draft.reports = _lines(definitions.report, "report", everywhere, REPORT_PARAMETERS)
    draft.exports = _lines(definitions.export, "exporter", attrs.evolve(everywhere, secrets=True), ())


def _everything(declared: Frame, draft: Draft) -> Frame:
    """The columns that metrics, reports and exports may name: declared ones and what steps make."""
    columns = dict(declared.columns)
    blurred = declared.blurred
    for move in draft.all_moves():
        for name, known in move.after.columns.items():
            columns.setdefault(name, known)
        blurred |= move.after.blurred
    return Frame(columns, blurred=blurred)


def _lines(
    block: ast.Report | ast.Export | None, kind: str, scope: Scope, universal: Sequence[Parameter]
) -> list[Resolved]:
    return [resolve(line, kind, scope, universal) for line in block.body] if block is not None else []


def _pending(draft: Draft, loaded: Loaded) -> list[Diagnostic]:
    """What must still be given, or written, before this can be run."""
    found: list[Diagnostic] = []
    for name, plan in draft.params.items():
        if plan.value is None and plan.type != "unknown" and plan.span is not None:
            found.append(
                Diagnostic("MLP0115", f"param `{name}` has no value", plan.span, help=f"give one: `-p {name}=VALUE`")
            )
    definitions = draft.definitions
    for what, block in (("data", definitions.data), ("features", definitions.features)):
        if block is None and what not in loaded.lost:
            found.append(_nothing(loaded, f"there is no `{what}` block", f"a pipeline says `{what} {{ ... }}`"))
    outputs = draft.reports or draft.exports
    alone = definitions.transforms and outputs and definitions.metrics is None
    if not draft.models and "model" not in loaded.lost and not alone:
        found.append(
            _nothing(loaded, "there is no `model` block", "a pipeline has a model, or transforms and a report")
        )
    return found


def _nothing(loaded: Loaded, message: str, help_text: str) -> Diagnostic:
    place = loaded.main.edition_span or loaded.sources[0].span(0, 0)
    return Diagnostic("MLP0117", message, place, notes=("there is nothing to run",), help=help_text)
