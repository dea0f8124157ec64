"""Reading, checking, splitting and encoding rows: everything on the host before arrays reach the device."""

from mldsl.data.computed import derive
from mldsl.data.context import Context, Facts, Scan
from mldsl.data.dataset import Dataset, SourceInfo
from mldsl.data.encode import Encoded, encode, input_columns
from mldsl.data.expression import columns_of, row_expression, truth_expression
from mldsl.data.levels import Levels, learn_levels
from mldsl.data.predict import load_rows
from mldsl.data.read import load, read_header
from mldsl.data.split import Fold, Split, folds_within, make_split, split_frame

__all__ = [
    "Context", "Dataset", "Encoded", "Facts", "Fold", "Levels", "Scan", "SourceInfo", "Split", "columns_of",
    "derive", "encode", "folds_within",
    "input_columns", "learn_levels", "load", "load_rows", "make_split", "read_header", "row_expression",
    "split_frame", "truth_expression",
]  # fmt: skip
