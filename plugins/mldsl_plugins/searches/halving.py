"""Try many settings a little, and the better ones more: successive halving.

`trials` settings are drawn at random and tried on a small share of the rows (or of the rounds of an iterative model).
The best 1/`reduction` of them are tried again with `reduction` times as much, and so on; the last rung has all rows,
and its scores alone decide. With n settings and reduction r there are R = 1 + floor(log_r n) rungs; rung i has
ceil(n / r^i) settings and the share r^(i - R + 1). Every rung costs about as much as n / r^(R - 1) full trials. A
setting that only shines with all the rows, such as a very flexible model, may be dropped too early.

Units:   shares of the training rows, or of the rounds that the model would make.
Sources: Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import attrs

from mldsl.plugin import Component, Domain, Duration, Proposal, Search, Told, hookimpl, param
from mldsl_plugins.searches._space import drawn, size


@attrs.frozen
class Spec:
    """How many to begin with, and how fast they are thinned out."""

    trials: int = param(
        ge=1, doc="How many settings to begin with.", also_known_as=("n_candidates", "n_trials", "n_iter")
    )
    reduction: int = param(
        3, ge=2, doc="One in so many goes on to the next rung, with so many times the resource.",
        also_known_as=("factor", "eta", "reduction_factor"),
    )  # fmt: skip
    resource: Literal["rows", "rounds"] = param(
        "rows", doc="What the early rungs save: training rows, or rounds of an iterative model."
    )
    timeout: Duration | None = param(None, gt=0, doc="Start no trial after this time; the best so far wins.")


def rungs(trials: int, reduction: int) -> list[tuple[int, float]]:
    """The number of settings and the share of every rung."""
    steps = 0
    while reduction ** (steps + 1) <= trials:
        steps += 1
    sizes = [trials]
    for _ in range(steps):
        sizes.append(math.ceil(sizes[-1] / reduction))
    return [(count, float(reduction) ** (i - steps)) for i, count in enumerate(sizes)]


def total(spec: Spec, domains: Sequence[Domain]) -> int:
    """How many trials there will be, over all rungs."""
    return sum(count for count, _ in _plan(spec, domains))


def _plan(spec: Spec, domains: Sequence[Domain]) -> list[tuple[int, float]]:
    return rungs(int(min(spec.trials, size(domains))), spec.reduction)


def propose(spec: Spec, domains: Sequence[Domain], told: Sequence[Told], seed: int) -> list[Proposal]:
    """What is left of the rung that was begun, or the next rung."""
    plan = _plan(spec, domains)
    settings = [Proposal(setting, plan[0][1]) for setting in drawn(domains, seed, 0, plan[0][0])]
    done = 0
    for i, (count, _) in enumerate(plan):
        rung = told[done : done + count]
        if len(rung) < count:
            return settings[len(rung) :]
        done += count
        if i + 1 < len(plan):
            kept = sorted(range(count), key=lambda k: (_worth(rung[k]), -k), reverse=True)[: plan[i + 1][0]]
            settings = [Proposal(rung[k].proposal.values, plan[i + 1][1]) for k in sorted(kept)]
    return []


def _worth(trial: Told) -> float:
    """Its score; a trial without one is the first to go."""
    return -math.inf if math.isnan(trial.score) else trial.score


@hookimpl
def mldsl_components() -> list[Component]:
    """The search."""
    return [
        Search(
            "halving", Spec, propose=propose, total=total, example=Spec(trials=27),
            snippet="halving(trials = 27, reduction = 3)",
            sources=("Jamieson & Talwalkar 2016, AISTATS",),
            also_known_as=("HalvingRandomSearchCV", "HalvingGridSearchCV", "successive_halving", "hyperband"),
        )
    ]  # fmt: skip
