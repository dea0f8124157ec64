"""Places in the distribution by a thousand quantiles, on a million rows."""

from __future__ import annotations

from benchmarks.dense import scaler
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Fit and apply; scored by the greatest deviation between the held-out rows that both sides scale.

    By default scikit-learn takes the quantiles of 10,000 drawn rows; here both take them of all.
    """
    from sklearn.preprocessing import QuantileTransformer

    return scaler(
        "quantile_transform", lambda: QuantileTransformer(subsample=None),
        "QuantileTransformer(subsample=None).fit_transform",
    )  # fmt: skip
