"""Nonlinear regression: NIST's certified values from the harder starts, SciPy's on the same rows, and the edges."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mldsl_plugins.linear import nonlinear_regression as nonlinear

from mldsl.contract import ColumnShape, Shape

NIST = Path("../shared/golden/nist")
CURVES = {
    "Misra1a": "y ~ b1 * (1 - exp(-b2 * x))",
    "Chwirut2": "y ~ exp(-b1 * x) / (b2 + b3 * x)",
    "MGH09": "y ~ b1 * (x ^ 2 + x * b2) / (x ^ 2 + x * b3 + b4)",
    "Hahn1": "y ~ (b1 + b2 * x + b3 * x ^ 2 + b4 * x ^ 3) / (1 + b5 * x + b6 * x ^ 2 + b7 * x ^ 3)",
    "Thurber": "y ~ (b1 + b2 * x + b3 * x ^ 2 + b4 * x ^ 3) / (1 + b5 * x + b6 * x ^ 2 + b7 * x ^ 3)",
}


@cache
def certified(name):
    """Rows (y, x); by parameter both starts, the value and its standard deviation; residual sum of squares, s."""
    path = NIST / f"{name}.dat"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    text = path.read_text()
    numbers = [list(map(float, line.split()[2:])) for line in re.findall(r"^ *b\d+ = .*$", text, flags=re.M)]
    rss = float(re.search(r"Residual Sum of Squares: *(\S+)", text)[1])
    deviation = float(re.search(r"Residual Standard Deviation: *(\S+)", text)[1])
    rows = text[text.rindex("Data:") :].splitlines()[1:]
    return (
        np.asarray([list(map(float, line.split())) for line in rows if line.strip()]),
        np.asarray(numbers),
        rss,
        deviation,
    )


def fitted(run, formula, start, x, y, columns=("x",), **more):
    keys = ("bounds", "weights", "max_iter")
    spec = nonlinear.Spec(formula, tuple(start.items()), **{k: more.pop(k) for k in keys if k in more})
    return run("nonlinear_regression", spec, x, y, columns=tuple(ColumnShape(c) for c in columns), **more)


@pytest.mark.parametrize("way", ["first start", "second start"])
@pytest.mark.parametrize("name", CURVES)
def test_certified_values(run, agreement, name, way):
    rows, numbers, rss, deviation = certified(name)
    begin = numbers[:, 0 if way == "first start" else 1]
    start = {f"b{i + 1}": float(value) for i, value in enumerate(begin)}
    ours = fitted(run, CURVES[name], start, rows[:, 1:], rows[:, 0], pad=3)
    assert ours.info.converged
    for quantity, found, expected in (
        ("parameters", ours.params.coefficients[0], numbers[:, 2]),
        ("standard errors", ours.info.standard_error[0], numbers[:, 3]),
        ("residual sum of squares", ours.info.residual_sum_of_squares, rss),
        ("residual deviation", ours.info.residual_deviation, deviation),
    ):
        agreement(
            "model.nonlinear_regression", f"{quantity} from the {way}", found, expected, reference="NIST StRD",
            data=name, digits=6,
        )  # fmt: skip


# ---- SciPy -----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def decay():
    """90 rows of a + b exp(-c x) with noise, and weights from 0 to 3."""
    random = np.random.default_rng(6)
    x = random.uniform(0, 8, 90)
    return x[:, None], 2 + 5 * np.exp(-0.7 * x) + 0.2 * random.normal(size=90), random.integers(0, 4, 90).astype(float)


DECAY = "y ~ a + b * exp(-c * x)"
START = {"a": 1.0, "b": 1.0, "c": 1.0}


def model(x, a, b, c):
    return a + b * np.exp(-c * x)


@pytest.mark.parametrize("weights", ["frequency", "precision"])
def test_weights_are_curve_fits(run, agreement, decay, weights):
    from scipy.optimize import curve_fit

    x, y, weight = decay
    ours = fitted(run, DECAY, START, x, y, weight=weight, weights=weights, pad=6)
    if weights == "frequency":
        again = np.repeat(np.arange(90), weight.astype(int))
        theirs, covariance = curve_fit(model, x[again, 0], y[again], p0=[1, 1, 1], xtol=1e-14, ftol=1e-14)
    else:
        there = weight > 0
        theirs, covariance = curve_fit(
            model, x[there, 0], y[there], p0=[1, 1, 1], sigma=1 / np.sqrt(weight[there]), xtol=1e-14, ftol=1e-14
        )
    for quantity, found, expected in (
        ("parameters", ours.params.coefficients[0], theirs),
        ("standard errors", ours.info.standard_error[0], np.sqrt(np.diag(covariance))),
    ):
        agreement(
            "model.nonlinear_regression", f"{quantity}, weights = {weights}", found, expected, reference="scipy",
            data="made", relative=1e-5,
        )  # fmt: skip


def test_intervals_by_the_delta_method(run, decay):
    from scipy.stats import t

    x, y, _ = decay
    ours = fitted(run, DECAY, START, x, y, pad=6)
    a, b, c = ours.params.coefficients[0]
    gradient = np.c_[np.ones(90), np.exp(-c * x[:, 0]), -b * x[:, 0] * np.exp(-c * x[:, 0])]
    s2 = ours.info.residual_sum_of_squares / 87
    spread = np.einsum("ij,jk,ik->i", gradient, np.linalg.inv(gradient.T @ gradient), gradient)
    half = t.ppf(0.975, 87) * np.sqrt(s2 * (1 + spread))
    answer = ours.predict(x)
    np.testing.assert_allclose(answer.mean, model(x[:, 0], a, b, c), rtol=1e-12)
    np.testing.assert_allclose(answer.interval, np.c_[answer.mean - half, answer.mean + half], rtol=1e-7)


def test_bounds_are_curve_fits(run, decay):
    from scipy.optimize import curve_fit

    x, y, _ = decay
    ours = fitted(run, DECAY, START, x, y, bounds=(("b", (0.0, 4.0)),), pad=6)
    theirs, _ = curve_fit(model, x[:, 0], y, p0=[1, 1, 1], bounds=([-np.inf, 0, -np.inf], [np.inf, 4, np.inf]),
                          xtol=1e-14, ftol=1e-14, gtol=1e-14)  # fmt: skip
    np.testing.assert_allclose(ours.params.coefficients[0], theirs, rtol=1e-5)
    assert ours.params.coefficients[0, 1] == 4
    assert ours.info.bounded.tolist() == [False, True, False]
    assert np.isnan(ours.info.standard_error[0, 1])
    assert any("`b` ended at a bound" in str(text) for text in said(ours))


# ---- edges -----------------------------------------------------------------------------------------------------------
def said(ours):
    return list(nonlinear.remarks(ours.spec, ours.info, ours.shape))


def test_a_curve_of_blocks_of_rows(run, decay, monkeypatch):
    x, y, weight = decay
    whole = fitted(run, DECAY, START, x, y, weight=weight, pad=6)
    monkeypatch.setattr(nonlinear, "ROWS", 16)
    blocks = fitted(run, DECAY, START, x, y, weight=weight, pad=7)
    np.testing.assert_allclose(blocks.params.coefficients, whole.params.coefficients, rtol=1e-9)
    np.testing.assert_allclose(blocks.info.standard_error, whole.info.standard_error, rtol=1e-7)


def test_parameters_that_are_not_told_apart_are_named(run, decay):
    x, y, _ = decay
    ours = fitted(run, "y ~ a + b * k * exp(-c * x)", {**START, "k": 1.0}, x, y, pad=6)
    once = fitted(run, DECAY, START, x, y, pad=6)
    np.testing.assert_allclose(ours.predict(x).mean, once.predict(x).mean, rtol=1e-6)
    assert any("`b` and `k` are not determined by the rows" in str(text) for text in said(ours))
    assert np.isnan(ours.info.standard_error).all()


def test_an_exact_curve(run):
    x = np.arange(1.0, 12.0)[:, None]
    ours = fitted(run, "y ~ b1 * x ^ b2", {"b1": 1.0, "b2": 1.0}, x, 3 * x[:, 0] ** 1.5)
    np.testing.assert_allclose(ours.params.coefficients[0], [3, 1.5], rtol=1e-9)
    assert ours.info.converged


def test_a_start_without_a_value_is_refused(run, decay):
    x, y, _ = decay
    ours = fitted(run, "y ~ log(a - x) * b", {"a": 2.0, "b": 1.0}, x, y, pad=6)
    (problem,) = said(ours)
    assert problem.parameter == "start"
    assert f"found {int((x[:, 0] >= 2).sum())} rows without" in problem.message


def test_not_converging_is_said(run, decay):
    x, y, _ = decay
    ours = fitted(run, DECAY, {"a": 1.0, "b": 1.0, "c": 50.0}, x, y, max_iter=2, pad=6)
    assert not ours.info.converged
    assert any("from orthogonal" in str(text) for text in said(ours))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (nonlinear.Spec("y ~ a * x", (("a", 1.0), ("q", 1.0))), "found `q`"),
        (nonlinear.Spec("y ~ a * x", (("a", 1.0),), bounds=(("a", (2.0, 3.0)),)), "expected `a` within 2..3, found 1"),
        (nonlinear.Spec("y ~ a * z", (("a", 1.0),)), "expected the columns x, found z"),
    ],
)
def test_what_does_not_fit(spec, words):
    (problem,) = nonlinear.check(spec, Shape(10, (ColumnShape("x"),)))
    assert words in problem.message
