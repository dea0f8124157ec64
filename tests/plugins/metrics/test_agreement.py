"""Every metric against scikit-learn, on small random samples with ties, single classes, weights and constants."""

from __future__ import annotations

import math
import warnings
from importlib import import_module

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS = 20
quick = settings(max_examples=40, deadline=None)


def spec(name, **arguments):
    return import_module(f"mldsl_plugins.metrics.{name}").mldsl_components()[0].Spec(**arguments)


def quietly(function, *args, **arguments):
    """The reference's value, NaN where it refuses; its warnings about undefined values are what we test for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(function(*args, **arguments))
        except ValueError:
            return math.nan


@st.composite
def classes_and_weights(draw, classes):
    n = draw(st.integers(1, ROWS))
    code = st.integers(0, classes - 1)
    rows = st.lists(code, min_size=n, max_size=n)
    weight = draw(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.25]), min_size=n, max_size=n))
    # Few distinct values, so that scores tie often.
    raw = draw(st.lists(st.sampled_from([1, 2, 3, 5]), min_size=n * classes, max_size=n * classes))
    probability = np.asarray(raw, float).reshape(n, classes)
    return np.asarray(draw(rows)), np.asarray(draw(rows)), np.asarray(weight), probability / probability.sum(1)[:, None]


def close(ours, theirs, tolerance=1e-9):
    assert (math.isnan(ours) and math.isnan(theirs)) or ours == pytest.approx(theirs, rel=tolerance, abs=tolerance), (
        ours,
        theirs,
    )


BINARY = {
    "precision": lambda t, p, w: quietly(reference.precision_score, t, p, sample_weight=w),
    "recall": lambda t, p, w: quietly(reference.recall_score, t, p, sample_weight=w),
    "sensitivity": lambda t, p, w: quietly(reference.recall_score, t, p, sample_weight=w),
    "specificity": lambda t, p, w: quietly(reference.recall_score, t, p, sample_weight=w, pos_label=0),
    "f1": lambda t, p, w: quietly(reference.f1_score, t, p, sample_weight=w),
    "accuracy": lambda t, p, w: quietly(reference.accuracy_score, t, p, sample_weight=w),
    "balanced_accuracy": lambda t, p, w: quietly(reference.balanced_accuracy_score, t, p, sample_weight=w),
    "matthews": lambda t, p, w: quietly(reference.matthews_corrcoef, t, p, sample_weight=w),
    "cohen_kappa": lambda t, p, w: quietly(reference.cohen_kappa_score, t, p, sample_weight=w),
}


@pytest.mark.parametrize("name", sorted(BINARY))
@given(sample=classes_and_weights(2))
@quick
def test_two_classes(views, name, sample):
    target, prediction, weight, _ = sample
    ours = views.evaluate(name, spec(name), views.classification(target, prediction, weight))
    close(ours, BINARY[name](target, prediction, weight))


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@given(sample=classes_and_weights(3))
@quick
def test_averages_over_classes(views, name, average, sample):
    target, prediction, weight, _ = sample
    ours = views.evaluate(
        name, spec(name, average=average), views.classification(target, prediction, weight, classes=3)
    )
    theirs = getattr(reference, f"{name}_score")
    close(ours, quietly(theirs, target, prediction, sample_weight=weight, average=average))
    if average == "macro":
        default = views.evaluate(name, spec(name), views.classification(target, prediction, weight, classes=3))
        assert default == ours


@given(sample=classes_and_weights(3), beta=st.sampled_from([0.5, 2.0]))
@quick
def test_f_beta_of_a_class(views, sample, beta):
    target, prediction, weight, _ = sample
    view = views.classification(target, prediction, weight, classes=3, positive=2)
    theirs = quietly(reference.fbeta_score, target == 2, prediction == 2, beta=beta, sample_weight=weight)
    close(views.evaluate("f_beta", spec("f_beta", beta=beta, positive="c"), view), theirs)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@given(sample=classes_and_weights(4))
@quick
def test_kappa_of_ordered_classes(views, weights, sample):
    target, prediction, weight, _ = sample
    view = views.classification(target, prediction, weight, classes=4)
    theirs = quietly(
        reference.cohen_kappa_score, target, prediction, labels=range(4), sample_weight=weight,
        weights=None if weights == "none" else weights,
    )  # fmt: skip
    close(views.evaluate("cohen_kappa", spec("cohen_kappa", weights=weights), view), theirs)


@given(sample=classes_and_weights(3))
@quick
def test_matthews_and_balanced_accuracy_of_several_classes(views, sample):
    target, prediction, weight, _ = sample
    view = views.classification(target, prediction, weight, classes=3)
    for name, theirs in (
        ("matthews", reference.matthews_corrcoef),
        ("balanced_accuracy", reference.balanced_accuracy_score),
    ):
        close(views.evaluate(name, spec(name), view), quietly(theirs, target, prediction, sample_weight=weight))


@given(sample=classes_and_weights(2))
@quick
def test_probabilities_of_two_classes(views, sample):
    target, prediction, weight, p = sample
    view = views.classification(target, prediction, weight, p)
    auc = quietly(reference.roc_auc_score, target, p[:, 1], sample_weight=weight)
    close(views.evaluate("roc_auc", spec("roc_auc"), view), auc)
    precision = quietly(reference.average_precision_score, target, p[:, 1], sample_weight=weight)
    close(views.evaluate("average_precision", spec("average_precision"), view), precision if target.any() else math.nan)
    close(
        views.evaluate("log_loss", spec("log_loss"), view),
        reference.log_loss(target, p, sample_weight=weight, labels=[0, 1]),
    )
    brier = quietly(reference.brier_score_loss, target, p[:, 1], sample_weight=weight, pos_label=1)
    close(views.evaluate("brier", spec("brier"), view), brier)


@given(sample=classes_and_weights(3))
@quick
def test_probabilities_of_several_classes(views, sample):
    target, prediction, weight, p = sample
    view = views.classification(target, prediction, weight, p, classes=3)
    one_hot = np.eye(3)[target]
    for average in ("macro", "weighted"):
        parts = [
            (
                quietly(reference.roc_auc_score, one_hot[:, c], p[:, c], sample_weight=weight),
                (weight * one_hot[:, c]).sum(),
            )
            for c in range(3)
        ]
        parts = [(auc, 1 if average == "macro" else mass) for auc, mass in parts if not math.isnan(auc)]
        theirs = sum(a * m for a, m in parts) / sum(m for _, m in parts) if parts else math.nan
        close(views.evaluate("roc_auc", spec("roc_auc", average=average), view), theirs)
    for name, theirs in (
        ("roc_auc", reference.roc_auc_score),
        ("average_precision", reference.average_precision_score),
    ):
        micro = quietly(theirs, one_hot.ravel(), p.ravel(), sample_weight=np.repeat(weight, 3))
        close(views.evaluate(name, spec(name, average="micro"), view), micro)
    close(
        views.evaluate("log_loss", spec("log_loss"), view),
        reference.log_loss(target, p, sample_weight=weight, labels=[0, 1, 2]),
    )
    brier = quietly(reference.brier_score_loss, target, p, sample_weight=weight, labels=[0, 1, 2])
    close(views.evaluate("brier", spec("brier"), view), brier)
    for k in (1, 2):
        theirs = quietly(reference.top_k_accuracy_score, target, p, k=k, sample_weight=weight, labels=[0, 1, 2])
        close(views.evaluate("top_k_accuracy", spec("top_k_accuracy", k=k), view), theirs)


def test_a_certain_mistake_costs_as_much_as_in_the_reference(views):
    view = views.classification([1, 0], [0, 0], probability=np.array([[1.0, 0.0], [1.0, 0.0]]))
    theirs = reference.log_loss([1, 0], [[1.0, 0.0], [1.0, 0.0]])
    close(views.evaluate("log_loss", spec("log_loss"), view), theirs)


@st.composite
def numbers(draw):
    n = draw(st.integers(1, ROWS))
    value = st.one_of(
        st.sampled_from([0.1, 1.0, -2.0]), st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda x: round(x, 6))
    )
    column = st.lists(value, min_size=n, max_size=n)
    weight = draw(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=n, max_size=n))
    target = np.asarray(draw(column))
    if draw(st.booleans()):
        target[:] = target[0]
    prediction = target + 0.5 if draw(st.booleans()) else np.asarray(draw(column))
    return target, prediction, np.asarray(weight)


def exact_r2(target, prediction, weight):
    """The reference's rules, on a mean without rounding: its own calls a constant 0.1 not constant."""
    if (target == target[0]).all():
        return 1.0 if (target == prediction).all() else 0.0
    return reference.r2_score(target, prediction, sample_weight=weight)


