"""TF-IDF with pairs of words: seconds."""

from __future__ import annotations

from benchmarks.harness import Process
from benchmarks.text import process


def benchmark() -> Process:
    """Fit and transform 11,293 posts, 926,435 columns."""
    return process("tfidf(ngrams = 1..2), newsgroups: fit and transform", 0.8, "seconds")
