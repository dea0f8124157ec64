"""What a search is told and what it answers: domains in, settings to try out. No array library, no engine.

A search is a pure function of what was tried so far, so that a search that was interrupted goes on from its trials, and
one that is repeated proposes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
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