REGRESSION = {
    "mae": reference.mean_absolute_error,
    "mse": reference.mean_squared_error,
    "rmse": reference.root_mean_squared_error,
    "mape": reference.mean_absolute_percentage_error,
    "r2": lambda t, p, sample_weight: exact_r2(t, p, sample_weight),
}


@pytest.mark.parametrize("name", sorted(REGRESSION))
@given(sample=numbers())
@quick
def test_numbers(views, name, sample):
    target, prediction, weight = sample
    ours = views.evaluate(name, spec(name), views.regression(target, prediction, weight))
    close(ours, quietly(REGRESSION[name], target, prediction, sample_weight=weight), 1e-8)


@given(sample=numbers())
@quick
def test_numbers_that_weights_repeat(views, sample):
    target, prediction, weight = sample
    view = views.regression(target, prediction, weight, parameters=2)
    again = np.repeat(np.arange(len(target)), weight.astype(int))
    close(
        views.evaluate("median_absolute_error", spec("median_absolute_error"), view),
        reference.median_absolute_error(target[again], prediction[again]),
    )
    close(views.evaluate("max_error", spec("max_error"), view), reference.max_error(target, prediction))
    n = weight.sum()
    adjusted = 1 - (1 - exact_r2(target, prediction, weight)) * (n - 1) / (n - 3) if n > 3 else math.nan
    close(views.evaluate("adjusted_r2", spec("adjusted_r2"), view), adjusted, 1e-8)


