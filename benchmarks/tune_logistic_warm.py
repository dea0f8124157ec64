"""A search in a process that has searched before."""

from __future__ import annotations

from benchmarks import tuning
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """5 folds x 20 settings and the last fit, from arrays."""
    run = tuning.prepared()
    return Fit(
        title="tune logistic_regression, 5 folds x 20 settings, 20,000 x 30, warm",
        goal=0.25,
        peer_call="GridSearchCV(LogisticRegression(max_iter=1000), ..., n_jobs=2)",
        ours=tuning.ours(run),
        peer=tuning.peer(run),
        score_name="best mean accuracy over the folds",
        score_ours=tuning.best_score,
        score_peer=tuning.best_score,
        rounds=9,
    )
