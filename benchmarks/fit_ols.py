"""Ordinary least squares on a million rows, with what inference needs on our side."""

from __future__ import annotations

from typing import Any

from benchmarks.dense import data, fitted, predicted
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Fit, ours with covariance, tests and likelihood; scored by R2 on held-out rows."""
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import r2_score

    rows = data()
    component, ours = fitted("mldsl_plugins.linear.ols", lambda spec: spec(), target="y")

    def score(result: Any) -> float:
        return float(r2_score(rows.y_test, predicted(component, component.Spec(), result[0], "mean")))

    return Fit(
        title="ols, with standard errors, 1M x 28",
        goal=0.5,
        peer_call="LinearRegression()",
        ours=ours,
        peer=lambda: LinearRegression().fit(rows.x, rows.y),
        score_name="R2",
        score_ours=score,
        score_peer=lambda model: float(r2_score(rows.y_test, model.predict(rows.x_test))),
    )
