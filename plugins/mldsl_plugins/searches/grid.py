"""Try every combination of evenly spaced values.

A range is divided into `points` values from end to end: evenly, or by equal ratios where it is written `log(...)`.
Whole numbers are rounded, each taken once; a range of fewer whole numbers than `points`, and a list, are taken whole.
All combinations are tried, the last line of `tune` varying fastest. With few params this is the search that shows most:
`tuning_history` draws the score over each of them. With more than three or four it wastes trials on params that do not
matter; see `random`.

Units:   those of each param.
Errors:  more than 100,000 combinations (MLP0312, with their number).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice, product

import attrs

from mldsl.plugin import Component, Domain, Duration, Problem, Proposal, Search, Told, hookimpl, param
from mldsl_plugins.searches._space import count, spaced

MOST = 100_000


@attrs.frozen
class Spec:
    """How fine the grid is."""

    points: int = param(
        10, ge=2, unit="values of each range", doc="How many values of a range to try; lists are tried whole.",
        also_known_as=("levels", "n_points", "resolution"),
    )  # fmt: skip
    timeout: Duration | None = param(None, gt=0, doc="Start no trial after this time; the best so far wins.")


def total(spec: Spec, domains: Sequence[Domain]) -> int:
    """How many combinations there are."""
    return math.prod(_length(spec, domain) for domain in domains)


def _length(spec: Spec, domain: Domain) -> int:
    if domain.values or count(domain) <= spec.points:
        return int(count(domain))
    return len(spaced(domain, spec.points)) if spec.points <= MOST else spec.points


def check(spec: Spec, domains: Sequence[Domain]) -> Iterator[Problem]:
    """Too many to try."""
    found = total(spec, domains)
    if found > MOST:
        sizes = " x ".join(f"{_length(spec, domain):,}" for domain in domains)
        yield Problem(
            "points", f"expected at most {MOST:,} combinations, found {sizes} = {found:,}; `random(trials = 100)` can "
            "search such a space",
        )  # fmt: skip


def propose(spec: Spec, domains: Sequence[Domain], told: Sequence[Told], seed: int) -> list[Proposal]:
    """All combinations that have not been tried; the seed does not matter."""
    names = [domain.name for domain in domains]
    values = [domain.values or spaced(domain, spec.points) for domain in domains]
    left = islice(product(*values), len(told), None)
    return [Proposal(dict(zip(names, setting, strict=True))) for setting in left]


@hookimpl
def mldsl_components() -> list[Component]:
    """The search."""
    return [
        Search(
            "grid", Spec, propose=propose, total=total, check=check, snippet="grid(points = 8)",
            also_known_as=("GridSearchCV", "grid_search", "ParameterGrid"),
        )
    ]  # fmt: skip
