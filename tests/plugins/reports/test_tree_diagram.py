"""A grown tree as a drawing and as text."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import tree_diagram
from mldsl_plugins.reports._grown import leaves_of, nodes_of
from mldsl_plugins.reports._rules import Rule, digits, rules_of
from sklearn.datasets import load_diabetes
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, export_text

from mldsl import driver
from mldsl.contract import Prediction
from mldsl.plugin import NamedColumn
from mldsl.source import Source


def view_of(build: Any, trees: Any, columns: list[NamedColumn], x: np.ndarray, levels: Any = (), **facts: Any) -> Any:
    """A run with one model that has these trees; it answers by their mean unless told otherwise."""
    x = np.asarray(x, np.float32)
    named = np.array([c.type == "categorical" for c in columns])

    def predict(rows: np.ndarray) -> Prediction:
        leaf = leaves_of(trees, rows, named)
        value = np.take_along_axis(trees.value, leaf[:, :, None], axis=1).mean(axis=0)
        return Prediction(probability=value) if levels else Prediction(mean=value[:, 0])

    given = {"predict": predict, "trees": trees, "columns": tuple(columns), "classes": len(levels), **facts}
    held = build.part(inputs=x)
    model = build.model("tree", held, features=[c.name for c in columns], **given)
    return build.view("classification" if levels else "regression", [model], levels)


def compute(view: Any, **spec: Any) -> Any:
    return tree_diagram.compute(tree_diagram.Spec(**spec), view)


@pytest.fixture(scope="module")
def wine(build: Any, grown: SimpleNamespace) -> SimpleNamespace:
    frame = pl.read_csv("examples/data/wine.csv")
    x, y = frame.drop("cultivar").to_numpy().astype(np.float32), frame["cultivar"].to_numpy()
    fitted = DecisionTreeClassifier(random_state=0).fit(x, y)
    columns = [NamedColumn(name, "continuous") for name in frame.columns[:-1]]
    view = view_of(build, grown.of_sklearn(fitted), columns, x, ["barolo", "grignolino", "barbera"])
    return SimpleNamespace(view=view, fitted=fitted, names=frame.columns[:-1], x=x)


def test_the_text_is_that_of_scikit_learn(wine: SimpleNamespace, build: Any) -> None:
    output = compute(wine.view, max_depth=12)
    cells = build.cells(output)
    depth = next(c.depth for c in output.tables[0].columns if c.name == "rule")
    classes = {"barolo": 0, "grignolino": 1, "barbera": 2}
    lines = []
    for i in range(1, len(depth)):
        bars = "|   " * (depth[i] - 1)
        lines.append(f"{bars}|--- {cells['rule'][i].replace('≤', '<=').replace('> ', '>  ')}")
        if cells["leaf"][i] == "*":
            lines.append(f"{bars}|   |--- class: {classes[cells['answer'][i]]}")
    theirs = export_text(wine.fitted, feature_names=wine.names, decimals=4).splitlines()
    number = re.compile(r"-?[\d.]+$")

    def same(line: str) -> str:
        return number.sub(lambda m: f"{float(m[0]):g}", line)

    assert [same(line) for line in lines] == [same(line) for line in theirs]
    assert output.notes == []


def test_numbers_of_nodes(wine: SimpleNamespace, build: Any) -> None:
    cells, tree = build.cells(compute(wine.view, max_depth=12)), wine.fitted.tree_
    assert sorted(cells["rows"]) == sorted(tree.weighted_n_node_samples.tolist())
    assert cells["rows"][0] == len(wine.x)
    shares = np.column_stack([cells[name] for name in ("barolo", "grignolino", "barbera")])
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert shares[0].tolist() == pytest.approx(tree.value[0, 0].tolist())
    gain = [g for g in cells["gain"] if g is not None]
    assert sum(gain) == pytest.approx(tree.impurity[0] * len(wine.x), rel=1e-6), "pure leaves: all of it is gained"
    number = cells["node"]
    depth = next(c.depth for c in compute(wine.view, max_depth=12).tables[0].columns if c.name == "rule")
    assert number[0] == 1
    assert [int(n).bit_length() - 1 for n in number] == list(depth)
    assert all(n // 2 in number for n in number[1:])


def test_small_trees_are_printed_whole_and_drawn_as_deep_as_wanted(wine: SimpleNamespace, build: Any) -> None:
    output = compute(wine.view, max_depth=2)
    assert [t.name for t in output.tables] == [""]
    assert len(build.cells(output)["node"]) == wine.fitted.tree_.node_count
    boxes = output.figures[0].panels[0].diagram.boxes
    assert len(boxes) == sum(n < 8 for n in build.cells(output)["node"])
    counted = [int(re.findall(r"\d+", box.more)[0]) for box in boxes if box.more]
    assert sum(counted) == sum(
        n >= 4 for n, gain in zip(*(build.cells(output)[c] for c in ("node", "gain")), strict=True) if gain is not None
    )
    assert next(box.more for box in compute(wine.view).figures[0].panels[0].diagram.boxes if " 1 " in box.more) == (
        "… 1 more split"
    )


def test_the_rest_of_large_trees_is_counted(build: Any, grown: SimpleNamespace) -> None:
    x, y = load_diabetes(return_X_y=True)
    fitted = DecisionTreeRegressor(max_leaf_nodes=40, random_state=0).fit(x, y)
    columns = [NamedColumn(f"c{i}", "continuous") for i in range(10)]
    output = compute(view_of(build, grown.of_sklearn(fitted), columns, x), max_depth=2)
    shown, every = build.cells(output), build.cells(output, 1)
    assert [t.name for t in output.tables] == ["", "nodes"]
    assert max(shown["node"]) < 8
    assert len(every["node"]) == 79
    boxes = output.figures[0].panels[0].diagram.boxes
    assert len(boxes) == len(shown["node"])
    assert [text for text in shown["leaf"] if text not in ("", "*")] == [box.more for box in boxes if box.more]
    counted = [int(re.findall(r"\d+", box.more)[0]) for box in boxes if box.more]
    assert sum(counted) + sum(gain is not None for gain in shown["gain"]) - len(counted) == 39


def test_what_the_boxes_say(wine: SimpleNamespace) -> None:
    diagram = compute(wine.view).figures[0].panels[0].diagram
    root, *others = diagram.boxes
    assert root.head == "proline ≤\u00a0755?"
    assert root.lines == ["grignolino: 39.9% of 178 rows"]
    assert root.which == -1
    assert (root.parent, root.edge, root.flow) == (-1, "", 1.0)
    assert diagram.names == ("barolo", "grignolino", "barbera")
    leaf = next(box for box in others if box.head == "barolo" and not box.more)
    assert leaf.lines == ["100.0% of 57 rows"]
    assert (leaf.which, leaf.strength) == (0, 1.0)
    assert leaf.title == "proline > 755 and flavanoids > 2.165 and magnesium ≤ 135.5"
    assert [box.edge for box in others if box.parent == 0] == ["yes", "no"]
    assert sum(box.flow for box in others if box.parent == 0) == pytest.approx(1)


def test_means(build: Any, grown: SimpleNamespace) -> None:
    x = np.arange(12.0)[:, None]
    fitted = DecisionTreeRegressor(max_depth=1).fit(x, np.where(x[:, 0] < 6, 10000.0, 20000.0))
    output = compute(view_of(build, grown.of_sklearn(fitted), [NamedColumn("a", "integer")], x))
    root, low, high = output.figures[0].panels[0].diagram.boxes
    assert (root.head, root.lines) == ("a ≤\u00a05.5?", ["mean 15,000, 12 rows"])
    assert (low.head, low.lines, low.strength, high.strength) == ("10,000", ["6 rows"], 0.0, 1.0)
    assert build.cells(output)["mean y"] == [15000, 10000, 20000]
    assert not low.shares


def test_a_tree_of_a_sum_and_which_tree(build: Any, grown: SimpleNamespace) -> None:
    first = [{"feature": 0, "threshold": 1.5, "left": 1, "right": 2, "weight": 9, "gain": 3},
             {"value": [0.25], "weight": 4.5}, {"value": [-0.1], "weight": 4.5}]  # fmt: skip
    trees = grown.stacked([first, [{"value": [0.5], "weight": 9}]])
    facts = {"predict": lambda rows: Prediction(mean=rows[:, 0] ** 2)}
    view = view_of(build, trees, [NamedColumn("a", "continuous")], np.arange(4.0)[:, None], **facts)
    output = compute(view)
    _, left, right = output.figures[0].panels[0].diagram.boxes
    assert (left.head, right.head) == ("+0.250", "−0.100")
    assert left.lines == ["4.5 rows"]
    assert (left.which, right.which) == (1, 0)
    assert output.figures[0].title == "Tree 1 of 2"
    assert any("adds to the score" in note for note in output.notes)
    assert any("one of 2 trees" in note for note in output.notes)
    assert build.cells(compute(view, tree=1))["adds"] == [0.5]
    room = {"feature": -1, "weight": 0}
    unfilled = grown.stacked([first, [{"value": [0.5], "weight": 9}], [room]])
    assert "Tree 1 of 2" in compute(view_of(build, unfilled, [NamedColumn("a", "continuous")], np.arange(4.0)[:, None],
                                            **facts)).figures[0].title  # fmt: skip
    beyond = compute(view, tree=7)
    assert build.cells(beyond)["adds"] == [0.5]
    assert any("it has 2 trees, so the last" in note for note in beyond.notes)


def test_trees_of_classes_take_turns(build: Any, grown: SimpleNamespace) -> None:
    def tree(k: int) -> list[dict[str, Any]]:
        leaves = [{"value": [0.5 * (i == k) for i in range(3)], "weight": 4},
                  {"value": [-0.25 * (i == k) for i in range(3)], "weight": 5}]  # fmt: skip
        return [{"feature": 0, "threshold": 1.5, "left": 1, "right": 2, "weight": 9, "value": [0.0] * 3}, *leaves]

    def softmax(rows: np.ndarray) -> Prediction:
        return Prediction(probability=np.full((len(rows), 3), 1 / 3))

    trees = grown.stacked([tree(k) for k in (0, 1, 2, 0, 1, 2)], outputs=3)
    columns = [NamedColumn("a", "continuous")]
    view = view_of(build, trees, columns, np.arange(4.0)[:, None], ["low", "mid", "high"], predict=softmax)
    output = compute(view, tree=5)
    assert build.cells(output)["adds"] == [0, 0.5, -0.25]
    assert output.figures[0].title == "Tree 6 of 6, score of high"
    assert any("adds to the score of `high`" in note for note in output.notes)


def test_what_the_score_starts_from_is_not_what_the_first_tree_adds(build: Any, grown: SimpleNamespace) -> None:
    nodes = [{"feature": 0, "threshold": 1.5, "left": 1, "right": 2, "weight": 9, "value": [-3.0]},
             {"value": [-2.75], "weight": 4}, {"value": [-3.2], "weight": 5}]  # fmt: skip
    second = [nodes[0] | {"value": [0.0]}, {"value": [0.1], "weight": 4}, {"value": [-0.1], "weight": 5}]
    facts = {
        "params": SimpleNamespace(start=np.array([-3.0])),
        "predict": lambda rows: Prediction(mean=rows[:, 0] ** 2),
    }
    trees, x = grown.stacked([nodes, second]), np.arange(4.0)[:, None]
    view = view_of(build, trees, [NamedColumn("a", "continuous")], x, **facts)
    output = compute(view)
    np.testing.assert_allclose(build.cells(output)["adds"], [0, 0.25, -0.2], atol=1e-6)
    assert any("to the score, which starts at −3.000;" in note for note in output.notes)
    np.testing.assert_allclose(build.cells(compute(view, tree=1))["adds"], [0, 0.1, -0.1], atol=1e-6)


LEVELS = ("Brazil", "France", "Germany", "Japan", "Korea", "Mexico", "Sweden")
COUNTRY = NamedColumn("country", "categorical", LEVELS, missing=True)


def test_rules_of_sets_name_the_levels_that_get_there(build: Any, grown: SimpleNamespace) -> None:
    nodes = [
        {"feature": 0, "subset": [0b0111011], "left": 1, "right": 4, "weight": 10, "missing_left": True},
        {"feature": 0, "subset": [0b1001000 | 0b10000], "left": 2, "right": 3, "weight": 7},
        {"value": [1.0], "weight": 4}, {"value": [2.0], "weight": 3}, {"value": [3.0], "weight": 3},
    ]  # fmt: skip
    found = nodes_of(grown.stacked([nodes], words=1), 0, [COUNTRY])
    words = [node.rule.words(4) if node.rule else "" for node in found]
    assert words == [
        "",
        "country in {Brazil, France, Japan, … 2 more} or missing",
        "country in {Japan, Korea}",
        "country in {Brazil, France, Mexico} or missing",
        "country in {Germany, Sweden}",
    ]
    assert found[1].rule.words(20) == "country in {Brazil, France, Japan, Korea, Mexico} or missing"
    output = compute(view_of(build, grown.stacked([nodes], words=1), [COUNTRY], np.zeros((2, 1))))
    edges = [box.edge for box in output.figures[0].panels[0].diagram.boxes]
    assert edges == ["", "yes, missing", "yes", "no, missing", "no"]


@pytest.mark.parametrize(
    ("column", "threshold", "left", "right"),
    [
        (NamedColumn("age", "integer"), 14.5, "age ≤ 14.5", "age > 14.5"),
        (NamedColumn("sex", "binary", ("female", "male")), 0.5, "sex = female", "sex = male"),
        (NamedColumn("sex_male", "binary"), 0.5, "sex_male = 0", "sex_male = 1"),
        (NamedColumn("pclass", "ordinal", ("3rd", "2nd", "1st")), 0.5, "pclass = 3rd", "pclass > 3rd"),
        (NamedColumn("pclass", "ordinal", ("3rd", "2nd", "1st")), 1.5, "pclass ≤ 2nd", "pclass = 1st"),
        (NamedColumn("grade", "ordinal", tuple("abcd")), 1.2, "grade ≤ b", "grade > b"),
    ],
)
def test_rules_of_thresholds(column: NamedColumn, threshold: float, left: str, right: str) -> None:
    pair = rules_of(column, threshold, np.zeros(0, np.uint32), missing_left=True)
    assert [rule.words() for rule in pair] == [left, right]


def test_missing_is_said_where_values_may_be() -> None:
    may = NamedColumn("age", "continuous", missing=True)
    assert [r.words() for r in rules_of(may, 1.0, np.zeros(0), missing_left=False)] == ["age ≤ 1", "age > 1 or missing"]
    assert Rule(may, True, 1.0, missing=True).words(missing=False) == "age ≤ 1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(14.5, "14.5"), (np.float32(0.1), "0.1"), (7.8791666, "7.8792"), (1234.5, "1234.5"), (755.0, "755"),
     (123456.0, "123,456"), (123456.7, "123,457"), (-118.265, "−118.27"), (0.000012345, "1.234e−05"),
     (0.00123456, "0.0012346"), (0.0, "0"), (float("inf"), "∞"), (2.5e9, "2.5e+09"), (100000.0, "100,000")],
)  # fmt: skip
def test_thresholds_in_sensible_digits(value: float, text: str) -> None:
    assert digits(value) == text


def test_steps_that_change_the_scale_are_named(build: Any, grown: SimpleNamespace) -> None:
    nodes = [{"feature": 0, "threshold": 0.3, "left": 1, "right": 2, "weight": 9},
             {"value": [1.0], "weight": 4}, {"value": [2.0], "weight": 5}]  # fmt: skip
    steps = [("standardize on continuous", ("a", "b"), None, None), ("impute(median) on a", ("a",), None, None)]
    columns = [NamedColumn("a", "continuous"), NamedColumn("b", "continuous")]
    view = view_of(build, grown.stacked([nodes]), columns, np.zeros((3, 2)), steps=steps)
    (note,) = (note for note in compute(view).notes if "scale" in note)
    assert note == "tree: thresholds of `a` are on the scale that `standardize on continuous` gives them."


def test_a_threshold_of_the_model_decides_what_a_leaf_answers(build: Any, grown: SimpleNamespace) -> None:
    nodes = [{"feature": 0, "threshold": 0.3, "left": 1, "right": 2, "weight": 9, "value": [0.5, 0.5]},
             {"value": [0.7, 0.3], "weight": 4}, {"value": [0.9, 0.1], "weight": 5}]  # fmt: skip
    trees = grown.stacked([nodes], outputs=2)
    view = view_of(build, trees, [NamedColumn("a", "continuous")], np.zeros((3, 1)), ["no", "yes"], threshold=0.25)
    output = compute(view)
    assert build.cells(output)["answer"] == ["yes", "yes", "no"]
    assert any("from a share of 0.25" in note for note in output.notes)


def test_several_models(wine: SimpleNamespace, build: Any) -> None:
    (one,) = wine.view.models
    others = [attrs.evolve(one, name="other"), attrs.evolve(one, name="none", trees=None)]
    output = compute(attrs.evolve(wine.view, models=(one, *others)))
    assert [f.name for f in output.figures] == ["", "other"]
    assert [f.title for f in output.figures] == ["Tree of tree", "Tree of other"]
    assert "none: it has no trees." in output.notes
    models = build.cells(output)["model"]
    assert models == sorted(models, reverse=True)
    assert set(models) == {"tree", "other"}


def test_models_without_trees_are_refused_before_training() -> None:
    file = (
        'mlp 1\ndata { csv("examples/data/iris.csv") }\nfeatures {\n  species: categorical as target\n'
        '  "*": continuous\n}\nmodel { logistic_regression }\nreport { tree_diagram }\n'
    )
    (error,) = driver.plan(Source("<test>", file)).errors
    assert error.code == "MLP0312"
    assert "expected a model that grows trees" in error.message
    assert "`logistic_regression`" in error.message


# ---- beside R's rpart 4.1.19 -----------------------------------------------------------------------------------------
KYPHOSIS = Path("../shared/data/kyphosis.csv")


@pytest.fixture(scope="module")
def kyphosis() -> Any:
    if not KYPHOSIS.is_file():
        pytest.skip("kyphosis is not here")
    text = (
        'mlp 1\ndata { frame("rows") }\nfeatures {\n  kyphosis: binary("absent", "present") as target\n'
        "  age, number, start: integer\n}\nsplit { test = 0% }\n"
        "model { cart(prune = cost_complexity(alpha = 0.01)) }\n"
        "report {\n  tree_diagram(max_depth = 6)\n  feature_importance(method = gain)\n}\n"
    )
    options = driver.Options(frames={"rows": pl.read_csv(KYPHOSIS)}, keep=False)
    return driver.run(Source("<test>", text), options).outputs


def test_the_tree_is_printed_as_rpart_prints_it(kyphosis: Any, build: Any) -> None:
    cells = build.cells(kyphosis["tree_diagram"])
    # Ours has the low side on the left, so that its numbers differ; rules, rows and shares are those of R.
    found = dict(zip(cells["rule"], zip(cells["rows"], cells["answer"], cells["present"], strict=True), strict=True))
    theirs = {
        "all rows": (81, "absent", 0.20987654),
        "start > 8.5": (62, "absent", 0.09677419),
        "start > 14.5": (29, "absent", 0),
        "start ≤ 14.5": (33, "absent", 0.18181818),
        "age ≤ 55": (12, "absent", 0),
        "age > 55": (21, "absent", 0.28571429),
        "age > 111": (14, "absent", 0.14285714),
        "age ≤ 111": (7, "present", 0.57142857),
        "start ≤ 8.5": (19, "present", 0.57894737),
    }
    assert found.keys() == theirs.keys()
    for rule, (rows, answer, share) in theirs.items():
        assert found[rule][:2] == (rows, answer)
        assert found[rule][2] == pytest.approx(share, abs=1e-8)


def test_surrogates_are_those_of_rpart(kyphosis: Any, build: Any) -> None:
    output = kyphosis["tree_diagram"]
    table = build.cells(output, 1)
    assert output.tables[1].name == "surrogates"
    rows = list(zip(*(table[name] for name in ("question", "yes where", "agreement", "adjusted")), strict=True))
    theirs = [
        ("start ≤ 8.5", "number > 6.5", 0.80246913580, 0.1578947368),
        ("start ≤ 14.5", "number > 3.5", 0.64516129032, 0.2413793103),
        ("start ≤ 14.5", "age > 16", 0.59677419355, 0.1379310345),
        ("age ≤ 55", "start ≤ 9.5", 0.75757575758, 0.3333333333),
        ("age ≤ 55", "number > 5.5", 0.69696969697, 0.1666666667),
    ]
    assert [row[:2] for row in rows] == [row[:2] for row in theirs]
    np.testing.assert_allclose([row[2:] for row in rows], [row[2:] for row in theirs], rtol=1e-8)
    assert any("first surrogate" in note for note in output.notes)


def test_importance_with_surrogates_is_that_of_rpart(kyphosis: Any, build: Any, agreement: Any) -> None:
    cells = build.cells(kyphosis["feature_importance"])
    theirs = {"start": 8.198442234, "age": 3.101801424, "number": 1.521862828}
    agreement(
        "report.feature_importance", "gain with surrogates by column", cells["gain with surrogates"],
        [theirs[name] for name in cells["column"]], reference="R 4.2.2", data="kyphosis", relative=1e-8,
    )  # fmt: skip
