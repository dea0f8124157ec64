"""TF-IDF of words and pairs of words of the newsgroups, in a process of its own, so that its peak of memory is known.

`python -m benchmarks.text ours|peer` prints seconds, the peak in gigabytes, and a score. Seconds are those of fitting
and transforming; the program of the device half is compiled beforehand, as it is from the second run on. The peak is of
the whole process: imports, texts and compiling.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.harness import ROOT, Process

NEWS = ROOT / "../shared/data/newsgroups20_train.parquet"
PACKAGES = ("mldsl", "jax", "numpy", "polars", "scikit-learn")


def texts() -> Any:
    """All posts, 16 million characters."""
    import polars as pl

    return pl.read_parquet(NEWS)["text"]


def ours() -> tuple[float, float]:
    """Seconds, and the sum of all values."""
    import jax
    import numpy as np
    from mldsl_plugins.text import tfidf

    from mldsl.contract import Examples, Shape, as_tree
    from mldsl.execute.arrays import pad_sparse
    from mldsl.execute.buckets import bucket, pad

    jax.config.update("jax_platforms", "cpu")
    given = texts()
    spec = tfidf.Spec(ngrams=(1, 2))
    weight = np.ones(len(given))

    def program(spec: Any, key: Any, examples: Any) -> Any:
        params, _ = tfidf.fit(spec, key, Shape(examples.weight.shape[0], wide=examples.inputs.d), examples)
        return tfidf.apply(spec, params, examples.inputs), params

    start = time.perf_counter()
    _, blocks = tfidf.counting.host_fit(spec, {"text": given}, weight)
    x = pad_sparse(blocks["text"], bucket(len(given)), np.float32)
    seconds = time.perf_counter() - start
    arguments = as_tree(spec), jax.random.key(0), Examples(x, pad(weight.astype(np.float32), x.n))
    compiled = jax.jit(program).lower(*arguments).compile()
    start = time.perf_counter()
    made, _ = jax.block_until_ready(compiled(*arguments))
    seconds += time.perf_counter() - start
    return seconds, float(np.asarray(made.value).sum(dtype=np.float64))


def peer() -> tuple[float, float]:
    """The same by scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    given = texts().to_list()
    start = time.perf_counter()
    made = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(given)
    return time.perf_counter() - start, float(made.sum())


def process(title: str, goal: float, what: str) -> Process:
    """A benchmark of `seconds` or of the `peak`."""

    def of(name: str) -> Callable[[str], float]:
        return lambda text: float(json.loads(text)[name])

    return Process(
        title=title, goal=goal, ours=[sys.executable, "-m", "benchmarks.text", "ours"],
        peer=[sys.executable, "-m", "benchmarks.text", "peer"], peer_call="TfidfVectorizer(ngram_range=(1, 2))",
        score_name="sum of all values", score_ours=of("score"), score_peer=of("score"), seconds=of(what), warm_up=0,
        rounds=3, packages=PACKAGES, unit="GB" if what == "peak" else "s",
    )  # fmt: skip


if __name__ == "__main__":
    seconds, score = ours() if sys.argv[1] == "ours" else peer()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # Linux counts kilobytes
    print(json.dumps({"seconds": seconds, "peak": peak, "score": score}))
