"""`feature_importance(method = gain)` and `shap`: sums over trees, beside scikit-learn's and LightGBM's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import jax
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import feature_importance, partial_dependence
from mldsl_plugins.reports._tree_answers import combined_of, leaf_values
from sklearn.ensemble import RandomForestClassifier

from mldsl.contract import Prediction
from mldsl.execute.programs import QUICK
from mldsl.plan import ColumnPlan
from mldsl.plugin import NamedColumn

lightgbm = pytest.importorskip("lightgbm")


def view_of(build: Any, trees: Any, columns: Any, x: np.ndarray, predict: Any, levels: Any = (), **facts: Any) -> Any:
    names = [c.name for c in columns]
    given = {
        "trees": trees, "columns": tuple(columns), "predict": predict, "reads": tuple(names), "classes": len(levels),
        "compiled": lambda name, f, *a: jax.tree.map(np.asarray, jax.jit(f, compiler_options=QUICK)(*a)),
    }  # fmt: skip
    held = build.part(inputs=np.asarray(x, np.float32))
    model = build.model("grown", held, features=names, **(given | facts))
    return build.view("classification" if levels else "regression", [model], levels)


def compute(view: Any, **spec: Any) -> Any:
    return feature_importance.compute(feature_importance.Spec(**spec), view)


@pytest.fixture(scope="module")
def forest(build: Any, grown: SimpleNamespace) -> SimpleNamespace:
    frame = pl.read_csv("examples/data/wine.csv")
    x, y = frame.drop("cultivar").to_numpy().astype(np.float32), frame["cultivar"].to_numpy()
    fitted = RandomForestClassifier(12, max_depth=5, random_state=0).fit(x, y)
    trees = grown.of_sklearn(*fitted.estimators_)
    columns = [NamedColumn(name, "continuous") for name in frame.columns[:-1]]
    view = view_of(
        build, trees, columns, x, lambda rows: Prediction(probability=fitted.predict_proba(rows)),
        ["barolo", "grignolino", "barbera"],
    )  # fmt: skip
    return SimpleNamespace(view=view, fitted=fitted, x=x, names=frame.columns[:-1], trees=trees)


@pytest.fixture(scope="module")
def boosted(build: Any, grown: SimpleNamespace) -> SimpleNamespace:
    frame = pl.read_csv("examples/data/titanic.csv")
    sex = (frame["sex"] == "male").cast(pl.Float64)
    x = frame.select("pclass", "age", "sibsp", "parch").with_columns(sex.alias("male"))
    x = x.with_columns(pl.col("pclass").cast(pl.String).str.slice(0, 1).cast(pl.Float64)).to_numpy().astype(np.float32)
    y = (frame["survived"].cast(pl.String) == "survived").to_numpy().astype(int)
    settings = {"objective": "binary", "num_leaves": 8, "verbose": -1, "num_threads": 1, "boost_from_average": False}
    booster = lightgbm.train(settings, lightgbm.Dataset(x.astype(float), y), 15)
    columns = [
        NamedColumn("pclass", "ordinal", ("0", "1", "2", "3")), NamedColumn("age", "continuous", missing=True),
        NamedColumn("sibsp", "integer"), NamedColumn("parch", "integer"), NamedColumn("male", "binary"),
    ]  # fmt: skip

    def predict(rows: np.ndarray) -> Prediction:
        share = booster.predict(rows.astype(float))
        return Prediction(probability=np.column_stack([1 - share, share]))

    trees = grown.of_lightgbm(booster)
    view = view_of(build, trees, columns, x, predict, ["died", "survived"])
    return SimpleNamespace(view=view, booster=booster, x=x, trees=trees)


# ---- gain ------------------------------------------------------------------------------------------------------------
def test_gain_of_one_tree_is_that_of_scikit_learn(
    forest: SimpleNamespace, build: Any, grown: SimpleNamespace, agreement: Any
) -> None:
    (model,) = forest.view.models
    (first, *_) = forest.fitted.estimators_
    view = attrs.evolve(forest.view, models=(attrs.evolve(model, trees=grown.of_sklearn(first)),))
    cells = build.cells(compute(view, method="gain"))
    theirs = dict(zip(forest.names, first.feature_importances_, strict=True))
    agreement(
        "report.feature_importance", "importance by gain of a tree", cells["importance"],
        [theirs[name] for name in cells["column"]], reference="scikit-learn", data="wine", relative=1e-5,
    )  # fmt: skip
    assert cells["importance"] == sorted(cells["importance"], reverse=True)
    assert sum(cells["splits"]) == (first.tree_.feature >= 0).sum()


def test_gain_of_many_trees_is_that_of_lightgbm(boosted: SimpleNamespace, build: Any, agreement: Any) -> None:
    output = compute(boosted.view, method="gain")
    cells = build.cells(output)
    order = [["pclass", "age", "sibsp", "parch", "male"].index(name) for name in cells["column"]]
    theirs = boosted.booster.feature_importance("gain")[order]
    agreement("report.feature_importance", "gain of 15 trees by column", cells["gain"], theirs, reference="lightgbm",
              data="Titanic", relative=1e-5)  # fmt: skip
    np.testing.assert_array_equal(cells["splits"], boosted.booster.feature_importance("split")[order])
    assert sum(cells["importance"]) == pytest.approx(1)
    assert output.tables[0].note.startswith("grown: 105 splits in 15 trees.")
    assert any("more splits to choose from" in note for note in output.notes)
    (bars,) = output.figures[0].panels[0].series
    assert list(bars.y) == cells["column"]
    np.testing.assert_allclose(bars.x, np.multiply(cells["importance"], 100))


def test_columns_that_steps_made_are_named(boosted: SimpleNamespace) -> None:
    (model,) = boosted.view.models
    reads = ("pclass", "age", "sibsp", "parch", "sex")
    notes = compute(attrs.evolve(boosted.view, models=(attrs.evolve(model, reads=reads),)), method="gain").notes
    assert any("`male` is made by the steps before it" in note for note in notes)


def test_trees_without_splits(build: Any, grown: SimpleNamespace) -> None:
    trees = grown.stacked([[{"value": [1.0], "weight": 5}]])
    view = view_of(build, trees, [NamedColumn("a", "continuous")], np.zeros((4, 1)), lambda x: Prediction(mean=x[:, 0]))
    output = compute(view, method="gain")
    assert list(build.cells(output)["importance"]) == [0]
    assert any("have no splits" in note for note in output.notes)


def test_models_without_trees_are_left_out(boosted: SimpleNamespace, build: Any) -> None:
    (model,) = boosted.view.models
    bare = attrs.evolve(model, name="bare", trees=None)
    for method in ("gain", "shap"):
        output = compute(attrs.evolve(boosted.view, models=(bare, model)), method=method)
        assert "bare: it has no trees." in output.notes
        assert "model" not in build.cells(output)
        assert compute(attrs.evolve(boosted.view, models=(bare,)), method=method).tables == ()


# ---- Shapley values --------------------------------------------------------------------------------------------------
def test_log_odds(boosted: SimpleNamespace, build: Any, agreement: Any) -> None:
    output = compute(boosted.view, method="shap")
    cells = build.cells(output)
    rng = np.random.default_rng(0)
    rows = boosted.x[np.sort(rng.choice(len(boosted.x), 1000, replace=False))]
    theirs = boosted.booster.predict(rows.astype(float), pred_contrib=True)
    order = [["pclass", "age", "sibsp", "parch", "male"].index(name) for name in cells["column"]]
    agreement("report.feature_importance", "mean size of SHAP values", cells["mean size"],
              np.abs(theirs[:, order]).mean(axis=0), reference="lightgbm", data="Titanic", relative=1e-4)  # fmt: skip
    np.testing.assert_allclose(cells["least"], theirs[:, order].min(axis=0), rtol=1e-4)
    np.testing.assert_allclose(cells["largest"], theirs[:, order].max(axis=0), rtol=1e-4)
    assert sum(cells["share"]) == pytest.approx(1)
    assert f"1,000 of {len(boosted.x):,} test rows" in output.tables[0].title
    assert not output.warnings
    (words,) = (note for note in output.notes if "add up to its answer" in note)
    assert "in log odds of survived" in words
    assert f"{theirs[0, -1]:.4g}".replace("-", "−") in words
    direction = dict(zip(cells["column"], cells["direction"], strict=True))
    assert direction["male"] == pytest.approx(np.corrcoef(rows[:, 4], theirs[:, 4])[0, 1], abs=1e-4)
    assert direction["male"] < -0.9


def test_points_are_rows_by_the_values_that_they_have(boosted: SimpleNamespace) -> None:
    bars, _, clouds = compute(boosted.view, method="shap", rows=40).figures
    assert (bars.name, clouds.name) == ("", "rows")
    panels = {panel.title: panel for panel in clouds.panels}
    age, male = panels["age"], panels["male"]
    assert age.x == "age"
    assert len(age.series[0].x) < 40, "rows that miss the value have no place on its axis"
    assert male.y_kind == "category"
    assert set(male.series[0].y) == {"0", "1"}
    assert len(male.series[0].y) == 40


def test_shares_of_several_classes(forest: SimpleNamespace, build: Any) -> None:
    output = compute(forest.view, method="shap")
    cells = build.cells(output)
    assert list(dict.fromkeys(cells["class"])) == ["barolo", "grignolino", "barbera"]
    assert len(output.figures[0].panels[0].series) == 3
    (words,) = (note for note in output.notes if "add up" in note)
    base = forest.fitted.predict_proba(forest.x).mean(axis=0)
    found = [float(words.split(f"`{name}` ")[1].split(",")[0]) for name in ("barolo", "grignolino", "barbera")]
    np.testing.assert_allclose(found, base, atol=0.03)  # of bootstrapped rows, not of these
    assert not output.warnings


def test_how_trees_make_answers_is_found_by_asking(build: Any, grown: SimpleNamespace) -> None:
    nodes = [{"feature": 0, "threshold": 0.5, "left": 1, "right": 2, "weight": 10},
             {"value": [-1.0], "weight": 5}, {"value": [2.0], "weight": 5}]  # fmt: skip
    trees = grown.stacked([nodes, nodes])
    x = np.array([[0.0], [1.0], [0.2], [np.nan]])

    def found(predict: Any, levels: Any = (), given: Any = trees, **facts: Any) -> Any:
        view = view_of(build, given, [NamedColumn("a", "continuous")], x, predict, levels, **facts)
        return combined_of(view, view.models[0], given)

    def raw(rows: np.ndarray) -> np.ndarray:
        return np.where(rows[:, 0] <= 0.5, -2.0, 4.0)

    mean = found(lambda rows: Prediction(mean=raw(rows) / 2))
    assert (mean.averaged, mean.unit) == (True, "y")
    plain = found(lambda rows: Prediction(mean=raw(rows) + 10), target_scale="log")
    assert (plain.averaged, plain.unit, plain.base.tolist()) == (False, "log of y", [10])
    logs = found(lambda rows: Prediction(mean=np.exp(raw(rows) - 1)))
    assert (logs.averaged, logs.unit) == (False, "log of y")
    assert logs.base == pytest.approx([-1])

    def share(rows: np.ndarray) -> Prediction:
        yes = 1 / (1 + np.exp(-raw(rows) - 0.5))
        return Prediction(probability=np.column_stack([1 - yes, yes]))

    odds = found(share, ["no", "yes"])
    assert odds.unit == "log odds of yes"
    assert odds.base == pytest.approx([0.5])
    leaves = [{"value": [1.0, 2, 0]}, {"value": [0.0, -1, 3]}]
    three = grown.stacked([[nodes[0] | {"value": [0.0] * 3}, *leaves]], outputs=3)

    def softmax(rows: np.ndarray) -> Prediction:
        score = np.exp(np.where(rows <= 0.5, [1.1, 2.2, -0.3], [0.1, -0.8, 2.7]))
        return Prediction(probability=score / score.sum(axis=1, keepdims=True))

    classes = found(softmax, ["a", "b", "c"], three)
    assert classes.base == pytest.approx([0.1, 0.2, -0.3], abs=1e-6)
    assert classes.outputs == ("a", "b", "c")
    assert found(lambda rows: Prediction(mean=rows[:, 0] ** 2 * 7 + raw(rows) ** 2)) is None


# ---- partial dependence ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("kind", "cuts"), [("continuous", [2.5, 7.25]), ("integer", [3, 8])])
def test_curves_of_trees_step_where_answers_change(build: Any, grown: SimpleNamespace, kind: str, cuts: list) -> None:
    nodes = [{"feature": 0, "threshold": 7.25, "left": 1, "right": 4, "weight": 20},
             {"feature": 0, "threshold": 2.5, "left": 2, "right": 3, "weight": 15},
             {"value": [1.0], "weight": 5}, {"value": [4.0], "weight": 10}, {"value": [2.0], "weight": 5}]  # fmt: skip
    trees = grown.stacked([nodes])
    values = np.arange(0.0, 10.0) if kind == "integer" else np.linspace(0.1, 9.9, 10)
    frame = pl.DataFrame({"a": values.astype(int) if kind == "integer" else values})

    def says(x: np.ndarray) -> np.ndarray:
        return leaf_values(SimpleNamespace(columns=[NamedColumn("a", kind)]), trees, x[:, None]).sum(axis=(0, 2))

    def replaced(change: Any) -> np.ndarray:
        return np.repeat(says(np.asarray(change["a"], np.float32))[:, None, None], len(values), axis=1)

    facts = {"replaced": replaced, "reads": ("a",)}
    columns = [NamedColumn("a", kind)]
    view = view_of(build, trees, columns, values[:, None], lambda x: Prediction(mean=says(x[:, 0])), **facts)
    view = attrs.evolve(view, frame=frame, columns=(ColumnPlan("a", kind),))

    def curve(view: Any, **spec: Any) -> Any:
        return partial_dependence.compute(partial_dependence.Spec(**spec), view).figures[0].panels[0].series[0]

    found = curve(view)
    assert found.mark == "step"
    assert list(found.x) == [values[0], *cuts, values[-1]]
    assert list(found.y) == [1, 4, 2, 2]
    assert curve(view, grid=2).mark == "line", "more splits than the grid has room for"
    scaled = attrs.evolve(view.models[0], steps=[("standardize on a", ("a",), None, None)])
    assert curve(attrs.evolve(view, models=(scaled,))).mark == "line", "thresholds are on another scale"


def test_points_of_a_swarm_stand_beside_each_other(boosted: SimpleNamespace) -> None:
    _, swarm, _ = compute(boosted.view, method="shap", rows=60).figures
    assert swarm.name == "swarm"
    (panel,) = swarm.panels
    reference, *hues = panel.series
    assert set(reference.y) == {"pclass", "age", "sibsp", "parch", "male"}
    assert {s.name for s in hues} <= {"low values", "high values", "values between", "no order, or missing"}
    places = [(y, round(x, 2), round(off, 3)) for s in hues for x, y, off in zip(s.x, s.y, s.offset, strict=True)]
    assert len(places) == 60 * 5
    assert max(abs(off) for *_, off in places) <= 0.5
    women = [x for s in hues if s.name == "low values" for x, y in zip(s.x, s.y, strict=True) if y == "male"]
    assert len(women) > 10
    assert min(women) > 0, "which most rows are not, and which raises the answer"


def test_fewer_rows_of_many_large_trees(boosted: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldsl_plugins.reports._shap_values._WORK", 15 * 8 * 5 * 3 * 70)
    title = compute(boosted.view, method="shap").tables[0].title
    drawn = int(title.split(", ")[1].split(" of ")[0])
    assert 50 <= drawn < 200
