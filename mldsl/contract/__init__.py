"""What an algorithm computes with: rows and their weights, static shapes, and reductions that respect weights.

Imports JAX; only plugins, `mldsl.execute` and `mldsl.testing` import it.
"""

from mldsl.contract.answers import names_side_by_side, side_by_side
from mldsl.contract.blocks import block_rows, gather, least_of_blocks, shard, sharded, sum_blocks, total
from mldsl.contract.examples import Examples, Inputs, Prediction, tiny
from mldsl.contract.host import HostSparse, Numbered, Prepared
from mldsl.contract.quantiles import segment_quantile, weighted_quantile
from mldsl.contract.reductions import (
    Moments,
    common_moments,
    grams_of_block,
    matmul,
    segment_reduce,
    squared_distances,
    weighted_gram,
    weighted_mean,
    weighted_moments,
    weighted_sum,
)
from mldsl.contract.reliability import Reliability, class_probability, reliability
from mldsl.contract.shape import ColumnShape, Shape
from mldsl.contract.sparse import Sparse
from mldsl.contract.spec import as_tree
from mldsl.contract.spread import over_devices
from mldsl.contract.trees import Trees
from mldsl.contract.views import MetricView, ModelView, PartView, Permuted, ReportView
from mldsl.contract.whole import fit_whole, remarks_of

__all__ = [
    "ColumnShape",
    "Examples",
    "HostSparse",
    "Inputs",
    "MetricView",
    "ModelView",
    "Moments",
    "Numbered",
    "PartView",
    "Permuted",
    "Prediction",
    "Prepared",
    "Reliability",
    "ReportView",
    "Shape",
    "Sparse",
    "Trees",
    "as_tree",
    "block_rows",
    "class_probability",
    "common_moments",
    "fit_whole",
    "gather",
    "grams_of_block",
    "least_of_blocks",
    "matmul",
    "names_side_by_side",
    "over_devices",
    "reliability",
    "remarks_of",
    "segment_quantile",
    "segment_reduce",
    "shard",
    "sharded",
    "side_by_side",
    "squared_distances",
    "sum_blocks",
    "tiny",
    "total",
    "weighted_gram",
    "weighted_mean",
    "weighted_moments",
    "weighted_quantile",
    "weighted_sum",
]  # fmt: skip
