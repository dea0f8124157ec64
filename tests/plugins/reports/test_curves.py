"""precision_recall_curve, threshold_curve, calibration_curve, lift_curve: scikit-learn's numbers, weights, ties."""

import attrs
import numpy as np
import pytest
from mldsl_plugins.reports import calibration_curve, lift_curve, precision_recall_curve, threshold_curve
from mldsl_plugins.reports._curves import precision_recall
from mldsl_plugins.reports._statistics import wilson
from sklearn import calibration, metrics

from mldsl.contract import reliability
from mldsl.plugin import NoSpec

CURVES = [
    (precision_recall_curve, NoSpec()), (lift_curve, NoSpec()), (calibration_curve, calibration_curve.Spec()),
]  # fmt: skip


def by_model(cells, name):
    """The rows of one model."""
    kept = [i for i, model in enumerate(cells["model"]) if model == name]
    return {column: [values[i] for i in kept] for column, values in cells.items()}


@pytest.fixture
def without_positives(build):
    held = build.part(target=np.zeros(4, int), prediction=np.zeros(4, int), probability=np.full((4, 2), 0.5))
    return build.view("classification", [build.model("m", held)], ["a", "b"])


# ---- precision and recall --------------------------------------------------------------------------------------------
def test_precision_and_recall_agree(two_classes, build) -> None:
    output = precision_recall_curve.compute(NoSpec(), two_classes)
    found = build.cells(output)
    for model, average, base in zip(two_classes.models, found["average precision"], found["base rate"], strict=True):
        part, score = model.held_out, model.held_out.probability[:, 1]
        theirs = metrics.precision_recall_curve(part.target, score, sample_weight=part.weight)
        for ours, other in zip(precision_recall(part.target == 1, score, part.weight), theirs, strict=True):
            assert ours[::-1] == pytest.approx(other[: len(ours)])
        assert average == pytest.approx(metrics.average_precision_score(part.target, score, sample_weight=part.weight))
        assert base == pytest.approx(np.average(part.target, weights=part.weight))


def test_the_threshold_of_the_table_has_the_largest_f1(two_classes, build) -> None:
    found = build.cells(precision_recall_curve.compute(NoSpec(), two_classes))
    for i, model in enumerate(two_classes.models):
        part, score = model.held_out, model.held_out.probability[:, 1]
        f1 = {t: metrics.f1_score(part.target, score >= t, sample_weight=part.weight) for t in np.unique(score)}
        assert f1[found["threshold"][i]] == pytest.approx(max(f1.values()))
        said = score >= found["threshold"][i]
        assert found["precision"][i] == pytest.approx(
            metrics.precision_score(part.target, said, sample_weight=part.weight)
        )
        assert found["recall"][i] == pytest.approx(metrics.recall_score(part.target, said, sample_weight=part.weight))


def test_legends_say_the_average_precision_and_the_base_rate(two_classes, three_classes) -> None:
    (panel,) = precision_recall_curve.compute(NoSpec(), two_classes).figures[0].panels
    names = [series.name for series in panel.series]
    assert names[0].startswith("base rate (0.")
    assert [name.split(" (")[0] for name in names[1:]] == ["all", "one"]
    (panel,) = precision_recall_curve.compute(NoSpec(), three_classes).figures[0].panels
    assert [series.name.split(" (")[0] for series in panel.series] == list(three_classes.levels)


def test_the_line_encloses_the_average_precision(two_classes, build) -> None:
    output = precision_recall_curve.compute(NoSpec(), two_classes)
    for series, average in zip(
        output.figures[0].panels[0].series[1:], build.cells(output)["average precision"], strict=True
    ):
        x, y = np.asarray(series.x), np.asarray(series.y)
        assert series.mark == "step"
        assert np.sum(-np.diff(x) * y[:-1]) == pytest.approx(average), "a step holds its value up to the next"


# ---- thresholds ------------------------------------------------------------------------------------------------------
MEASURES = {
    "precision": lambda y, s, w: metrics.precision_score(y, s, sample_weight=w),
    "recall": lambda y, s, w: metrics.recall_score(y, s, sample_weight=w),
    "specificity": lambda y, s, w: metrics.recall_score(y, s, sample_weight=w, pos_label=0),
    "f1": lambda y, s, w: metrics.f1_score(y, s, sample_weight=w),
    "accuracy": lambda y, s, w: metrics.accuracy_score(y, s, sample_weight=w),
    "balanced_accuracy": lambda y, s, w: metrics.balanced_accuracy_score(y, s, sample_weight=w),
    "matthews": lambda y, s, w: metrics.matthews_corrcoef(y, s, sample_weight=w),
    "predicted": lambda y, s, w: np.average(s, weights=w),
}


