"""Stop an iterative fit when what is watched has not improved for a number of rounds.

An improvement is a value below the best so far by more than `tolerance`. The fit ends at the first round that has
`rounds` rounds without one behind it, and the state of the best round is kept. The values watched are losses of the
held-out rows, the lower the better; a metric of which more is better is watched with its sign turned.

Units:   rounds are updates of the model: an epoch of a network, a tree of a booster. `tolerance` is in the unit of what
         is watched.
Errors:  none. A value that is not a number is no improvement.
Sources: Prechelt 1998, doi:10.1007/3-540-49430-8_3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from mldsl.plugin import Component, Stop, hookimpl, param

DEFAULT_ROUNDS = 10


@attrs.frozen
class Spec:
    """When enough is enough."""

    rounds: int | None = param(
        None, ge=1, unit="rounds", doc="Rounds without improvement before stopping; 10 unless given.",
        also_known_as=("patience", "early_stopping_rounds", "n_iter_no_change"),
    )  # fmt: skip
    epochs: int | None = param(
        None, ge=1, unit="epochs", doc="The same for models that count in epochs; the smaller holds if both are given."
    )
    tolerance: float = param(
        0.0, ge=0, doc="An improvement is more than this.", also_known_as=("min_delta", "tol", "delta")
    )
    metric: Any | None = param(None, kind="metric", doc="What to watch; by default the model's own loss.")

    @property
    def patience(self) -> int:
        """Rounds without improvement that are borne."""
        return min((given for given in (self.rounds, self.epochs) if given is not None), default=DEFAULT_ROUNDS)


def best_step(spec: Spec, history: Sequence[float]) -> int:
    """The round (from 0) of the last improvement; 0 if there was none."""
    best, at = float("inf"), 0
    for step, value in enumerate(history):
        if value < best - spec.tolerance:
            best, at = value, step
    return at


def should_stop(spec: Spec, history: Sequence[float]) -> bool:
    """Whether the last `rounds` values brought no improvement."""
    return len(history) - 1 - best_step(spec, history) >= spec.patience


@hookimpl
def mldsl_components() -> list[Component]:
    """Stopping without improvement."""
    return [
        Stop(
            "no_improvement", Spec, should_stop=should_stop, best_step=best_step,
            snippet="stop_when = no_improvement(rounds = 20)",
            sources=("Prechelt 1998, doi:10.1007/3-540-49430-8_3",),
            also_known_as=("EarlyStopping", "early_stopping", "patience"),
        )
    ]  # fmt: skip
