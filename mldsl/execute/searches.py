"""What a search says before it begins: whether it can search these domains, and how many trials it will make."""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import ModelPlan, Plan
from mldsl.plan.tuning import domains_of, reached
from mldsl.plan.values import written_text
from mldsl.plugin.search import Domain


def domains_by_model(plan: Plan) -> dict[str, tuple[Domain, ...]]:
    """For every model that a search varies, the domains of the `$params` that it depends on."""
    if plan.tune is None:
        return {}
    found = {model.name: _varied(plan, model, domains_of(plan.tune, plan.params)) for model in plan.models}
    return {name: domains for name, domains in found.items() if domains}


def _varied(plan: Plan, model: ModelPlan, domains: tuple[Domain, ...]) -> tuple[Domain, ...]:
    names = reached(model, plan.networks)
    return tuple(domain for domain in domains if domain.name in names)


def look_over(plan: Plan, resolver: Any) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """The plan with the number of trials of each model, and what the search's own `check` finds wrong (MLP0312)."""
    tune = plan.tune
    if tune is None:
        return plan, ()
    component, spec = resolver.component(tune.search), resolver.spec(tune.search)
    found: dict[str, Diagnostic] = {}
    trials = []
    for name, domains in domains_by_model(plan).items():
        try:
            problems = list(component.check(spec, domains)) if component.check is not None else []
        except MldslError as error:
            return plan, tuple(attrs.evolve(d, span=d.span or tune.search.span) for d in error.diagnostics)
        for problem in problems:
            message = f"`{problem.parameter}` of `{tune.search.name}`: {problem.message}"
            found[message] = Diagnostic("MLP0312", message, tune.search.span)
        if not problems and component.total is not None:
            trials.append((name, int(component.total(spec, domains))))
    return attrs.evolve(plan, tune=attrs.evolve(tune, trials=tuple(trials))), tuple(found.values())


def described(plan: Plan) -> dict[str, Any]:
    """What the record tells of the search beside its trials: `TuneRecord(trials, best, **described(plan))`."""
    if plan.tune is None:
        return {}
    text = written_text(plan.tune.search)
    return {"search": text, "domains": dict(plan.tune.domains), "choose": plan.tune.choose}
