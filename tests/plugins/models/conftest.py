"""How the engine calls a model: jitted, the Spec as a pytree, rows padded with junk of weight 0, its own precision."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
import pytest
import scipy.sparse as sp

from mldsl.contract import ColumnShape, Examples, Shape, Sparse, as_tree
from mldsl.execute.programs import QUICK
from mldsl.plugin.spec import Configured

JUNK = 1e15
PUBLIC, SHARED = Path("examples/data"), Path("../shared/data")


@cache
def module_of(name: str) -> ModuleType:
    """The module of a first-party model."""
    found = {point.value for point in entry_points(group="mldsl") if point.name == f"model.{name}"}
    (value,) = (value for value in found if value.startswith("mldsl_plugins"))
    return import_module(value)


@cache
def compiled(module: ModuleType) -> tuple[Any, Any, Any]:
    """The jitted `fit` (all rounds, of a model that has them) and `predict`, and the component.

    Compiled as the engine compiles programs over little data.
    """
    component = module.mldsl_components()[0]

    def fit(spec, key, shape, examples):
        if not component.goes_in_rounds(spec):
            return module.fit(spec, key, shape, examples)
        start = module.init(spec, key, shape, examples)
        end, told = jax.lax.scan(lambda s, _: module.update(spec, s, examples), start, length=component.steps(spec))
        return module.finish(spec, end), told

    whole = jax.jit(fit, static_argnums=2, compiler_options=QUICK)
    return whole, jax.jit(component.predict, compiler_options=QUICK), component


class Run:
    """A fitted model: `params`, `info` (NumPy leaves) and `predict`. Inputs are arrays, or SciPy's sparse matrices.

    `columns` are the `ColumnShape`s, where they are not just numbers; `intercept` is what a formula says of it; `x64`
    is given for a model that is as precise as the one it is made of.
    """

    def __init__(
        self, name, spec, x, y=None, *, classes=0, weight=None, pad=0, key=0, active=None, columns=None,
        intercept=True, x64=None, **parts,
    ):  # fmt: skip
        self.columns, self.intercept = columns, intercept
        module = module_of(name)
        self.fit, self._predict, self.component = compiled(module)
        self.x64 = self.component.precision == "float64" if x64 is None else x64
        self.dtype = np.float64 if self.x64 else np.float32
        self.spec = as_tree(spec, self.dtype)
        self.classes = classes
        self.key, self.shape, self.examples = key, *self.laid_out(x, y, weight, pad, active, parts)
        if self.component.prepares_for(spec):
            named = {c.name: self.examples.inputs[:, j] for j, c in enumerate(self.shape.columns)}
            prepared, _ = self.component.prepare(spec, self.shape, named, self.examples.weight)
            self.examples = self.examples._replace(inputs=prepared)
        with jax.enable_x64(self.x64):
            fitted = self.fit(self.spec, jax.random.key(key), self.shape, self.examples)
            self.params, self.info = jax.tree.map(np.asarray, fitted)

    def laid_out(self, x, y, weight, pad, active, parts):
        """Shape and Examples."""
        n, d = x.shape
        weight = np.ones(n) if weight is None else np.asarray(weight)
        x = self.inputs(x, pad)
        if y is not None:
            y = np.pad(np.asarray(y, np.int32 if self.classes else self.dtype), (0, pad), constant_values=0)
        types = {"cluster": np.int32}
        parts = {
            k: np.pad(np.asarray(v, types.get(k, self.dtype)), (0, pad), constant_values=1) for k, v in parts.items()
        }
        columns = self.columns or tuple(ColumnShape(f"x{j}") for j in range(d))
        clusters = 0 if "cluster" not in parts else int(parts["cluster"].max()) + 3
        shape = Shape(n + pad, columns, self.classes, intercept=self.intercept, clusters=clusters)
        active = np.ones(d, bool) if active is None else np.asarray(active)
        return shape, Examples(x, np.pad(weight, (0, pad)).astype(self.dtype), y, active, **parts)

    def inputs(self, x, pad=0):
        """The rows as the device has them: padded with junk, sparse ones also with spare entries."""
        if not sp.issparse(x):
            return np.pad(np.asarray(x, self.dtype), ((0, pad), (0, 0)), constant_values=JUNK)
        entries, rows = x.tocsr().tocoo(), x.shape[0] + pad
        spare = pad + 5
        parts = (entries.data.astype(self.dtype), entries.row.astype(np.int32), entries.col.astype(np.int32))
        value, row, column = (
            np.pad(part, (0, spare), constant_values=filling)
            for part, filling in zip(parts, (0, rows - 1, 0), strict=True)
        )
        if pad:  # a row that is not there, and holds something
            value[entries.nnz] = JUNK
        return Sparse(value, row, column, np.zeros((rows, 0, x.shape[1]), self.dtype))

    def predict(self, x):
        """The prediction for these rows, NumPy leaves."""
        with jax.enable_x64(self.x64):
            answer = self._predict(self.spec, self.params, self.inputs(x))
            return jax.tree.map(np.asarray, answer)


@pytest.fixture(scope="session")
def run():
    """`run(name, spec, x, y, classes=..., weight=..., pad=..., cost=..., offset=...)` fits a model."""
    return Run


@pytest.fixture(scope="session")
def member():
    """`member(name, **settings)`: a first-party model with its settings, as a model that is made of it holds it."""

    def of(name, **settings):
        component = module_of(name).mldsl_components()[0]
        return Configured(component, component.Spec(**settings))

    return of


def read(name: str, target: str | None, *, shared: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
    """Numbers and target of a data set; class targets as codes of their sorted levels."""
    import polars as pl

    path = (SHARED if shared else PUBLIC) / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    frame = pl.read_csv(path)
    if target is None:
        return frame.to_numpy().astype(np.float64), None
    y = frame[target]
    x = frame.drop(target).to_numpy().astype(np.float64)
    if y.dtype == pl.String or y.n_unique() < 11:
        return x, np.unique(y.to_numpy(), return_inverse=True)[1]
    return x, y.to_numpy().astype(np.float64)


@pytest.fixture(scope="session")
def data():
    """`data(name)` gives (inputs, target) of a real data set."""
    targets = {"digits_8x8": "label", "iris": "species", "wine": "cultivar", "breast_cancer_wdbc": "diagnosis"}

    @cache
    def of(name):
        if name in targets:
            return read(name, targets[name])
        return read(name, {"diabetes": "target", "longley": "employed", "faithful": None}[name], shared=True)

    return of
