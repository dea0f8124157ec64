"""Ridge regression on a million rows, the same penalty on both sides."""

from __future__ import annotations

from typing import Any

from benchmarks.dense import data, fitted, predicted
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Fit; scored by R2 on held-out rows."""
    from sklearn.linear_model import Ridge
    from sklearn.metrics import r2_score

    rows = data()
    component, ours = fitted("mldsl_plugins.linear.ridge", lambda spec: spec(l2=1.0), target="y")

    def score(result: Any) -> float:
        return float(r2_score(rows.y_test, predicted(component, component.Spec(l2=1.0), result[0], "mean")))

    return Fit(
        title="ridge, 1M x 28",
        goal=0.5,
        peer_call="Ridge(alpha=1.0)",
        ours=ours,
        peer=lambda: Ridge(alpha=1.0).fit(rows.x, rows.y),
        score_name="R2",
        score_ours=score,
        score_peer=lambda model: float(r2_score(rows.y_test, model.predict(rows.x_test))),
    )
