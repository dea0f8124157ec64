"""What an algorithm computes with: rows and their weights, static shapes, and reductions that respect weights.

Imports JAX; only plugins, `mldsl.execute` and `mldsl.testing` import it.
"""

from mldsl.contract.examples import Examples, Inputs, Prediction, Sparse, tiny
from mldsl.contract.reductions import (
    Moments,
    segment_reduce,
    squared_distances,
    weighted_gram,
    weighted_mean,
    weighted_moments,
    weighted_quantile,
)  # fmt: skip
from mldsl.contract.shape import ColumnShape, Shape
from mldsl.contract.spec import as_tree
from mldsl.contract.views import MetricView, ModelView, PartView, ReportView

__all__ = [
    "ColumnShape", "Examples", "Inputs", "MetricView", "ModelView", "Moments", "PartView", "Prediction", "ReportView",
    "Shape", "Sparse", "as_tree", "segment_reduce", "squared_distances", "tiny", "weighted_gram", "weighted_mean",
    "weighted_moments", "weighted_quantile",
]  # fmt: skip
