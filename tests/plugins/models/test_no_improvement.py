"""Early stopping: when it ends, which step was best, and what counts as an improvement."""

from __future__ import annotations

import pytest
from mldsl_plugins.stops.no_improvement import Spec, best_step, should_stop

FALLING = [5.0, 4.0, 3.0, 2.0]


@pytest.mark.parametrize(
    ("spec", "history", "stops", "best"),
    [
        (Spec(rounds=2), FALLING, False, 3),
        (Spec(rounds=2), [*FALLING, 2.5], False, 3),
        (Spec(rounds=2), [*FALLING, 2.5, 2.0], True, 3),  # as good is no improvement
        (Spec(rounds=2), [*FALLING, 2.5, 1.9], False, 5),
        (Spec(epochs=3), [*FALLING, 3, 3], False, 3),
        (Spec(epochs=3), [*FALLING, 3, 3, 3], True, 3),
        (Spec(rounds=5, epochs=1), [*FALLING, 3], True, 3),  # the smaller holds
        (Spec(rounds=2, tolerance=0.5), [5, 4.8, 4.6], True, 0),  # small steps add up to none
        (Spec(rounds=2, tolerance=0.5), [5, 4.8, 4.4], False, 2),
        (Spec(rounds=1), [3.0, float("nan")], True, 0),
        (Spec(rounds=1), [float("nan"), 3.0], False, 1),
        (Spec(), [1.0] * 10, False, 0),
        (Spec(), [1.0] * 11, True, 0),
        (Spec(rounds=1), [], False, 0),
    ],
)
def test_it_stops_after_rounds_without_improvement(spec, history, stops, best):
    assert should_stop(spec, history) is stops
    assert best_step(spec, history) == best
