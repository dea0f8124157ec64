"""Linear support vectors with the hinge itself on a hundred thousand rows."""

from __future__ import annotations

from benchmarks.harness import Fit
from benchmarks.vectors import data, fitted


def benchmark() -> Fit:
    """Fit with the hinge; LIBLINEAR has only its dual for it. Scored by accuracy on held-out rows."""
    from mldsl_plugins.vectors import linear_svm
    from sklearn.svm import LinearSVC

    rows = data(100_000)
    (component,) = linear_svm.mldsl_components()
    ours, accuracy = fitted(component, linear_svm.Spec(loss="hinge"), rows)
    return Fit(
        title="linear_svm, hinge, 100k x 50",
        goal=0.7,
        peer_call='LinearSVC(loss="hinge", max_iter=10_000)',
        ours=ours,
        peer=lambda: LinearSVC(loss="hinge", max_iter=10_000).fit(rows.x, rows.label),
        score_name="accuracy",
        score_ours=accuracy,
        score_peer=lambda model: model.score(rows.x_test, rows.label_test),
    )
