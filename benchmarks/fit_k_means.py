"""K-means on a million rows: eight clusters, one k-means++ start, 20 of Lloyd's iterations at most on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.dense import data, fitted, predicted
from benchmarks.harness import Fit

CLUSTERS, ITERATIONS = 8, 20


def benchmark() -> Fit:
    """Fit; scored by the mean squared distance of held-out rows to their centroid (the lower, the better).

    The stopping tolerance is 0 on both sides, so that both do the same number of iterations.
    """
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    rows = data()

    def spec(cls: Any) -> Any:
        return cls(clusters=CLUSTERS, restarts=1, max_iter=ITERATIONS, tol=0.0)

    component, ours = fitted("mldsl_plugins.clustering.k_means", spec)

    def peer() -> KMeans:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return KMeans(CLUSTERS, n_init=1, max_iter=ITERATIONS, tol=0.0, algorithm="lloyd", random_state=0).fit(
                rows.x
            )

    def mean_square(distance: np.ndarray) -> float:
        return float((distance.min(axis=1).astype(np.float64) ** 2).mean())

    return Fit(
        title="k_means, 8 clusters, 20 iterations, 1M x 28",
        goal=0.5,
        peer_call='KMeans(8, n_init=1, max_iter=20, tol=0, algorithm="lloyd")',
        ours=ours,
        peer=peer,
        score_name="mean squared distance",
        score_ours=lambda r: mean_square(predicted(component, spec(component.Spec), r[0], "distance")),
        score_peer=lambda model: mean_square(model.transform(rows.x_test)),
        rounds=5,
    )
