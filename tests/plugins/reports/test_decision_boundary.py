"""decision_boundary draws what the model says at each point of the plane, and says what it holds the rest at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import decision_boundary

from mldsl.contract import Prediction
from mldsl.plan import ColumnPlan

Spec = decision_boundary.Spec


def plans(**types: str) -> list[ColumnPlan]:
    return [ColumnPlan(name, kind) for name, kind in types.items()]


@pytest.fixture(scope="module")
def situation(build: Any) -> Any:
    """A model that says yes where a + 2 b + c > 3, c a third input, and asks for every row whole."""
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {"a": rng.normal(size=200), "b": rng.integers(0, 5, 200), "c": rng.normal(size=200) + 1,
         "kind": ["x", "x", "y", "x"] * 50, "y": ["no"] * 200}
    )  # fmt: skip
    asked: list[pl.DataFrame] = []

    def logit(rows: pl.DataFrame) -> np.ndarray:
        return (rows["a"] + 2 * rows["b"] + rows["c"] - 3).to_numpy()

    def answered(rows: pl.DataFrame) -> Prediction:
        asked.append(rows)
        p = 1 / (1 + np.exp(-logit(rows)))
        return Prediction(probability=np.column_stack([1 - p, p]))

    def permuted(columns: Any, repeats: int, metric: Any) -> Any:
        cost = {"a": 0.1, "b": 0.5, "c": 0.2}
        return SimpleNamespace(drop=np.array([[cost[name]] * repeats for name in columns]))

    target = (logit(frame) > 0).astype(int)
    weight = np.where(np.arange(200) < 100, 1.0, 3.0)
    held = build.part(target=target, prediction=target, weight=weight, index=np.arange(200))
    model = attrs.evolve(
        build.model("threshold", held, features=("a", "b", "c"), classes=2), reads=("a", "b", "c", "kind"),
        answered=answered, permuted=permuted,
    )  # fmt: skip
    columns = plans(a="continuous", b="integer", c="continuous", kind="categorical", y="binary")
    return build.view("classification", [model], ["no", "yes"], frame, columns), asked, frame, weight


def test_every_point_is_what_the_model_says_there(situation: Any, build: Any) -> None:
    view, asked, frame, weight = situation
    asked.clear()
    output = decision_boundary.compute(Spec(columns=("a", "b"), grid=20), view)
    (panel,) = output.figures[0].panels
    c = float(weight @ frame["c"].to_numpy() / weight.sum())
    assert (panel.x, panel.y) == ("a", "b")
    assert list(panel.field.y) == [0, 1, 2, 3, 4], "whole numbers between the ends are few, so no others are asked"
    x, y = np.meshgrid(panel.field.x, panel.field.y)
    logit = x + 2 * y + c - 3
    assert np.array_equal(np.array(panel.field.which), (logit > 0).astype(int))
    p = 1 / (1 + np.exp(-np.abs(logit)))
    np.testing.assert_allclose(panel.field.strength, 2 * p - 1, atol=1e-12)
    (rows,) = asked
    assert rows.schema == frame.schema
    assert set(rows["kind"]) == {"x"}
    assert build.cells(output)["column"] == ["c", "kind"]
    assert build.cells(output)["value"] == [f"{c:.4g}", "x"]
    table = build.cells(output, 1)
    assert table["class"] == ["yes" if v > 0 else "no" for v in logit.ravel()]
    assert table["b"] == y.ravel().tolist()


def test_points_are_held_out_rows_by_their_true_class(situation: Any) -> None:
    view, _, frame, _ = situation
    (panel,) = decision_boundary.compute(Spec(columns=("a", "b"), grid=5), view).figures[0].panels
    no, yes = panel.series
    target = view.models[0].held_out.target
    assert (no.name, yes.name) == ("no", "yes")
    assert list(yes.x) == frame["a"].to_numpy()[target == 1].tolist()
    assert len(no.x) + len(yes.x) == 200
    assert panel.field.x[0] < frame["a"].min()
    assert panel.field.x[-1] > frame["a"].max()


def test_without_a_choice_the_columns_that_matter_most_are_taken_and_that_is_said(situation: Any) -> None:
    view, _, _, _ = situation
    output = decision_boundary.compute(Spec(grid=5), view)
    assert (output.figures[0].panels[0].x, output.figures[0].panels[0].y) == ("b", "c")
    assert any("of 3 columns of numbers, `b` and `c` cost most when permuted" in note for note in output.notes)
    assert any("A cut through 4 columns, the other 2 held at the mean" in note for note in output.notes)


def test_the_boundary_is_where_the_threshold_is(situation: Any) -> None:
    view, _, _, _ = situation

    def said(threshold: float | None) -> np.ndarray:
        model = attrs.evolve(view.models[0], threshold=threshold)
        output = decision_boundary.compute(Spec(columns=("a", "b"), grid=30), attrs.evolve(view, models=(model,)))
        return np.array(output.figures[0].panels[0].field.which)

    assert said(0.9).sum() < said(None).sum() < said(0.1).sum()


def test_margins_have_classes_but_no_shades(situation: Any) -> None:
    view, _, _, _ = situation
    answered = view.models[0].answered

    def margins(rows: pl.DataFrame) -> Prediction:
        return Prediction(score=np.log(answered(rows).probability))

    model = attrs.evolve(view.models[0], answered=margins)
    output = decision_boundary.compute(Spec(columns=("a", "b"), grid=4), attrs.evolve(view, models=(model,)))
    assert np.all(np.array(output.figures[0].panels[0].field.strength) == 1)


def test_what_cannot_be_drawn_is_said(situation: Any, build: Any) -> None:
    view, _, _, _ = situation
    narrow = attrs.evolve(view.models[0], reads=("a", "kind"))
    output = decision_boundary.compute(Spec(), attrs.evolve(view, models=(narrow,)))
    assert not output.figures
    assert output.notes == ["threshold looks at 1 column of numbers; a map needs two."]
    other = decision_boundary.compute(Spec(columns=("a", "c")), attrs.evolve(view, models=(narrow,)))
    assert any("does not look at `c`" in note for note in other.notes)
    plan = SimpleNamespace(columns=view.columns, target="y")
    said = [[p.message for p in decision_boundary.check(Spec(columns=names), plan)] for names in (
        ("a",), ("a", "kind"), ("a", "y"), ("a", "b"))]  # fmt: skip
    assert said == [
        ["expected two columns, found 1"],
        ["expected columns of numbers, found `kind`, which is categorical"],
        ["expected columns that models look at, found the target `y`"],
        [],
    ]
