"""Reading, checking, splitting and encoding rows: everything on the host before arrays reach the device."""

from mldsl.data.context import Context, Facts, Scan
from mldsl.data.dataset import Dataset, SourceInfo
from mldsl.data.expression import columns_of, row_expression, truth_expression
from mldsl.data.read import load, read_header

__all__ = [
    "Context", "Dataset", "Facts", "Scan", "SourceInfo", "columns_of", "load", "read_header", "row_expression",
    "truth_expression",
]  # fmt: skip
