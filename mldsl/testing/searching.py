"""The checks of searches: proposals lie in their domains, nothing but the arguments matters, and every search ends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mldsl.diagnostics import MldslError
from mldsl.plugin.components import Search
from mldsl.plugin.search import Domain, Proposal, Told

# One domain of every kind; together they are endless, and the finite ones have 12 settings.
_FINITE = (
    Domain("kit_whole", "integer", low=1, high=3, log=True), Domain("kit_choice", "choice", values=("a", "b")),
    Domain("kit_flag", "boolean", values=(True, False)),
)  # fmt: skip
_ENDLESS = (
    Domain("kit_number", "number", low=1e-3, high=1e3, log=True), Domain("kit_share", "share", low=0.0, high=1.0),
)  # fmt: skip
SPACES = {"of numbers": _ENDLESS[:1], "of few settings": _FINITE, "of all kinds": (*_FINITE, *_ENDLESS)}
_SEED = 3
# More trials than this were made by no search that ends.
_MOST = 200_000
# The made-up scores of trials; some trials have none.
_WITHOUT = 7


def _spec(component: Search) -> Any:
    return component.example if component.example is not None else component.Spec()


def searchable(component: Search) -> Iterator[tuple[str, tuple[Domain, ...]]]:
    """The spaces that the search itself does not refuse; none where it lacks a package that it needs (MLP06)."""
    for name, domains in SPACES.items():
        try:
            problems = list(component.check(_spec(component), domains)) if component.check is not None else []
        except MldslError as error:
            if all(d.code.startswith("MLP06") for d in error.diagnostics):
                return
            raise
        if not problems:
            yield name, domains


def told_of(proposals: Sequence[Proposal], before: int) -> list[Told]:
    """Trials with made-up scores that depend on their values alone, except that every seventh has none."""
    return [
        Told(p, math.nan if (before + i) % _WITHOUT == _WITHOUT - 1 else _score(p), 0.01)
        for i, p in enumerate(proposals)
    ]


def _score(proposal: Proposal) -> float:
    numbers = [v for v in proposal.values.values() if isinstance(v, int | float) and not isinstance(v, bool)]
    return -sum(abs(math.log1p(v) - 0.5) for v in numbers) if numbers else 0.0


def _whole(component: Search, domains: tuple[Domain, ...]) -> tuple[list[Told], list[int]]:
    """All trials, and how many had been made at the beginning of each answer."""
    told: list[Told] = []
    starts: list[int] = []
    while proposals := list(component.propose(_spec(component), domains, tuple(told), _SEED)):
        starts.append(len(told))
        told += told_of(proposals, len(told))
        if len(told) > _MOST:
            raise AssertionError(f"more than {_MOST:,} trials, and no end")
    return told, starts


def in_domain(component: Search) -> Iterator[str]:
    """Every proposal has a value for every param and no other, of its type and in its domain; shares are in 0..1."""
    for space, domains in searchable(component):
        told, _ = _whole(component, domains)
        if not told:
            yield f"a space {space}: it proposes nothing"
        for trial in told:
            values, share = trial.proposal.values, trial.proposal.share
            wrong = [d.name for d in domains if d.name not in values or not _within(values[d.name], d)]
            if wrong or len(values) != len(domains):
                yield f"a space {space}: {dict(values)} does not lie in the domains ({', '.join(wrong) or 'params'})"
                break
            if not 0 < share <= 1:
                yield f"a space {space}: expected a share above 0 and at most 1, found {share}"
                break


def _within(value: Any, domain: Domain) -> bool:
    if domain.values:
        return any(value is v or (type(value) is type(v) and value == v) for v in domain.values)
    kind = int if domain.type == "integer" else (int, float)
    right = isinstance(value, kind) and not isinstance(value, bool)
    return right and domain.low is not None and domain.high is not None and bool(domain.low <= value <= domain.high)


def deterministic(component: Search) -> Iterator[str]:
    """Asked twice the same, it answers the same."""
    for space, domains in searchable(component):
        told, starts = _whole(component, domains)
        for start in (starts[0], starts[-1]) if starts else ():
            answers = [component.propose(_spec(component), domains, tuple(told[:start]), _SEED) for _ in range(2)]
            if list(answers[0]) != list(answers[1]):
                yield f"a space {space}: after {start} trials two equal questions get different answers"


def goes_on(component: Search) -> Iterator[str]:
    """Interrupted between two answers it goes on as if it had not been; within one, with the rest of it."""
    for space, domains in searchable(component):
        told, starts = _whole(component, domains)
        middle = len(told) // 2
        for start in {starts[len(starts) // 2], middle} if starts else ():
            rest = list(component.propose(_spec(component), domains, tuple(told[:start]), _SEED))
            if not rest or (start in starts and rest[0] != told[start].proposal):
                yield f"a space {space}: after {start} of {len(told)} trials it does not go on"


def total(component: Search) -> Iterator[str]:
    """It ends, after as many trials as it says."""
    if component.total is None:
        return
    for space, domains in searchable(component):
        said, made = component.total(_spec(component), domains), len(_whole(component, domains)[0])
        if said != made:
            yield f"a space {space}: `total` says {said} trials, and there are {made}"


def one_setting(component: Search) -> Iterator[str]:
    """A range that is a single number, or a list of one value, is no reason to fail."""
    one = (Domain("kit_number", "number", low=2.0, high=2.0), Domain("kit_choice", "choice", values=("a",)))
    if not any(True for _ in searchable(component)):
        return
    told, _ = _whole(component, one)
    if not told or any(dict(t.proposal.values) != {"kit_number": 2.0, "kit_choice": "a"} for t in told):
        yield f"of a space with one setting it proposes {[dict(t.proposal.values) for t in told][:3]}"


OF_SEARCHES = (in_domain, deterministic, goes_on, total, one_setting)
