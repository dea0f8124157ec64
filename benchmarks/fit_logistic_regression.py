"""Logistic regression on a million rows, the same penalty on both sides, both to convergence."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.dense import data, fitted, predicted
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Fit; scored by the log loss of held-out rows (the lower, the better)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    rows = data()
    component, ours = fitted("mldsl_plugins.linear.logistic_regression", lambda spec: spec(), target="label")

    def loss(probability: np.ndarray) -> float:
        return float(log_loss(rows.label_test, probability.astype(np.float64)))

    def ours_loss(result: Any) -> float:
        return loss(predicted(component, component.Spec(), result[0], "probability"))

    return Fit(
        title="logistic_regression, 1M x 28",
        goal=0.5,
        peer_call='LogisticRegression(C=1.0, solver="newton-cholesky")',
        ours=ours,
        peer=lambda: LogisticRegression(C=1.0, solver="newton-cholesky").fit(rows.x, rows.label),
        score_name="log loss",
        score_ours=ours_loss,
        score_peer=lambda model: loss(model.predict_proba(rows.x_test)),
        rounds=5,
    )
