"""Support vectors with a Gaussian kernel on twenty thousand rows."""

from __future__ import annotations

from benchmarks.harness import Fit
from benchmarks.vectors import data, fitted


def benchmark() -> Fit:
    """Fit to LIBSVM's tolerance; scored by accuracy on held-out rows."""
    from mldsl_plugins.kernels import rbf
    from mldsl_plugins.vectors import svm
    from sklearn.svm import SVC

    from mldsl.plugin.spec import Configured

    rows = data(20_000)
    (component,) = svm.mldsl_components()
    ours, accuracy = fitted(component, svm.Spec(kernel=Configured(rbf.mldsl_components()[0], rbf.Spec())), rows)
    return Fit(
        title="svm, rbf, 20k x 50",
        goal=0.7,
        peer_call="SVC()",
        ours=ours,
        peer=lambda: SVC().fit(rows.x, rows.label),
        score_name="accuracy",
        score_ours=accuracy,
        score_peer=lambda model: model.score(rows.x_test, rows.label_test),
    )
