"""What a search is told and what it answers: domains in, settings to try out. No array library, no engine.

A search is a pure function of what was tried so far, so that a search that was interrupted goes on from its trials, and
one that is repeated proposes the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen
class Domain:
    """What one `$param` may be: `low..high`, evenly or (`log`) by ratio, both ends included; or one of `values`.

    `type` is that of the param: number, integer, share, duration, boolean, text or choice.
    """

    name: str
    type: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    values: tuple[Any, ...] = ()


@attrs.frozen
class Proposal:
    """A setting to try: a value for every param, and the share of the resource (rows, or rounds) to spend on it."""

    values: Mapping[str, Any]
    share: float = 1.0


@attrs.frozen
class Told:
    """A setting that was tried: its proposal and its score, the higher the better (NaN where nothing could be said).

    `deviation` is the standard error of the score over the folds, NaN for a single held-out part.
    """

    proposal: Proposal
    score: float
    deviation: float = float("nan")


def best(told: Sequence[Told]) -> Told | None:
    """The trial that won: of those that had the greatest share, the one with the highest score, the first if several.

    None where no trial of that share has a score.
    """
    scored = _finalists(told)
    return max(scored, key=lambda trial: trial.score) if scored else None


def simplest(domains: Sequence[Domain], simpler: Mapping[str, str], told: Sequence[Told]) -> Told | None:
    """The simplest trial that is not clearly worse than the best: its score is within one standard error of it.

    The standard error is that of the best trial, over the folds (Breiman et al. 1984, "Classification and Regression
    Trees", section 3.4.3); where it is NaN only trials as good as the best remain. `simpler` says of a param whether
    "larger" or "smaller" values make a simpler model; of the others, lists are ordered, simplest first. How simple a
    setting is is the mean, over these params, of its place in the domain, from 0 (simplest) to 1, by ratio where the
    domain is logarithmic. The higher score decides between equally simple ones, then the order of trials.
    """
    winner = best(told)
    if winner is None:
        return None
    allowed = 0.0 if math.isnan(winner.deviation) else winner.deviation
    near = [trial for trial in _finalists(told) if trial.score >= winner.score - allowed]
    return min(near, key=lambda trial: (_complexity(domains, simpler, trial), -trial.score))


def _finalists(told: Sequence[Told]) -> list[Told]:
    """Trials that had the greatest share of the resource, and have a score."""
    most = max((trial.proposal.share for trial in told), default=0.0)
    return [trial for trial in told if trial.proposal.share == most and not math.isnan(trial.score)]


def _complexity(domains: Sequence[Domain], simpler: Mapping[str, str], trial: Told) -> float:
    values = trial.proposal.values
    places = [
        place
        for domain in domains
        if (place := _place(domain, simpler.get(domain.name, ""), values[domain.name])) is not None
    ]
    # Sums in other orders differ by a rounding; that must not decide.
    return round(sum(places) / len(places), 12) if places else 0.0


def _place(domain: Domain, direction: str, value: Any) -> float | None:
    """Where in its domain a value is, from the simplest to the most complex; None where nothing says so."""
    if domain.values:
        order = list(domain.values)
        if direction and all(isinstance(v, int | float) for v in order):
            order.sort(reverse=direction == "larger")
        return order.index(value) / max(len(order) - 1, 1)
    if not direction or domain.low is None or domain.high is None:
        return None
    low, high, at = (math.log(v) if domain.log else v for v in (domain.low, domain.high, value))
    share = (at - low) / (high - low) if high > low else 0.0
    return 1 - share if direction == "larger" else share
