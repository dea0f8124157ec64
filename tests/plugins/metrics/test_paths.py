"""The ways that small samples do not take: many rows, many classes, blocks of distances, missing labels."""

from __future__ import annotations

from importlib import import_module

import attrs
import jax
import numpy as np
import pytest
import sklearn.metrics as reference
from mldsl_plugins.metrics import _classes, _ranks, silhouette

from mldsl.contract import MetricView


def metric(name, **arguments):
    component = import_module(f"mldsl_plugins.metrics.{name}").mldsl_components()[0]
    return component, component.Spec(**arguments)


def value(name, view, **arguments):
    """On the host prepared, and wholly inside a program; both must agree."""
    component, spec = metric(name, **arguments)
    ready = attrs.evolve(view, prepared=component.prepare(spec, view))
    one = float(jax.jit(lambda v: component.metric(spec, v))(ready))
    two = float(jax.jit(lambda v: component.metric(spec, v))(view))
    assert one == pytest.approx(two, rel=1e-4, nan_ok=True)
    return one


def classified(n, classes, seed=0, digits=2, dtype=np.float32):
    random = np.random.default_rng(seed)
    target = random.integers(0, classes, n).astype(np.int32)
    raw = random.uniform(0.05, 1, (n, classes)) + 0.5 * (target[:, None] == np.arange(classes))
    probability = np.round(raw / raw.sum(axis=1, keepdims=True), digits).astype(dtype)
    return MetricView(
        weight=random.choice([0, 1, 1, 2, 0.5], n).astype(dtype), target=target, probability=probability,
        prediction=probability.argmax(axis=1).astype(np.int32), classes=classes,
    )  # fmt: skip


def test_many_rows_are_ranked_as_exactly_as_few(monkeypatch):
    view = classified(1500, 2)
    there = view.weight > 0
    known = {"y_true": view.target[there], "y_score": view.probability[there, 1], "sample_weight": view.weight[there]}
    assert _ranks._DENSE < 1500 * 1500
    assert value("roc_auc", view) == pytest.approx(reference.roc_auc_score(**known), rel=1e-5)
    assert value("average_precision", view) == pytest.approx(reference.average_precision_score(**known), rel=1e-5)
    monkeypatch.setattr(_ranks, "_DENSE", 1 << 30)
    assert value("roc_auc", view) == pytest.approx(reference.roc_auc_score(**known), rel=1e-5)


def test_several_classes_of_many_rows():
    view = classified(1500, 3)
    there = view.weight > 0
    parts = [
        reference.roc_auc_score(view.target[there] == c, view.probability[there, c], sample_weight=view.weight[there])
        for c in range(3)
    ]
    assert value("roc_auc", view) == pytest.approx(np.mean(parts), rel=1e-5)
    one = attrs.evolve(view, positive=1)
    assert value("roc_auc", one, positive="b") == pytest.approx(parts[1], rel=1e-5)


def test_margins_rank_as_probabilities_do():
    view = classified(200, 2)
    margin = np.log(view.probability + 0.01)
    two = attrs.evolve(view, probability=None, score=margin)
    one = attrs.evolve(view, probability=None, score=margin[:, 1] - margin[:, 0])
    there = view.weight > 0
    theirs = reference.roc_auc_score(
        view.target[there], (margin[:, 1] - margin[:, 0])[there], sample_weight=view.weight[there]
    )
    assert value("roc_auc", two) == pytest.approx(theirs, rel=1e-5)
    assert value("roc_auc", one) == pytest.approx(theirs, rel=1e-5)


def test_a_score_that_is_no_number_makes_the_area_no_number():
    view = classified(64, 2)
    view.probability[np.flatnonzero(view.weight > 0)[0]] = np.nan
    assert np.isnan(value("roc_auc", view))


@pytest.mark.parametrize(("name", "reference_name"), [("f1", "f1_score"), ("recall", "recall_score")])
def test_many_classes(name, reference_name):
    view = classified(400, 12)
    assert _classes._WIDE < 12 * 12
    there = view.weight > 0
    theirs = getattr(reference, reference_name)(
        view.target[there], view.prediction[there], average="macro", sample_weight=view.weight[there]
    )
    assert value(name, view) == pytest.approx(theirs, rel=1e-5)


def test_many_classes_agree_by_chance():
    view = classified(400, 12)
    there = view.weight > 0
    theirs = reference.cohen_kappa_score(
        view.target[there], view.prediction[there], weights="quadratic", sample_weight=view.weight[there]
    )
    assert value("cohen_kappa", view, weights="quadratic") == pytest.approx(theirs, rel=1e-4)


def test_specificity_of_several_classes():
    view = classified(300, 3)
    table = reference.multilabel_confusion_matrix(view.target, view.prediction, sample_weight=view.weight)
    by_class = table[:, 0, 0] / table[:, 0].sum(axis=1)
    assert value("specificity", view) == pytest.approx(by_class.mean(), rel=1e-5)
    micro = table[:, 0, 0].sum() / table[:, 0].sum()
    assert value("specificity", view, average="micro") == pytest.approx(micro, rel=1e-5)


