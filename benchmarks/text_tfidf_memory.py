"""TF-IDF with pairs of words: the peak of memory."""

from __future__ import annotations

from benchmarks.harness import Process
from benchmarks.text import process


def benchmark() -> Process:
    """The most resident memory of the whole process."""
    return process("tfidf(ngrams = 1..2), newsgroups: peak of memory", 1.2, "peak")
