"""Try settings drawn at random.

Each trial draws every param anew: uniformly from its range, uniformly in the logarithm where it is written `log(...)`,
each value of a list as likely as the others. No setting is tried twice; a space of fewer settings than `trials` is
tried whole. With many params of which few matter this finds good settings in far fewer trials than a grid. Trial i
depends on the seed and the domains alone, so that more trials go on where fewer ended.

Units:   those of each param.
Sources: Bergstra & Bengio 2012, "Random Search for Hyper-Parameter Optimization", JMLR 13:281-305.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from mldsl.plugin import Component, Domain, Duration, Proposal, Search, Told, hookimpl, param
from mldsl_plugins.searches._space import drawn, size


@attrs.frozen
class Spec:
    """How long to try."""

    trials: int = param(ge=1, doc="How many settings to try.", also_known_as=("n_iter", "n_trials", "iterations"))
    timeout: Duration | None = param(None, gt=0, doc="Start no trial after this time; the best so far wins.")


def total(spec: Spec, domains: Sequence[Domain]) -> int:
    """How many trials there will be."""
    return int(min(spec.trials, size(domains)))


def propose(spec: Spec, domains: Sequence[Domain], told: Sequence[Told], seed: int) -> list[Proposal]:
    """All trials that have not been made."""
    return [Proposal(setting) for setting in drawn(domains, seed, len(told), max(spec.trials, len(told)))]


@hookimpl
def mldsl_components() -> list[Component]:
    """The search."""
    return [
        Search(
            "random", Spec, propose=propose, total=total, example=Spec(trials=20), snippet="random(trials = 20)",
            sources=("Bergstra & Bengio 2012, JMLR 13:281-305",),
            also_known_as=("RandomizedSearchCV", "random_search"),
        )
    ]  # fmt: skip