def test_every_measure_agrees_at_every_threshold(two_classes, build) -> None:
    spec = threshold_curve.Spec(tuple(MEASURES), (("malignant", (("benign", 7.0),)), ("benign", (("benign", 0.5),))))
    output = threshold_curve.compute(spec, two_classes)
    points = build.cells(output, 1)
    for model in two_classes.models:
        part, score = model.held_out, model.held_out.probability[:, 1]
        rows = by_model(points, model.name)
        for i in range(0, len(rows["threshold"]), 9):
            said = (score >= rows["threshold"][i]).astype(int)
            for name, theirs in MEASURES.items():
                assert rows[name][i] == pytest.approx(theirs(part.target, said, part.weight)), name
            table = np.array([[0, 7.0], [1, 0.5]])
            assert rows["expected cost"][i] == pytest.approx(np.average(table[part.target, said], weights=part.weight))
    assert [figure.name for figure in output.figures] == ["", "cost"]


def test_the_threshold_of_the_model_is_marked_and_comes_first(two_classes, build) -> None:
    models = (attrs.evolve(two_classes.models[0], threshold=0.37), two_classes.models[1])
    output = threshold_curve.compute(threshold_curve.Spec(), attrs.evolve(two_classes, models=models))
    found = build.cells(output)
    assert found["which"] == ["of the model", "0.5", "best f1", "0.5", "best f1"]
    assert found["threshold"][0] == 0.37
    part = models[0].held_out
    said = part.probability[:, 1] >= 0.37
    assert found["recall"][0] == pytest.approx(metrics.recall_score(part.target, said, sample_weight=part.weight))
    first, second = output.figures[0].panels
    assert (first.title, first.series[0].name, list(first.series[0].x)) == ("all", "threshold 0.37", [0.37, 0.37])
    assert [series.name for series in second.series] == ["precision", "recall", "f1"]


def test_a_threshold_above_every_score_has_no_row(build) -> None:
    held = build.part(
        target=np.array([0, 1]), prediction=np.zeros(2, int), probability=np.array([[0.9, 0.1], [0.8, 0.2]])
    )
    output = threshold_curve.compute(
        threshold_curve.Spec(), build.view("classification", [build.model("m", held)], ["a", "b"])
    )
    assert build.cells(output)["which"] == ["best f1"]
    assert build.cells(output)["threshold"] == [0.2]


def test_several_classes_have_no_one_threshold(three_classes) -> None:
    output = threshold_curve.compute(threshold_curve.Spec(), three_classes)
    assert not output.tables
    assert "has 3" in output.notes[0]


# ---- calibration -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("by", ["width", "rows"])
def test_bins_agree(by, two_classes, build) -> None:
    models = tuple(
        attrs.evolve(m, held_out=attrs.evolve(m.held_out, weight=np.ones(len(m.held_out.target))))
        for m in two_classes.models
    )
    view = attrs.evolve(two_classes, models=models)
    output = calibration_curve.compute(calibration_curve.Spec(8, by), view)
    bins = build.cells(output, 1)
    strategy = "uniform" if by == "width" else "quantile"
    for model in models:
        part = model.held_out
        share, said = calibration.calibration_curve(part.target, part.probability[:, 1], n_bins=8, strategy=strategy)
        rows = by_model(bins, model.name)
        assert rows["mean probability"] == pytest.approx(said)
        assert rows["share of the class"] == pytest.approx(share)
        assert sum(rows["rows"]) == len(part.target)
        for low, middle, high in zip(rows["low"], rows["share of the class"], rows["high"], strict=True):
            assert -1e-12 <= low <= middle + 1e-12 <= high + 2e-12 <= 1 + 3e-12


def test_intervals_are_wilsons() -> None:
    from statsmodels.stats.proportion import proportion_confint

    count, rows = np.array([0, 3, 10, 40.0]), np.array([10, 10, 10, 200.0])
    theirs = proportion_confint(count, rows, method="wilson")
    for ours, other in zip(wilson(count / rows, rows), theirs, strict=True):
        assert ours == pytest.approx(other, abs=1e-12)


def test_weights_are_repetitions(two_classes, build) -> None:
    def heavier(model):
        part = model.held_out
        index = np.repeat(np.arange(len(part.target)), part.weight.astype(int))
        repeated = {n: getattr(part, n)[index] for n in ("target", "prediction", "probability", "row")}
        return attrs.evolve(model, held_out=attrs.evolve(part, weight=np.ones(len(index)), **repeated))

    twice = attrs.evolve(two_classes, models=tuple(map(heavier, two_classes.models)))
    for report, spec in CURVES:
        for one, two in zip(report.compute(spec, two_classes).tables, report.compute(spec, twice).tables, strict=True):
            for a, b in zip(one.columns, two.columns, strict=True):
                same = (
                    list(a.values) == list(b.values)
                    if a.format == "text"
                    else list(a.values) == pytest.approx(b.values)
                )
                assert same, (report.__name__, one.title, a.name)


def test_errors_are_the_metrics(two_classes, three_classes, build) -> None:
    for view, n in ((two_classes, 2), (three_classes, 1)):
        found = build.cells(calibration_curve.compute(calibration_curve.Spec(), view))
        assert len(found["calibration error"]) == (n if len(view.levels) == 2 else 3)
        for i, (level, error) in enumerate(zip(found["class"], found["calibration error"], strict=True)):
            part = view.models[i if len(view.levels) == 2 else 0].held_out
            k = view.levels.index(level)
            p, y = part.probability[:, k], part.target == k
            bins = np.clip(np.ceil(p * 10) - 1, 0, 9)
            gaps = [abs((part.weight * (p - y))[bins == b].sum()) for b in range(10)]
            assert error == pytest.approx(sum(gaps) / part.weight.sum())
            assert found["Brier"][i] == pytest.approx(metrics.brier_score_loss(y, p, sample_weight=part.weight))


