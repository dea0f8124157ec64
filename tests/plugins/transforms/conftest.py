"""How the engine calls a transform: names on the host, jitted `fit` and `apply` on the columns of `on`, float32."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook

# The annotations of what is tested here are executed.
with install_import_hook(
    ["mldsl_plugins.missing", "mldsl_plugins.scaling", "mldsl_plugins.encoding"], "beartype.beartype"
):
    from mldsl_plugins.encoding import one_hot, ordinal_encode
    from mldsl_plugins.missing import impute
    from mldsl_plugins.scaling import min_max_scale, robust_scale, standardize

from mldsl.contract import ColumnShape, Examples, Shape, as_tree
from mldsl.plugin import NamedColumn

TRANSFORMS = {
    "impute": impute, "standardize": standardize, "min_max_scale": min_max_scale, "robust_scale": robust_scale,
    "one_hot": one_hot, "ordinal_encode": ordinal_encode,
}  # fmt: skip
JUNK = 1e15


@cache
def compiled(module: ModuleType) -> tuple[Any, Any, Any]:
    """The jitted `fit` (None where nothing is learned) and `apply`, and the component."""
    component = module.mldsl_components()[0]
    fit = None if component.fit is None else jax.jit(module.fit, static_argnums=2)
    return fit, jax.jit(module.apply), component


def named(x, types="continuous", levels=None):
    """Columns x0, x1, ..."""
    d = np.shape(x)[1]
    types = [types] * d if isinstance(types, str) else types
    levels = [None] * d if levels is None else levels
    return tuple(NamedColumn(f"x{j}", t, v) for j, (t, v) in enumerate(zip(types, levels, strict=True)))


class Run:
    """A fitted transform: `params`, `info` (NumPy leaves), the names it gives, and `apply`."""

    def __init__(self, name, spec, x, *, columns=None, per=None, weight=None, pad=0, active=None, dtype=np.float32):
        module = TRANSFORMS[name]
        self.fit, self._apply, self.component = compiled(module)
        self.dtype = dtype
        columns = named(x) if columns is None else columns
        if self.component.bind is not None:
            spec = self.component.bind(spec, columns)
            assert not isinstance(spec, list), spec
        self.names = self.component.names(spec, columns)
        self.spec = as_tree(spec, dtype)
        shapes = [ColumnShape(c.name, c.type, len(c.levels or ())) for c in columns]
        if per is not None:
            x, shapes = np.c_[x, per], [*shapes, ColumnShape("g", "categorical", int(np.nanmax(per)) + 1)]
        x = np.asarray(x, dtype)
        n, d = x.shape
        weight = np.ones(n) if weight is None else np.asarray(weight)
        self.examples = Examples(
            np.pad(x, ((0, pad), (0, 0)), constant_values=0 if per is not None else JUNK),
            np.pad(weight, (0, pad)).astype(dtype),
            active=np.ones(d, bool) if active is None else np.asarray(active),
        )
        self.shape = Shape(n + pad, tuple(shapes))
        self.params = self.info = None
        if self.fit is not None:
            with jax.enable_x64(dtype is np.float64):
                fitted = self.fit(self.spec, jax.random.key(0), self.shape, self.examples)
            self.params, self.info = jax.tree.map(np.asarray, fitted)

    def apply(self, x, per=None):
        """The columns that come out, [n, outputs]."""
        x = np.asarray(x if per is None else np.c_[x, per], self.dtype)
        with jax.enable_x64(self.dtype is np.float64):
            return np.asarray(self._apply(self.spec, self.params, x))


@pytest.fixture(scope="session")
def run():
    """`run(name, spec, x, columns=..., weight=..., pad=...)` fits a transform."""
    return Run
