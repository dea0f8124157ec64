"""classification_report, confusion_matrix and roc_curve agree with scikit-learn, weights and ties included."""

import attrs
import numpy as np
import pytest
from mldsl_plugins.reports import classification_report, confusion_matrix, roc_curve
from mldsl_plugins.reports._curves import area, corners, roc
from sklearn import metrics

from mldsl.plugin import NoSpec


@pytest.mark.parametrize("name", ["two_classes", "three_classes"])
def test_report_agrees(name, request, build) -> None:
    view = request.getfixturevalue(name)
    found = build.cells(classification_report.compute(NoSpec(), view))
    n = len(view.levels)
    for k, model in enumerate(view.models):
        part = model.held_out
        theirs = metrics.classification_report(
            part.target, part.prediction, sample_weight=part.weight, target_names=view.levels, output_dict=True
        )
        rows = {found["class"][i]: i for i in range(k * (n + 3), (k + 1) * (n + 3))}
        names = {
            **{level: level for level in view.levels},
            "macro avg": "macro average",
            "weighted avg": "weighted average",
        }
        for their, our in names.items():
            ours = [found[c][rows[our]] for c in ("precision", "recall", "F1", "support")]
            assert ours == pytest.approx([theirs[their][c] for c in ("precision", "recall", "f1-score", "support")])
        assert found["F1"][rows["accuracy"]] == pytest.approx(theirs["accuracy"])
    assert ("model" in found) == (len(view.models) > 1)


def test_a_class_that_is_never_predicted_is_0_and_said(build) -> None:
    held = build.part(target=np.array([0, 1, 1]), prediction=np.array([0, 0, 0]))
    output = classification_report.compute(NoSpec(), build.view("classification", [build.model("m", held)], ["a", "b"]))
    assert build.cells(output)["precision"][1] == 0
    assert "`b`" in output.notes[0]


def test_a_class_that_does_not_occur_is_left_out_of_the_macro_average(build) -> None:
    held = build.part(target=np.array([0, 1, 1]), prediction=np.array([0, 1, 1]))
    view = build.view("classification", [build.model("m", held)], ["a", "b", "unseen"])
    found = build.cells(classification_report.compute(NoSpec(), view))
    assert found["precision"] == [1, 1, None, None, 1, 1]


@pytest.mark.parametrize("normalize", ["none", "rows", "columns", "all"])
def test_confusion_agrees(normalize, three_classes, build) -> None:
    output = confusion_matrix.compute(confusion_matrix.Spec(normalize), three_classes)
    found, part = build.cells(output), three_classes.models[0].held_out
    how = {"none": None, "rows": "true", "columns": "pred", "all": "all"}[normalize]
    theirs = metrics.confusion_matrix(part.target, part.prediction, sample_weight=part.weight, normalize=how)
    ours = np.array([found[level] for level in three_classes.levels]).T
    assert ours == pytest.approx(theirs)
    assert np.array(output.figures[0].panels[0].heatmap) == pytest.approx(theirs)


def test_the_most_frequent_mistakes_come_first(three_classes, build) -> None:
    output = confusion_matrix.compute(confusion_matrix.Spec(), three_classes)
    mistakes, table = build.cells(output, 1), build.cells(output)
    assert mistakes["rows"] == sorted(mistakes["rows"], reverse=True)
    for actual, predicted, count in zip(mistakes["actual"], mistakes["predicted"], mistakes["rows"], strict=True):
        assert actual != predicted
        assert table[predicted][table["actual"].index(actual)] == count


def test_two_models_are_two_panels_and_twice_the_rows(two_classes, build) -> None:
    output = confusion_matrix.compute(confusion_matrix.Spec("rows"), two_classes)
    assert build.cells(output)["model"] == ["all", "all", "one", "one"]
    assert [p.title for p in output.figures[0].panels] == ["all", "one"]
    assert len(output.tables) == 1


def test_roc_agrees_with_weights_and_ties(two_classes) -> None:
    for model in two_classes.models:
        part = model.held_out
        false, true, threshold = roc(part.target == 1, part.probability[:, 1], part.weight)
        theirs = metrics.roc_curve(
            part.target, part.probability[:, 1], sample_weight=part.weight, drop_intermediate=False
        )
        for ours, other in zip((false, true, threshold), theirs, strict=True):
            assert ours == pytest.approx(other)
        assert area(false, true) == pytest.approx(
            metrics.roc_auc_score(part.target, part.probability[:, 1], sample_weight=part.weight)
        )
        kept = corners(false, true)
        assert len(kept) <= len(false) - (30 if model.name == "all" else 0)
        assert area(false[kept], true[kept]) == pytest.approx(area(false, true))


def test_one_curve_a_class_against_the_rest(three_classes, build) -> None:
    output = roc_curve.compute(NoSpec(), three_classes)
    part = three_classes.models[0].held_out
    theirs = [
        metrics.roc_auc_score(part.target == k, part.probability[:, k], sample_weight=part.weight) for k in range(3)
    ]
    found = build.cells(output)
    assert found["AUC"] == pytest.approx(theirs)
    assert [s.name for s in output.figures[0].panels[0].series] == ["chance", *three_classes.levels]
    for level, threshold, sensitivity, specificity in zip(
        found["class"], found["threshold"], found["sensitivity"], found["specificity"], strict=True
    ):
        k = three_classes.levels.index(level)
        said = part.probability[:, k] >= threshold
        of_class = part.target == k
        assert sensitivity == pytest.approx((part.weight * said)[of_class].sum() / part.weight[of_class].sum())
        assert specificity == pytest.approx((part.weight * ~said)[~of_class].sum() / part.weight[~of_class].sum())


def test_two_classes_share_one_panel(two_classes) -> None:
    (panel,) = roc_curve.compute(NoSpec(), two_classes).figures[0].panels
    assert [s.name.split(" ")[0] for s in panel.series] == ["chance", "all", "one"]


def test_points_stay_few_however_many_rows(build) -> None:
    rng = np.random.default_rng(0)
    p = rng.random(30_000)
    probability = np.column_stack([1 - p, p])
    held = build.part(
        target=(rng.random(30_000) < p).astype(int), prediction=(p > 0.5).astype(int), probability=probability
    )
    output = roc_curve.compute(NoSpec(), build.view("classification", [build.model("m", held)], ["a", "b"]))
    assert len(output.tables[1].columns[0].values) <= 600


def test_one_class_only_has_no_curve_and_says_so(build) -> None:
    held = build.part(target=np.ones(4, int), prediction=np.ones(4, int), probability=np.full((4, 2), 0.5))
    output = roc_curve.compute(NoSpec(), build.view("classification", [build.model("m", held)], ["a", "b"]))
    assert not output.tables
    assert not output.figures
    assert "no curve" in output.notes[0]


def test_the_positive_class_is_the_views(two_classes, build) -> None:
    flipped = attrs.evolve(two_classes, positive=0)
    assert set(build.cells(roc_curve.compute(NoSpec(), flipped))["class"]) == {"malignant"}
