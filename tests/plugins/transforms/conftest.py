"""How the engine calls a transform: names on the host, jitted `fit` and `apply` on the columns of `on`, float32."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.encoding import discretize, frequency_encode, one_hot, ordinal_encode, target_encode
from mldsl_plugins.expansion import interactions, polynomial, spline
from mldsl_plugins.missing import impute
from mldsl_plugins.scaling import (
    min_max_scale,
    power_transform,
    quantile_transform,
    robust_scale,
    standardize,
    unit_norm,
    winsorize,
)
from mldsl_plugins.selection import drop_collinear, drop_correlated, drop_low_variance, select_best

from mldsl.contract import ColumnShape, Examples, Shape, as_tree
from mldsl.execute.steps import outputs_of
from mldsl.plugin import NamedColumn

TRANSFORMS = {
    "impute": impute, "standardize": standardize, "min_max_scale": min_max_scale, "robust_scale": robust_scale,
    "one_hot": one_hot, "ordinal_encode": ordinal_encode, "frequency_encode": frequency_encode,
    "target_encode": target_encode, "select_best": select_best, "discretize": discretize,
    "power_transform": power_transform, "quantile_transform": quantile_transform,
    "spline": spline, "unit_norm": unit_norm, "winsorize": winsorize,
    "polynomial": polynomial, "interactions": interactions,
    "drop_low_variance": drop_low_variance, "drop_correlated": drop_correlated, "drop_collinear": drop_collinear,
}  # fmt: skip
JUNK = 1e15
PUBLIC, SHARED = Path("examples/data"), Path("../shared/data")


@cache
def compiled(module: ModuleType) -> tuple[Any, Any, Any]:
    """The jitted `fit` (None where nothing is learned) and `apply`, and the component."""
    component = module.mldsl_components()[0]
    fit = None if component.fit is None else jax.jit(component.fit, static_argnums=2)
    return fit, jax.jit(component.apply), component


def named(x, types="continuous", levels=None):
    """Columns x0, x1, ..."""
    d = np.shape(x)[1]
    types = [types] * d if isinstance(types, str) else types
    levels = [None] * d if levels is None else levels
    return tuple(NamedColumn(f"x{j}", t, v) for j, (t, v) in enumerate(zip(types, levels, strict=True)))


class Run:
    """A fitted transform: `params`, `info` (NumPy leaves), the names it gives, and `apply`."""

    def __init__(
        self, name, spec, x, y=None, *, classes=(), columns=None, per=None, weight=None, pad=0, active=None, dtype=None
    ):  # fmt: skip
        module = TRANSFORMS[name]
        self.fit, self._apply, self.component = compiled(module)
        self.dtype = dtype = dtype or (np.float64 if self.component.precision == "float64" else np.float32)
        columns = named(x) if columns is None else columns
        if self.component.bind is not None:
            spec = self.component.bind(spec, columns)
            assert not isinstance(spec, list), spec
        self.names = outputs_of(self.component, spec, columns, classes if len(classes) > 2 else ())
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
            None if y is None else np.pad(np.asarray(y, np.int32 if classes else dtype), (0, pad)),
            active=np.ones(d, bool) if active is None else np.asarray(active),
        )
        self.shape = Shape(n + pad, tuple(shapes), len(classes))
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


@pytest.fixture(scope="session")
def ames():
    """Numbers of Ames houses [n, d] in float64, their names, and the sale price."""
    frame = pl.read_csv(PUBLIC / "ames_housing.csv")
    names = [
        "lot_area", "year_built", "mas_vnr_area", "bsmt_unf_sf", "total_bsmt_sf", "first_flr_sf", "second_flr_sf",
        "gr_liv_area", "full_bath", "totrms_abvgrd", "garage_area", "wood_deck_sf", "longitude",
    ]  # fmt: skip
    return frame.select(names).to_numpy().astype(float), names, frame["sale_price"].to_numpy().astype(float)


@pytest.fixture(scope="session")
def wine():
    """The 13 measurements of 178 wines, and their cultivar."""
    frame = pl.read_csv(PUBLIC / "wine.csv")
    return frame.drop("cultivar").to_numpy().astype(float), frame["cultivar"].to_numpy()


@pytest.fixture(scope="session")
def adult():
    """8,000 rows of the census: codes [n, 2] of education and country (NaN where missing), their levels, income."""
    path = SHARED / "adult.csv"
    if not path.exists():
        pytest.skip("../shared/data/adult.csv is not here")
    frame = pl.read_csv(path).head(8000)
    levels, codes = [], []
    for name in ("education", "native_country"):
        known = sorted(frame[name].drop_nulls().unique())
        levels.append(tuple(known))
        codes.append([np.nan if v is None else known.index(v) for v in frame[name]])
    return np.asarray(codes).T, tuple(levels), (frame["income"] == ">50K").to_numpy().astype(int)
