"""Over how many devices the rows of a fit go."""

from __future__ import annotations

import attrs
import jax
import pytest
from mldsl_plugins.linear import logistic_regression
from mldsl_plugins.trees import gradient_boosting

from mldsl.contract import ColumnShape, Shape
from mldsl.execute.shards import worth_spreading

MODELS = {"logistic_regression": logistic_regression, "gradient_boosting": gradient_boosting}


@pytest.mark.parametrize(
    ("name", "rows", "columns", "all_of_them"),
    [
        ("logistic_regression", 19_999, 100, False),  # too few rows whatever there is in them
        ("logistic_regression", 20_000, 1, True),
        ("gradient_boosting", 20_000, 52, False),  # fewer than 2^20 numbers
        ("gradient_boosting", 20_000, 53, True),
        ("gradient_boosting", 10_000, 1_000, False),
    ],
)
def test_rows_are_spread_where_that_pays(name, rows, columns, all_of_them):
    (component,) = MODELS[name].mldsl_components()
    shape = Shape(rows, tuple(ColumnShape(f"x{j}") for j in range(columns)))
    assert component.shards
    assert worth_spreading(component, shape) == (jax.device_count() if all_of_them else 1)
    assert worth_spreading(attrs.evolve(component, shards=False), shape) == 1
