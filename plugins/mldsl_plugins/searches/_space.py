"""The space that the domains of a search span: its points, its size, draws from it. Shared by the searches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from random import Random
from typing import Any

from mldsl.plugin import Domain

WHOLE = ("integer",)
# Digits of a number that was computed: 0.3, not 0.30000000000000004.
_DIGITS = 12
# After so many draws in a row of settings that were drawn before, the rest is taken in the order of the grid.
_PATIENCE = 100

Setting = Mapping[str, Any]


def values_of(domain: Domain) -> tuple[Any, ...] | None:
    """All values of a domain, where they can be counted; None for a continuous range."""
    if domain.values:
        return domain.values
    if domain.type in WHOLE:
        return tuple(range(int(_low(domain)), int(_high(domain)) + 1))
    return (_low(domain),) if _low(domain) == _high(domain) else None


def count(domain: Domain) -> float:
    """How many values a domain has; infinity for a continuous range."""
    if domain.values:
        return len(domain.values)
    if domain.type in WHOLE:
        return int(_high(domain)) - int(_low(domain)) + 1
    return 1 if _low(domain) == _high(domain) else math.inf


def size(domains: Sequence[Domain]) -> float:
    """How many settings there are; infinity where one range is continuous."""
    return math.prod(count(domain) for domain in domains)


def spaced(domain: Domain, points: int) -> tuple[Any, ...]:
    """`points` values of a range from end to end, evenly or by equal ratios; whole numbers rounded, each once."""
    if count(domain) <= points:
        found = values_of(domain)
        assert found is not None
        return found
    return tuple(dict.fromkeys(at(domain, i / (points - 1)) for i in range(points)))


def at(domain: Domain, share: float) -> Any:
    """The value at a share of the way from the low end (0) to the high end (1)."""
    low, high = _low(domain), _high(domain)
    if share in (0.0, 1.0):
        return high if share else low
    value = low * (high / low) ** share if domain.log else low + (high - low) * share
    if domain.type in WHOLE:
        return min(max(round(value), low), high)
    return min(max(float(f"{value:.{_DIGITS}g}"), low), high)


def draw(domain: Domain, random: Random) -> Any:
    """One value: of a list each as likely, of a range uniform or (`log`) uniform in the logarithm.

    A whole number has the probability of the numbers that round to it, so that both ends get their full share.
    """
    if domain.values:
        return domain.values[random.randrange(len(domain.values))]
    low, high, share = _low(domain), _high(domain), random.random()
    if domain.type not in WHOLE:
        return at(domain, share)
    if not domain.log:
        return int(low) + int(share * (int(high) - int(low) + 1))
    wide = (low - 0.5) * ((high + 0.5) / (low - 0.5)) ** share
    return min(max(round(wide), int(low)), int(high))


def drawn(domains: Sequence[Domain], seed: int, start: int = 0, stop: int | None = None) -> list[dict[str, Any]]:
    """Settings `start` to `stop` of one endless row of draws, in which no setting comes twice.

    The row depends on the domains and the seed alone: who asks for more gets the same first ones. It ends where a
    finite space is exhausted.
    """
    return list(islice(_row(domains, seed), start, stop))


def _row(domains: Sequence[Domain], seed: int) -> Iterator[dict[str, Any]]:
    random = Random(f"mldsl/{seed}")  # a text is hashed, so that neighbouring seeds have nothing in common
    seen: set[tuple[Any, ...]] = set()
    left, misses = size(domains), 0
    while len(seen) < left and misses < _PATIENCE:
        setting = tuple(draw(domain, random) for domain in domains)
        if setting in seen:
            misses += 1
            continue
        seen.add(setting)
        misses = 0
        yield _named(domains, setting)
    if misses:
        counted = (values_of(domain) or () for domain in domains)
        yield from (_named(domains, setting) for setting in product(*counted) if setting not in seen)


def _named(domains: Sequence[Domain], setting: tuple[Any, ...]) -> dict[str, Any]:
    return {domain.name: value for domain, value in zip(domains, setting, strict=True)}


def _low(domain: Domain) -> float:
    assert domain.low is not None
    return domain.low


def _high(domain: Domain) -> float:
    assert domain.high is not None
    return domain.high
