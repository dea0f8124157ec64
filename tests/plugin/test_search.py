"""Which trial wins: the best, or the simplest within one standard error of it."""

from __future__ import annotations

import math

import pytest

from mldsl.plugin.search import Domain, Proposal, Told, best, simplest

L2 = Domain("l2", "number", low=0.01, high=100.0, log=True)
K = Domain("k", "integer", low=2, high=10)
KERNEL = Domain("kernel", "choice", values=("linear", "cubic", "rbf"))
LARGER, SMALLER = {"l2": "larger"}, {"k": "smaller"}


def told(score, deviation=0.1, share=1.0, **values):
    return Told(Proposal(values, share), score, deviation)


def test_the_best_is_of_the_greatest_share():
    trials = [told(0.99, share=1 / 3, k=3), told(0.9, k=4), told(0.95, k=5), told(0.95, k=6), told(math.nan, k=7)]
    assert best(trials) is trials[2]
    assert best([]) is None
    assert best([told(math.nan, k=2)]) is None


def test_a_share_that_every_trial_lacks_does_not_matter():
    """A search that ran out of time in an early rung still has a best trial."""
    trials = [told(0.7, share=0.2, k=3), told(0.8, share=0.2, k=4)]
    assert best(trials) is trials[1]


@pytest.mark.parametrize(
    ("domains", "simpler", "trials", "expected"),
    [
        # The largest penalty within 0.1 of 0.9.
        ([L2], LARGER, [told(0.9, l2=1.0), told(0.85, l2=10.0), told(0.79, l2=100.0), told(0.88, l2=0.1)], 1),
        ([K], SMALLER, [told(0.9, k=9), told(0.85, k=3), told(0.81, k=2), told(0.79, k=2)], 2),
        # The bound is one standard error of the best, not of the others.
        ([K], SMALLER, [told(0.9, 0.01, k=9), told(0.85, 0.5, k=3)], 0),
        # Exactly one standard error below is within.
        ([K], SMALLER, [told(1.0, 0.25, k=9), told(0.75, k=3)], 1),
        # Without a standard error only what is as good.
        ([K], SMALLER, [told(0.9, math.nan, k=9), told(0.89, math.nan, k=3), told(0.9, math.nan, k=5)], 2),
        # Lists are in order, simplest first; numbers in them follow the param.
        ([KERNEL], {}, [told(0.9, kernel="rbf"), told(0.85, kernel="cubic"), told(0.2, kernel="linear")], 1),
        ([Domain("l2", "number", values=(0.1, 1.0, 10.0))], LARGER, [told(0.9, l2=0.1), told(0.88, l2=10.0)], 1),
        ([Domain("l2", "number", values=(0.1, 1.0, 10.0))], {}, [told(0.88, l2=0.1), told(0.9, l2=10.0)], 0),
        # Equally simple: the better score, then the earlier trial.
        ([K], SMALLER, [told(0.85, k=3), told(0.9, k=9), told(0.88, k=3), told(0.88, k=3)], 2),
        # Nothing says what is simpler: the best.
        ([L2], {}, [told(0.85, l2=100.0), told(0.9, l2=1.0)], 1),
        # Early rungs do not count.
        ([K], SMALLER, [told(0.95, share=0.3, k=2), told(0.9, k=9), told(0.85, k=5)], 2),
        # Several params: by the mean of their places, so that no line of `tune` outweighs the others.
        ([L2, K], LARGER | SMALLER, [told(0.9, l2=100.0, k=10), told(0.88, l2=50.0, k=2), told(0.87, l2=0.01, k=2)], 1),
    ],
)  # fmt: skip
def test_the_simplest_that_is_not_clearly_worse(domains, simpler, trials, expected):
    assert simplest(domains, simpler, trials) is trials[expected]


def test_a_setting_that_is_as_simple_in_all_and_simpler_in_one_is_preferred():
    trials = [told(0.9, l2=1.0, k=k) for k in (10, 6, 3)]
    assert simplest([L2, K], LARGER | SMALLER, trials) is trials[2]


def test_nothing_was_scored():
    assert simplest([K], SMALLER, []) is None
    assert simplest([K], SMALLER, [told(math.nan, k=3)]) is None
