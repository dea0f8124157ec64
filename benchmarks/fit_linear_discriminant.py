"""Linear discriminant analysis on a million rows."""

from __future__ import annotations

from typing import Any

from benchmarks.dense import data, fitted, predicted
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Fit; scored by accuracy on held-out rows."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rows = data()
    component, ours = fitted("mldsl_plugins.discriminant.linear_discriminant", lambda spec: spec(), target="label")

    def accuracy(result: Any) -> float:
        probability = predicted(component, component.Spec(), result[0], "probability")
        return float((probability.argmax(axis=1) == rows.label_test).mean())

    return Fit(
        title="linear_discriminant, 1M x 28",
        goal=0.5,
        peer_call="LinearDiscriminantAnalysis()",
        ours=ours,
        peer=lambda: LinearDiscriminantAnalysis().fit(rows.x, rows.label),
        score_name="accuracy",
        score_ours=accuracy,
        score_peer=lambda model: model.score(rows.x_test, rows.label_test),
    )
