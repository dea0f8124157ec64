"""Rows for support vectors: a bent boundary with noise, in fifty columns, and our fits as a run makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

COLUMNS = 50


class Bent(NamedTuple):
    """float64 inputs [n, d] and classes, for training and 10,000 held-out rows."""

    x: np.ndarray
    label: np.ndarray
    x_test: np.ndarray
    label_test: np.ndarray


def data(n: int) -> Bent:
    """The same rows every time."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n + 10_000, COLUMNS))
    slope = rng.normal(size=COLUMNS) / np.sqrt(COLUMNS)
    bent = x @ slope + 0.7 * np.sin(2 * x[:, 0]) * x[:, 1] + 0.5 * rng.normal(size=len(x))
    label = (bent > 0).astype(np.int32)
    return Bent(x[:n], label[:n], x[n:], label[n:])


def fitted(component: Any, spec: Any, rows: Bent) -> tuple[Callable[[], Any], Callable[[Any], float]]:
    """A function that fits and waits, and one that gives the accuracy of its result on the held-out rows."""
    import jax

    from mldsl.contract import ColumnShape, Examples, Shape, as_tree
    from mldsl.execute.buckets import bucket, pad
    from mldsl.execute.settings import configure

    configure()
    size = bucket(len(rows.x))
    examples = Examples(
        pad(rows.x, size), pad(np.ones(len(rows.x)), size), pad(rows.label, size), np.ones(COLUMNS, bool)
    )
    shape = Shape(size, tuple(ColumnShape(f"x{j}") for j in range(COLUMNS)), classes=2)
    tree = as_tree(spec, np.float64)
    compiled = jax.jit(lambda tree, key, examples: component.fit(tree, key, shape, examples))
    predict = jax.jit(component.predict)

    def once() -> Any:
        with jax.enable_x64(True):
            return jax.block_until_ready(compiled(tree, jax.random.key(0), examples))

    def accuracy(result: Any) -> float:
        with jax.enable_x64(True):
            score = np.asarray(predict(tree, result[0], rows.x_test).score)
        return float((score.argmax(axis=1) == rows.label_test).mean())

    return once, accuracy
