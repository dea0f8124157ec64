"""One small table, pipelines as text, and runs that keep nothing: what the tests of the engine share.

All tables have the same bucket of rows and few shapes, so that a session compiles little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import polars as pl
import pytest

from mldsl.driver import Finished, Options
from mldsl.driver import run as run_source
from mldsl.plugin.registry import Registry
from mldsl.source import Source

FEATURES = """features {
  a, b: continuous
  s: categorical
  y: binary as target
}"""
STEPS = """transforms {
  standardize on numeric
  one_hot on s
}"""


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    """120 rows: two numbers, a category, a class `y` that `a` tells in part, a positive number `z`, and roles."""
    rng = np.random.default_rng(7)
    n = 120
    a, b = rng.normal(size=n), rng.normal(size=n)
    return pl.DataFrame(
        {
            "a": a,
            "b": b,
            "s": np.array(["u", "v", "w"])[rng.integers(0, 3, n)],
            "y": np.where(a + 0.8 * rng.normal(size=n) > 0.3, "yes", "no"),
            "z": np.exp(0.5 * a - 0.3 * b + 3 + 0.1 * rng.normal(size=n)),
            "g": rng.integers(0, 24, n),
            "t": rng.permutation(n).astype(float),
            "w": rng.integers(1, 4, n),
            "key": [f"row {i}" for i in range(n)],
        }
    )


def features(*more: str) -> str:
    """The `features` block of the table, with further lines."""
    return "\n  ".join([FEATURES.removesuffix("\n}"), *more]) + "\n}"


def pipeline(
    *blocks: str, model: str = "gaussian_naive_bayes", features: str = FEATURES, steps: str = STEPS,
    split: str = "split { test = 25% }", metrics: str = "metrics {\n  accuracy\n  log_loss\n}",
) -> str:  # fmt: skip
    """The text of a pipeline over the frame `rows`; blocks of which "" is given are left out."""
    body = model if model.startswith("model") else f"model {{ {model} }}"
    parts = ["mlp 1", 'data { frame("rows") }', features, steps, split, body, metrics, *blocks]
    return "\n".join(part for part in parts if part) + "\n"


def run(text: str, rows: Any, registry: Registry | None = None, **options: Any) -> Finished:
    """A run that keeps no folder unless `runs_dir` is given."""
    options.setdefault("keep", "runs_dir" in options)
    return run_source(Source("<test>", text), Options(frames={"rows": rows}, registry=registry, **options))


@attrs.frozen
class Engine:
    """`pipeline` makes a text, `features` a block of it; `run` runs a text."""

    features: Callable[..., str] = features
    pipeline: Callable[..., str] = pipeline
    run: Callable[..., Finished] = run


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine()
