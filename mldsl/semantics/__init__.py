"""From syntax to meaning: names resolved, values typed, the pipeline judged, and the plan made. Reads no data."""

from mldsl.semantics.analysis import Analysis, analyze
from mldsl.semantics.header import Header
from mldsl.semantics.load import Loaded, load

__all__ = ["Analysis", "Header", "Loaded", "analyze", "load"]
