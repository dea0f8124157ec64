"""Logistic regression on a million rows, the same penalty on both sides, against scikit-learn's default solver."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.dense import data, fitted, predicted
from benchmarks.harness import Fit


def benchmark(solver: str = "lbfgs") -> Fit:
    """Fit; scored by the log loss of held-out rows (the lower, the better). `solver` is the peer's."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    rows = data()
    component, ours = fitted("mldsl_plugins.linear.logistic_regression", lambda spec: spec(), target="label")

    def loss(probability: np.ndarray) -> float:
        # Rounded in float32, the two probabilities of a row add up to 1 but for the last digit.
        positive = probability[:, 1].astype(np.float64)
        return float(log_loss(rows.label_test, positive))

    def ours_loss(result: Any) -> float:
        return loss(predicted(component, component.Spec(), result[0], "probability"))

    return Fit(
        title="logistic_regression, 1M x 28" + ("" if solver == "lbfgs" else f", peer's {solver}"),
        goal=0.5,
        peer_call="LogisticRegression(max_iter=1000)"
        if solver == "lbfgs"
        else f'LogisticRegression(solver="{solver}")',
        ours=ours,
        peer=lambda: LogisticRegression(solver=solver, max_iter=1000).fit(rows.x, rows.label),
        score_name="log loss",
        score_ours=ours_loss,
        score_peer=lambda model: loss(model.predict_proba(rows.x_test)),
        rounds=5,
    )
