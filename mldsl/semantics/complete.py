"""From a draft without errors to the plan."""

from __future__ import annotations

import attrs

from mldsl.plan.model import ColumnPlan, ComponentValue, MetricPlan, ModelPlan, NetworkPlan, Plan, TunePlan
from mldsl.semantics.arguments import Resolved
from mldsl.semantics.defaults import implicit_folds, sentences
from mldsl.semantics.draft import Draft, ModelDraft
from mldsl.semantics.reach import simpler


def complete(draft: Draft, edition: int, *, header: bool) -> Plan:
    """The plan. Every component is known here: an unknown one is an error, and then there is no plan."""
    split = attrs.evolve(draft.split.plan, implicit_folds=implicit_folds(draft))
    draft.split.plan = split
    return Plan(
        file=draft.file, edition=edition, seed=int(draft.params["seed"].value), task=draft.task or "transform",
        params=tuple(draft.params.values()),
        sources=tuple((source.part, _value(source.resolved)) for source in draft.sources),
        where=draft.where, columns=_columns(draft), target=draft.target.name if draft.target is not None else None,
        split=split, models=tuple(_model(model, draft) for model in draft.models), metrics=_metrics(draft),
        reports=tuple(_limited(report) for report in draft.reports), exports=tuple(map(_value, draft.exports)),
        networks=tuple(
            NetworkPlan(name, tuple(map(_value, layers)), span=draft.definitions.networks[name].span)
            for name, layers in draft.layers.items()
        ),
        tune=_tune(draft), steps=tuple(move.plan() for move in draft.loose_moves) if not draft.models else (),
        uses=tuple((name, use.version or "") for name, use in draft.definitions.uses.items()),
        defaults=(*sentences(draft), *draft.defaults), settled=tuple(draft.settled), complete=header,
        where_span=draft.where_span,
    )  # fmt: skip


def _value(resolved: Resolved) -> ComponentValue:
    assert resolved.value is not None
    return resolved.value


def _columns(draft: Draft) -> tuple[ColumnPlan, ...]:
    """The columns as declared; those that a computed target is made from are no inputs."""
    never = draft.features.never_inputs()
    return tuple(
        attrs.evolve(column, role="ignore") if column.name in never and column.role == "input" else column
        for column in draft.features.columns.values()
    )


def _model(model: ModelDraft, draft: Draft) -> ModelPlan:
    assert model.algorithm is not None
    parts = [member.draft or draft.named(member.name) for member in model.members]
    decides = model.final.declaration if model.final is not None else model.declaration  # reports look into that
    computed = model.design.steps if model.design is not None else ()
    return ModelPlan(
        model.name, _value(model.algorithm), model.blocks, (*(move.plan() for move in model.moves), *computed),
        tuple(known.state for known in model.matrix), model.target_scale, model.threshold,  # type: ignore[arg-type]
        model.calibrate, _value(model.stop_when) if model.stop_when is not None else None, model.node.doc or "",
        model.design.plan if model.design is not None else None,
        tuple(_model(part, draft) for part in parts if part is not None), model.whole.name if model.whole else "",
        trees=bool(decides is not None and decides.trees),
        span=model.node.span if model.whole is None else model.algorithm.span,
    )  # fmt: skip


def _metrics(draft: Draft) -> tuple[MetricPlan, ...]:
    return tuple(
        MetricPlan(
            metric.name, _value(metric.resolved), metric.resolved.declaration.better, metric.primary, metric.op,
            metric.bound, span=metric.node.span if metric.node is not None else None,
        )
        for metric in draft.metrics
        if metric.resolved.declaration is not None
    )  # fmt: skip


def _limited(report: Resolved) -> ComponentValue:
    """`model = NAME` is for the engine, not for the report, unless the report declares it itself."""
    value = _value(report)
    assert report.declaration is not None
    if report.declaration.parameter("model") is not None or "model" not in dict(value.args):
        return value
    args = tuple(pair for pair in value.args if pair[0] != "model")
    return attrs.evolve(value, args=args, model=value.arg("model"))


def _tune(draft: Draft) -> TunePlan | None:
    tune = draft.tune
    if tune is None or tune.search is None:
        return None
    domains = tuple((name, domain) for name, (domain, _) in tune.domains.items())
    return TunePlan(_value(tune.search), domains, tune.folds, tune.choose, simpler(draft), span=tune.node.span)


def settle(draft: Draft, *, search: bool) -> list[str]:
    """Take out of the search what `-p` fixes, and the search itself where nothing is left or none is wanted.

    Gives the sentences that say so. To be called when the rules have judged the whole of it.
    """
    tune = draft.tune
    if tune is None:
        return []
    fixed = [name for name in tune.domains if draft.params[name].origin == "command line"]
    if fixed and len(fixed) == len(tune.domains):  # said first: `verify` runs without a search what had none
        draft.tune = None
        return ["all that `tune` would vary is fixed by `-p`: nothing is searched"]
    if not search:
        draft.tune = None
        return ["`--no-tune`: nothing is searched, params keep their values"]
    for name in fixed:
        del tune.domains[name]
    return [f"`${name}` is fixed by `-p` and taken out of the search" for name in fixed]
