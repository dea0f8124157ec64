"""Curves with parameters: what their names are, and what each mistake says."""

# ruff: noqa: E501  (tables are read by row)

from __future__ import annotations

import pytest

from mldsl.contract.arithmetic import curve
from mldsl.contract.elementwise import FUNCTIONS
from mldsl.semantics import arithmetic

FEATURES = "features {\n  y: continuous as target\n  x, z: continuous\n  c: categorical\n}"


def checked(pipeline, call, rest=""):
    analysis = pipeline(features=FEATURES, transforms="", model=f"model {{ nonlinear_regression({call}) }}", rest=rest)
    return analysis, [f"{d.code} {d.message}" for d in analysis.diagnostics]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('y ~ a * x, start = ["a" = 1]', []),
        ('~ a * log(-b * x) / (1 + z ^ 2), start = ["a" = 1, "b" = 2], bounds = ["b" = 0..3]', []),
        ('log(y) ~ a * x, start = ["a" = 1]', []),
        ('y ~ if_else(x > a, b, 0) + z, start = ["a" = 1, "b" = 2]', []),
        ('y ~ a * q, start = ["a" = 1]', ["MLP0105 unknown name `q`"]),
        ('y ~ a * y, start = ["a" = 1]', ["MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
        ('y ~ a * c, start = ["a" = 1]', ["MLP0204 `*` does not work on `c`, which is `categorical`"]),
        ('y ~ a * x, start = ["a" = 1, "b" = 2]', ["MLP0203 `b` of `start` does not occur in the formula"]),
        ('y ~ a * x + x, start = ["a" = 1, "x" = 2]', ["MLP0203 `x` is a column, and `start` gives a parameter of that name"]),
        ('y ~ a * coalesce(x, 1), start = ["a" = 1]', ["MLP0203 a curve cannot use `coalesce`"]),
        ('y ~ x > a, start = ["a" = 1]', ["MLP0204 a curve gives a number"]),
        ('y ~ a * 2, start = ["a" = 1]', ["MLP0201 a curve reads a column, or it is a constant"]),
        ('z ~ a * x, start = ["a" = 1]', ["MLP0301 the left side of a formula is the target, and that is `y`"]),
        ('exp(y) ~ a * x, start = ["a" = 1]', ["MLP0203 a target cannot be learned as `exp`"]),
        ("y ~ a * x, start = [a = 1]", ["MLP0201 the name of a parameter is written in quotes, and is made of letters, digits and `_`"]),
        ('y ~ a * x, start = ["a" = "1"]', ["MLP0201 `start` of `nonlinear_regression` takes a number, not text"]),
        ('y ~ a * x, start = ["a" = 1, "a" = 2]', ['MLP0113 `"a"` is given twice']),
        ('y ~ a * x, start = ["a" = 1], bounds = ["b" = 0..1]', ['MLP0203 `"b"` has no start value']),
        ('y ~ a * x, start = ["a" = 1], bounds = ["a" = 1..0]', ["MLP0202 `bounds` is an empty range"]),
        ("y ~ a * x, start = 1", ['MLP0201 `start` of `nonlinear_regression` takes numbers such as `["b1" = 500]`, not an integer']),
        ("y ~ a * x", ["MLP0115 `nonlinear_regression` needs `start`"]),
        ('"y ~ a", start = ["a" = 1]', ["MLP0201 `formula` of `nonlinear_regression` takes a formula such as `y ~ b1 * exp(b2 * x)`, not text"]),
    ],
)  # fmt: skip
def test_what_is_said(pipeline, call, said):
    assert checked(pipeline, call)[1] == said


def test_the_plan_holds_the_text_the_columns_and_the_parameters(pipeline):
    analysis, said = checked(pipeline, 'y ~ a * z ^ $k + b*x, start = ["b" = 1, "a" = 2]', "param k: number = 1.5")
    assert not said
    (model,) = analysis.plan.models
    assert model.algorithm.arg("formula") == "y ~ a * z ^ 1.5 + b * x"
    assert model.algorithm.arg("start") == (("b", 1.0), ("a", 2.0))
    assert model.design.parameters == ("b", "a")
    assert [column.name for column in model.columns] == ["x", "z"]


def test_functions_of_curves_exist_on_the_device():
    assert set(arithmetic.FUNCTIONS) <= set(FUNCTIONS)


def test_a_curve_is_what_its_text_says():
    import numpy as np

    found = curve("y ~ -a ^ 2 + (x - 1) ^ -1 / b * exp(`my z`) + if_else(x > 2 and not x == 3, 1, 0)")
    assert found.names == ("a", "x", "b", "my z")
    x, z = np.array([2.0, 3.0, 4.0]), np.array([0.0, 1.0, -1.0])
    expected = -(3.0**2) + 1 / (x - 1) / 2 * np.exp(z) + np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(found({"a": np.float32(3), "b": np.float32(2), "x": x, "my z": z}), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="expected a formula"):
        curve("a + b")