def test_what_was_before_is_grey_beside_it(two_classes, build) -> None:
    model = two_classes.models[0]
    before = np.clip(model.held_out.probability**2, 0, 1)
    held = attrs.evolve(model.held_out, uncalibrated=before / before.sum(axis=1, keepdims=True))
    errors = {"train": {"before": 0.2, "after": 0.1}, "test": {"before": 0.3, "after": 0.15}}
    view = attrs.evolve(two_classes, models=(attrs.evolve(model, held_out=held, calibration=errors),))
    output = calibration_curve.compute(calibration_curve.Spec(), view)
    series = output.figures[0].panels[0].series
    assert [s.emphasis for s in series] == ["reference", "muted", "normal"]
    assert build.cells(output, 1) == {
        "rows": ["training rows, predicted out of fold", "test rows"], "before": [0.2, 0.3], "after": [0.1, 0.15],
    }  # fmt: skip


def test_empty_bins_are_left_out() -> None:
    found = reliability(np.array([0.05, 0.1, 0.95]), np.array([0, 1, 1]), np.ones(3))
    assert found.rows.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1], "0.1 closes the first bin"
    assert np.isnan(found.said[1])
    assert found.error == pytest.approx((2 * abs(0.075 - 0.5) + 0.05) / 3)


# ---- gains and lift --------------------------------------------------------------------------------------------------
def test_gains_and_lift_by_hand(build) -> None:
    score = np.array([0.9, 0.8, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    target = np.array([1, 1, 0, 1, 0, 0, 1, 0, 0, 0])
    held = build.part(target=target, prediction=target, probability=np.column_stack([1 - score, score]))
    output = lift_curve.compute(NoSpec(), build.view("classification", [build.model("m", held)], ["a", "b"]))
    found = build.cells(output)
    at = {share: i for i, share in enumerate(found["rows looked at"])}
    assert found["gain"][at[0.1]] == pytest.approx(1 / 4)
    assert found["gain"][at[0.2]] == pytest.approx((1 + 0.5) / 4), "half of a tie of one positive and one other"
    assert found["gain"][at[0.4]] == pytest.approx(3 / 4)
    assert found["lift"][at[0.4]] == pytest.approx(3 / 4 / 0.4)
    assert found["score from"][at[0.2]] == 0.8
    assert found["found"][at[1.0]] == 4
    assert found["lift"][-1] == 1


def test_gain_at_the_base_rate_is_precision(two_classes, build) -> None:
    """Among as many rows as there are positives, found / positives = found / looked at."""
    points = build.cells(lift_curve.compute(NoSpec(), two_classes), 1)
    for model in two_classes.models:
        rows = by_model(points, model.name)
        part, score = model.held_out, model.held_out.probability[:, 1]
        base = np.average(part.target, weights=part.weight)
        for i in range(0, len(rows["threshold"]), 5):
            said = score >= rows["threshold"][i]
            precision = metrics.precision_score(part.target, said, sample_weight=part.weight)
            assert rows["lift"][i] == pytest.approx(precision / base), "lift is precision over the base rate"
            assert rows["rows looked at"][i] == pytest.approx(np.average(said, weights=part.weight))


# ---- all of them -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("report", "spec"), CURVES)
def test_two_classes_share_a_panel_and_more_have_a_curve_each(report, spec, two_classes, three_classes) -> None:
    (panel,) = report.compute(spec, two_classes).figures[0].panels
    named = [s.name.split(" (")[0] for s in panel.series if s.emphasis == "normal"]
    assert named == ["all", "one"]
    (panel,) = report.compute(spec, three_classes).figures[0].panels
    assert [s.name.split(" (")[0] for s in panel.series if s.emphasis == "normal"] == list(three_classes.levels)


@pytest.mark.parametrize(("report", "spec"), [*CURVES, (threshold_curve, threshold_curve.Spec())])
def test_a_class_without_rows_has_no_curve_and_is_said(report, spec, without_positives) -> None:
    output = report.compute(spec, without_positives)
    assert not output.figures
    assert "`b`" in output.notes[0]


@pytest.mark.parametrize(("report", "spec"), [*CURVES, (threshold_curve, threshold_curve.Spec())])
def test_points_stay_few(report, spec, build) -> None:
    rng = np.random.default_rng(0)
    p = rng.random(30_000)
    held = build.part(
        target=(rng.random(30_000) < p).astype(int), prediction=(p > 0.5).astype(int),
        probability=np.column_stack([1 - p, p]),
    )  # fmt: skip
    output = report.compute(spec, build.view("classification", [build.model("m", held)], ["a", "b"]))
    for figure in output.figures:
        assert all(len(series.x) <= 610 for series in figure.panels[0].series)
