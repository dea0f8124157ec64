"""Logistic regression on much data keeps its Hessian near the solution, and ends where Newton's own steps end.

The data of the tests are small, so the size from which it does so is set to 0 here.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from mldsl_plugins.linear import _softmax
from mldsl_plugins.linear import logistic_regression as logistic

from mldsl.contract import ColumnShape, Examples, Shape, as_tree


def fitted(x: np.ndarray, y: np.ndarray, l2: float, **parts: Any) -> tuple[Any, Any]:
    classes = int(y.max()) + 1
    shape = Shape(len(x), tuple(ColumnShape(f"x{j}") for j in range(x.shape[1])), classes=classes)
    weight = parts.pop("weight", np.ones(len(x)))
    examples = Examples(x.astype(float), weight, y.astype(np.int32), np.ones(x.shape[1], bool), **parts)
    with jax.enable_x64(True):
        fit = jax.jit(lambda spec, examples: logistic.fit(spec, jax.random.key(0), shape, examples))
        params, info = fit(as_tree(logistic.Spec(l2), np.float64), examples)
        return jax.tree.map(np.asarray, params), jax.tree.map(np.asarray, info)


def both(monkeypatch: pytest.MonkeyPatch, *args: Any, **parts: Any) -> tuple[Any, Any]:
    monkeypatch.setattr(_softmax, "LITTLE", 1 << 30)
    compact = fitted(*args, **parts)
    monkeypatch.setattr(_softmax, "LITTLE", 0)
    return compact, fitted(*args, **parts)


@pytest.mark.parametrize(
    ("name", "l2", "offset"),
    [
        ("breast_cancer_wdbc", 1.0, False), ("breast_cancer_wdbc", 1e-4, False), ("breast_cancer_wdbc", 1.0, True),
        ("iris", 0.1, False), ("wine", 1.0, False),
    ],
)  # fmt: skip
def test_old_hessians_lead_to_the_same_place(
    data: Any, monkeypatch: pytest.MonkeyPatch, name: str, l2: float, offset: bool
) -> None:
    x, y = data(name)
    parts: dict[str, Any] = {"weight": 1.0 + np.arange(len(y)) % 3}
    if offset:
        parts["offset"] = np.sin(np.arange(len(y)))
    (params, info), (other, also) = both(monkeypatch, x, y, l2, **parts)
    assert info.converged
    assert also.converged
    np.testing.assert_allclose(other.coefficients, params.coefficients, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(other.intercept, params.intercept, rtol=1e-6)
    assert also.log_likelihood == pytest.approx(float(info.log_likelihood), rel=1e-8)
    np.testing.assert_allclose(also.standard_error, info.standard_error, rtol=1e-6)
    falls = np.diff(also.loss_history[np.isfinite(also.loss_history)])
    assert (falls <= 1e-9 * also.loss_history[0]).all()
    assert also.iterations == np.isfinite(also.loss_history).sum() - 1


def test_separation_is_said_there_too(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data("iris")
    first_two, last_two = y < 2, y > 0
    for rows, separated in ((first_two, True), (last_two, False)):
        code = y[rows] - y[rows].min()
        (_, info), (_, also) = both(monkeypatch, x[rows], code, 0.0)
        assert info.separated == also.separated == separated


def test_collinear_columns(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data("breast_cancer_wdbc")
    x = np.concatenate([x[:, :3], x[:, :1] + x[:, 1:2], np.ones((len(x), 1))], axis=1)
    (params, _), (other, also) = both(monkeypatch, x, y, 1.0)
    assert also.converged
    np.testing.assert_allclose(other.coefficients, params.coefficients, rtol=1e-6, atol=1e-10)
    assert other.coefficients[0, -1] == 0
