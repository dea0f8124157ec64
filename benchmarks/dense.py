"""A million dense rows for the fits, and how an algorithm is called as the engine calls it.

28 columns as in HIGGS: correlated, on different scales, a tenth of them skewed. 100,000 further rows are held out.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

ROWS, HELD_OUT, COLUMNS = 1_000_000, 100_000, 28


class Dense(NamedTuple):
    """float32 inputs [n, d], a number and a class as targets, for training and held-out rows."""

    x: np.ndarray
    y: np.ndarray
    label: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    label_test: np.ndarray


@cache
def data() -> Dense:
    """The same rows every time."""
    rng = np.random.default_rng(0)
    n = ROWS + HELD_OUT
    mixing = np.eye(COLUMNS) + 0.3 * rng.normal(size=(COLUMNS, COLUMNS)) / np.sqrt(COLUMNS)
    x = rng.normal(size=(n, COLUMNS)) @ mixing
    x[:, ::10] = np.exp(x[:, ::10])
    x = (x * rng.uniform(0.5, 3.0, COLUMNS) + rng.normal(size=COLUMNS)).astype(np.float32)
    slope = rng.normal(size=COLUMNS) / x.std(axis=0)
    score = (x - x.mean(axis=0)) @ slope
    y = (score + rng.normal(scale=score.std(), size=n)).astype(np.float32)
    label = (score + rng.logistic(scale=0.3 * score.std(), size=n) > 0).astype(np.int32)
    cut = slice(None, ROWS), slice(ROWS, None)
    return Dense(x[cut[0]], y[cut[0]], label[cut[0]], x[cut[1]], y[cut[1]], label[cut[1]])


def handed_over(dtype: Any, target: str = "") -> Any:
    """The `Examples` of a run: cast, padded to a bucket with rows of weight 0, and where JAX need not copy them."""
    from mldsl.contract import Examples
    from mldsl.execute.buckets import bucket, pad

    rows, n = data(), bucket(ROWS)
    goal = {"label": rows.label, "y": rows.y.astype(dtype), "": None}[target]
    return Examples(
        pad(rows.x.astype(dtype), n),
        pad(np.ones(ROWS, dtype), n),
        None if goal is None else pad(goal, n),
        np.ones(COLUMNS, bool),
    )


def fitted(module: str, spec: Callable[[Any], Any], *, target: str = "") -> tuple[Any, Callable[[], Any]]:
    """The component of a module, and a function that fits it to the million rows and waits for the result.

    `target` is "label", "y" or empty. Precision, devices and `shards` are what the component declares, as in a run.
    """
    import jax

    from mldsl.contract import ColumnShape, Shape, as_tree
    from mldsl.execute.settings import configure
    from mldsl.execute.shards import sharded_fit

    configure()
    component = importlib.import_module(module).mldsl_components()[0]
    x64 = component.precision == "float64"
    dtype = np.float64 if x64 else np.float32
    examples = handed_over(dtype, target)
    columns = tuple(ColumnShape(f"x{j}") for j in range(COLUMNS))
    shape = Shape(len(examples.weight), columns, classes=2 if target == "label" else 0)
    tree = as_tree(spec(component.Spec), dtype)
    devices = jax.device_count() if getattr(component, "shards", False) else 1

    def fit(tree: Any, key: Any, examples: Examples) -> Any:
        if devices > 1:
            return sharded_fit(component.fit, tree, key, shape, examples, devices)
        return component.fit(tree, key, shape, examples)

    compiled = jax.jit(fit)

    def once() -> Any:
        with jax.enable_x64(x64):
            return jax.block_until_ready(compiled(tree, jax.random.key(0), examples))

    return component, once


def predicted(component: Any, spec: Any, params: Any, what: str) -> np.ndarray:
    """What a fitted model says of the held-out rows: the part `what` of its `Prediction`."""
    import jax

    from mldsl.contract import as_tree

    x64 = component.precision == "float64"
    dtype = np.float64 if x64 else np.float32
    with jax.enable_x64(x64):
        answer = jax.jit(component.predict)(as_tree(spec, dtype), params, data().x_test.astype(dtype))
    return np.asarray(getattr(answer, what))


def scaler(name: str, peer: Any, peer_call: str) -> Any:
    """The benchmark of a scaler: fit and apply to the million rows; both must scale held-out rows alike.

    Ours is one program, as in a run, where fitting and applying are never two.
    """
    import jax

    from benchmarks.harness import Fit
    from mldsl.contract import ColumnShape, Shape, as_tree
    from mldsl.execute.settings import configure

    configure()
    rows = data()
    component = importlib.import_module(f"mldsl_plugins.scaling.{name}").mldsl_components()[0]
    examples = handed_over(np.float32)
    shape = Shape(len(examples.weight), tuple(ColumnShape(f"x{j}") for j in range(COLUMNS)))
    spec = as_tree(component.Spec())

    def both(spec: Any, key: Any, examples: Examples) -> Any:
        params, _ = component.fit(spec, key, shape, examples)
        return params, component.apply(spec, params, examples.inputs)

    compiled = jax.jit(both)
    apply = jax.jit(component.apply)

    def ours() -> Any:
        params, _ = jax.block_until_ready(compiled(spec, jax.random.key(0), examples))
        return params

    def theirs() -> Any:
        model = peer()
        model.fit_transform(rows.x)
        return model

    expected = peer().fit(rows.x).transform(rows.x_test)

    def deviation(scaled: Any) -> float:
        return float(np.abs(np.asarray(scaled, np.float64) - expected).max())

    return Fit(
        title=f"{name}, fit and apply, 1M x {COLUMNS}",
        goal=0.5,
        peer_call=peer_call,
        ours=ours,
        peer=theirs,
        score_name="greatest deviation",
        score_ours=lambda params: deviation(apply(spec, params, rows.x_test)),
        score_peer=lambda model: deviation(model.transform(rows.x_test)),
    )