@given(sample=numbers())
@quick
def test_explained_variance(views, sample):
    target, prediction, weight = sample
    error = prediction - target
    if (target == target[0]).all():
        theirs = 1.0 if (error == error[0]).all() else 0.0
    else:
        theirs = reference.explained_variance_score(target, prediction, sample_weight=weight)
    close(views.evaluate("explained_variance", spec("explained_variance"), views.regression(*sample)), theirs, 1e-8)


@st.composite
def points(draw):
    n = draw(st.integers(2, ROWS))
    x = draw(st.lists(st.integers(-5, 5), min_size=2 * n, max_size=2 * n))
    code = st.lists(st.integers(0, 2), min_size=n, max_size=n)
    weight = np.asarray(draw(st.lists(st.sampled_from([1, 2]), min_size=n, max_size=n)))
    return np.asarray(x, float).reshape(n, 2) + 100, np.asarray(draw(code)), weight, np.asarray(draw(code))


GEOMETRY = {
    "silhouette": reference.silhouette_score,
    "davies_bouldin": reference.davies_bouldin_score,
    "calinski_harabasz": reference.calinski_harabasz_score,
}


@pytest.mark.parametrize("name", sorted(GEOMETRY))
@given(sample=points())
@quick
def test_clusters(views, name, sample):
    x, label, weight, _ = sample
    again = np.repeat(np.arange(len(x)), weight)
    theirs = quietly(GEOMETRY[name], x[again], label[again])
    ours = views.evaluate(name, spec(name), views.clustering(x, label, weight))
    if math.isnan(theirs) and len(np.unique(label)) > 1:
        # As many clusters as rows: the reference refuses; here each row alone counts 0, and one row each has no spread.
        assert ours == 0 or (name == "calinski_harabasz" and math.isnan(ours))
    else:
        close(ours, theirs, 1e-6)


@given(sample=points())
@quick
def test_inertia(views, sample):
    x, label, weight, _ = sample
    theirs = sum(
        (
            weight[label == c, None]
            * (x[label == c] - np.average(x[label == c], axis=0, weights=weight[label == c])) ** 2
        ).sum()
        for c in np.unique(label)
    )
    close(views.evaluate("inertia", spec("inertia"), views.clustering(x, label, weight)), theirs, 1e-8)


@given(sample=points())
@quick
def test_clusters_and_labels(views, sample):
    x, label, weight, labels = sample
    again = np.repeat(np.arange(len(x)), weight)
    known, found = labels[again], label[again]
    view = views.clustering(x, label, weight, labels=labels)
    column = {"labels": "kind"}
    close(
        views.evaluate("adjusted_rand", spec("adjusted_rand", **column), view),
        reference.adjusted_rand_score(known, found),
    )
    for name, mean in (
        ("arithmetic", "arithmetic"),
        ("geometric", "geometric"),
        ("minimum", "min"),
        ("maximum", "max"),
    ):
        ours = views.evaluate(
            "normalized_mutual_information", spec("normalized_mutual_information", average=name, **column), view
        )
        close(ours, reference.normalized_mutual_info_score(known, found, average_method=mean), 1e-7)
    for beta in (1.0, 0.5):
        ours = views.evaluate("v_measure", spec("v_measure", beta=beta, **column), view)
        close(ours, reference.v_measure_score(known, found, beta=beta), 1e-7)
