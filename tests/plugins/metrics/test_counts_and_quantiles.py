"""`pinball`, `huber`, `rmsle`, `poisson_deviance` and `mcfadden_r2` against scikit-learn, SciPy and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from mldsl.contract import MetricView

quick = settings(max_examples=40, deadline=None)


@st.composite
def numbers(draw, low=-1e3, least=0.0):
    """Targets from `low`, predictions from `low` + `least`, weights: few values, so that some are equal."""
    n = draw(st.integers(1, 20))
    own = st.one_of(st.sampled_from([max(low, 0.0), 1.0, 2.0]), st.floats(low, 1e3).map(lambda x: round(x, 6)))
    said = st.one_of(st.sampled_from([1.0, 2.0]), st.floats(low + least, 1e3))
    target = draw(st.lists(own, min_size=n, max_size=n))
    weight = draw(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.25]), min_size=n, max_size=n))
    return np.asarray(target), np.asarray(draw(st.lists(said, min_size=n, max_size=n))), np.asarray(weight)


def found(views, name, view, **arguments):
    spec = views.component(name).Spec(**arguments)
    once, inside = views.evaluate(name, spec, view), views.evaluate(name, spec, view, on_host=False)
    assert once == pytest.approx(inside, rel=1e-12, nan_ok=True)
    return once


@pytest.mark.parametrize("q", [0.1, 0.5, 0.95])
@given(sample=numbers())
@quick
def test_pinball(views, q, sample):
    target, prediction, weight = sample
    theirs = reference.mean_pinball_loss(target, prediction, sample_weight=weight, alpha=q)
    assert found(views, "pinball", views.regression(*sample), q=q) == pytest.approx(theirs, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("delta", [0.5, 20.0])
@given(sample=numbers())
@quick
def test_huber(views, delta, sample):
    target, prediction, weight = sample
    theirs = np.average(scipy.special.huber(delta, target - prediction), weights=weight)
    assert found(views, "huber", views.regression(*sample), delta=delta) == pytest.approx(theirs, rel=1e-9, abs=1e-9)


@given(sample=numbers(low=0.0))
@quick
def test_rmsle(views, sample):
    target, prediction, weight = sample
    theirs = reference.root_mean_squared_log_error(target, prediction, sample_weight=weight)
    assert found(views, "rmsle", views.regression(*sample)) == pytest.approx(theirs, rel=1e-9, abs=1e-9)


@given(sample=numbers(low=0.0, least=1e-3))
@quick
def test_poisson_deviance(views, sample):
    target, prediction, weight = sample
    theirs = reference.mean_poisson_deviance(target, prediction, sample_weight=weight)
    assert found(views, "poisson_deviance", views.regression(*sample)) == pytest.approx(theirs, rel=1e-9, abs=1e-9)


def test_impossible_predictions_cost_much_but_not_infinity(views):
    epsilon = np.finfo(float).eps
    view = views.regression([2.0, 0.0], [0.0, -3.0])
    assert found(views, "poisson_deviance", view) == pytest.approx(2 * math.log(2 / epsilon) - 2, rel=1e-9)
    view = views.regression([1.0], [-5.0])
    assert found(views, "rmsle", view) == pytest.approx(math.log(2) - math.log(epsilon), rel=1e-9)


@pytest.mark.parametrize(("name", "low"), [("poisson_deviance", -1.0), ("rmsle", -1.5)])
def test_targets_that_a_metric_is_not_defined_for_are_said(views, name, low):
    component = views.component(name)
    view = MetricView(weight=np.ones(2), target=np.array([3.0, low]))
    (problem,) = component.check(component.Spec(), view)
    assert problem.parameter == "target"
    assert f"found {low:g}" in problem.message
    absent = MetricView(weight=np.array([1.0, 0.0]), target=view.target)
    assert not list(component.check(component.Spec(), absent))
    assert math.isnan(found(views, name, views.regression([3.0, low], [1.0, 1.0])))


# ---- McFadden's R2 ---------------------------------------------------------------------------------------------------
@st.composite
def probabilities(draw, classes):
    n = draw(st.integers(2, 20))
    target = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    weight = draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=n, max_size=n))
    raw = np.asarray(draw(st.lists(st.sampled_from([0, 1, 2, 5]), min_size=n * classes, max_size=n * classes)), float)
    raw = raw.reshape(n, classes) + 1e-3
    return np.asarray(target), raw / raw.sum(axis=1, keepdims=True), np.asarray(weight)


@pytest.mark.parametrize("classes", [2, 3])
@given(sample=probabilities(3))
@quick
def test_mcfadden_is_one_less_the_ratio_of_log_losses(views, classes, sample):
    target, p, weight = sample
    target, p = np.minimum(target, classes - 1), p[:, :classes] / p[:, :classes].sum(axis=1, keepdims=True)
    share = np.bincount(target, weight, classes) / weight.sum()
    ours = found(views, "mcfadden_r2", views.classification(target, target, weight, p, classes))
    if (share > 0).sum() == 1:
        assert ours == 0
        return
    losses = [
        reference.log_loss(target, given, sample_weight=weight, labels=list(range(classes)))
        for given in (p, np.broadcast_to(np.maximum(share, 1e-300) / share.sum(), p.shape))
    ]
    assert ours == pytest.approx(1 - losses[0] / losses[1], rel=1e-9, abs=1e-9)


def test_mcfadden_of_a_fitted_model_is_statsmodels(views):
    import statsmodels.api as sm

    random = np.random.default_rng(3)
    x = sm.add_constant(random.normal(size=(30, 2)))
    y = (random.uniform(size=30) < 1 / (1 + np.exp(-x @ [0.3, 1.0, -0.5]))).astype(int)
    fitted = sm.Logit(y, x).fit(disp=0)
    p = fitted.predict(x)
    view = views.classification(y, y, None, np.c_[1 - p, p])
    assert found(views, "mcfadden_r2", view) == pytest.approx(fitted.prsquared, rel=1e-9)


def test_mcfadden_of_one_class(views):
    certain = views.classification([1, 1], [1, 1], None, np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert found(views, "mcfadden_r2", certain) == 1
    assert math.isnan(found(views, "mcfadden_r2", views.classification([], [])))


# ---- on real data ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def bikes():
    """Counts of bicycles hired, and the mean count at that temperature."""
    import polars as pl

    frame = pl.read_csv("examples/data/bike_sharing.csv")
    said = frame.select(pl.col("count").mean().over("temp")).to_series()
    return frame["count"].to_numpy().astype(float), said.to_numpy()


@pytest.mark.parametrize(
    ("name", "arguments", "reference_of", "library"),
    [
        ("pinball", {"q": 0.9}, lambda t, p: reference.mean_pinball_loss(t, p, alpha=0.9), "scikit-learn"),
        ("huber", {"delta": 50.0}, lambda t, p: scipy.special.huber(50.0, t - p).mean(), "scipy"),
        ("rmsle", {}, reference.root_mean_squared_log_error, "scikit-learn"),
        ("poisson_deviance", {}, reference.mean_poisson_deviance, "scikit-learn"),
    ],
)
def test_on_bicycles(views, bikes, agreement, name, arguments, reference_of, library):
    target, prediction = bikes
    view = MetricView(weight=np.ones(len(target)), target=target, prediction=prediction)
    ours = views.evaluate(name, views.component(name).Spec(**arguments), view)
    agreement(
        f"metric.{name}", "value", ours, reference_of(target, prediction), reference=library, data="bike_sharing",
        relative=1e-9,
    )  # fmt: skip