def test_expected_cost_by_hand():
    view = classified(300, 3)
    costs = np.array([[0, 5.0, 1], [0.5, 0.1, 1], [1, 7, 0]], np.float32)
    by_hand = np.average(costs[view.target, view.prediction], weights=view.weight)
    given = {"costs": (("a", (("b", 5.0),)),)}
    assert value("expected_cost", attrs.evolve(view, costs=costs), **given) == pytest.approx(by_hand, rel=1e-5)
    wrong = 1 - reference.accuracy_score(view.target, view.prediction, sample_weight=view.weight)
    assert value("expected_cost", view, **given) == pytest.approx(wrong, rel=1e-5), "without costs, mistakes count 1"


def test_calibration_error_by_hand():
    view = MetricView(
        weight=np.array([1, 1, 2, 1, 0], np.float32), target=np.array([0, 1, 1, 1, 0], np.int32), classes=2,
        probability=np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.0, 1.0]], np.float32),
    )  # fmt: skip
    # Bins (0, 0.5] and (0.5, 1]: |(0.1 - 0) + (0.1 - 1)| and |2 (0.6 - 1) + (0.8 - 1)|, of 5 rows.
    assert value("calibration_error", view, bins=2) == pytest.approx((0.8 + 1.0) / 5)
    # The four bins hold: rows 1 and 2; none; row 3; row 4.
    assert value("calibration_error", view, bins=4) == pytest.approx((0.8 + 0.8 + 0.2) / 5)
    three = classified(200, 3)
    confident, right = three.probability.max(axis=1), three.probability.argmax(axis=1) == three.target
    bins = np.clip(np.ceil(confident * 5) - 1, 0, 4)
    gaps = [abs((three.weight * (confident - right))[bins == b].sum()) for b in range(5)]
    assert value("calibration_error", three, bins=5) == pytest.approx(sum(gaps) / three.weight.sum(), rel=1e-4)


def test_the_median_of_many_errors():
    random = np.random.default_rng(1)
    error, weight = random.normal(size=700), random.integers(0, 4, 700)
    view = MetricView(
        weight=weight.astype(np.float32), target=np.zeros(700, np.float32), prediction=error.astype(np.float32)
    )
    theirs = np.median(np.repeat(np.abs(error), weight))
    assert value("median_absolute_error", view) == pytest.approx(theirs, rel=1e-5)


def blobs(n, clusters=3):
    random = np.random.default_rng(2)
    label = random.integers(0, clusters, n).astype(np.int32)
    x = random.normal(size=(n, 4)) + 3.0 * label[:, None]
    return MetricView(weight=np.ones(n, np.float32), prediction=label, inputs=x.astype(np.float32), clusters=clusters)


def test_silhouettes_in_blocks(monkeypatch):
    view = blobs(300)
    theirs = reference.silhouette_score(view.inputs, view.prediction)
    assert value("silhouette", view) == pytest.approx(theirs, rel=1e-4)
    monkeypatch.setattr(silhouette, "_HELD", 300 * 64)
    assert value("silhouette", view) == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("name", ["silhouette", "davies_bouldin", "calinski_harabasz"])
def test_one_cluster_has_no_other(name):
    view = attrs.evolve(blobs(50), prediction=np.zeros(50, np.int32))
    assert np.isnan(value(name, view))


def test_inertia_is_measured_from_the_models_centroids():
    view = blobs(60)
    centroids = np.full((3, 4), 1.5, np.float32)
    theirs = ((view.inputs - centroids[view.prediction]) ** 2).sum()
    assert value("inertia", attrs.evolve(view, centroids=centroids)) == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("name", ["adjusted_rand", "normalized_mutual_information", "v_measure"])
def test_rows_without_a_label_are_left_out(name):
    random = np.random.default_rng(3)
    view = attrs.evolve(blobs(80), labels=random.integers(0, 2, 80).astype(np.int32), label_count=2)
    view.labels[::3] = -1
    some = np.where(view.labels >= 0, view.weight, 0).astype(np.float32)
    full = attrs.evolve(view, labels=np.maximum(view.labels, 0), weight=some)
    assert value(name, view, labels="kind") == pytest.approx(value(name, full, labels="kind"), abs=1e-6)
    none = attrs.evolve(view, labels=np.full(80, -1, np.int32))
    assert np.isnan(value(name, none, labels="kind"))


def test_large_numbers_keep_their_digits():
    """A target far from 0 with little spread: R squared needs its mean taken away first, also in float32."""
    random = np.random.default_rng(4)
    target = (1e4 + random.integers(0, 64, 500) / 32).astype(np.float32)
    prediction = (target + random.choice([-0.25, 0.25], 500)).astype(np.float32)
    view = MetricView(weight=np.ones(500, np.float32), target=target, prediction=prediction)
    theirs = reference.r2_score(target.astype(float), prediction.astype(float))
    assert value("r2", view) == pytest.approx(theirs, abs=2e-5)


def test_a_column_is_charged_for():
    view = MetricView(
        weight=np.ones(4, np.float32), target=np.arange(4, dtype=np.float32), prediction=np.arange(4) * np.float32(0.9),
        parameters=3,
    )  # fmt: skip
    assert np.isnan(value("adjusted_r2", view))
    view = attrs.evolve(view, parameters=1)
    plain = value("r2", view)
    assert value("adjusted_r2", view) == pytest.approx(1 - (1 - plain) * 3 / 2, rel=1e-5)
