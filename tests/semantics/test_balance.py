"""What is said of class weights and of steps that change the rows, with the components that are installed."""

# ruff: noqa: E501  (tables are read by row)

from __future__ import annotations

import pytest

from mldsl.plugin.registry import Registry
from mldsl.semantics import analyze, load
from mldsl.source import Source

CLASSES = 'features {\n  y: binary("no", "yes") as target\n  a, b: continuous\n  c: categorical\n}'
NUMBERS = "features {\n  y: continuous as target\n  a, b: continuous\n}"
PLAIN = "transforms {\n  standardize on numeric\n  one_hot on c\n}"
LOGISTIC = "model {{ logistic_regression(class_weights = {}) }}"


@pytest.fixture(scope="module")
def checked(everything):
    """The analysis of a pipeline made of these blocks."""

    def run(*, model="model { logistic_regression }", steps=PLAIN, features=CLASSES, rest="", **more):
        text = "\n".join(("mlp 1", 'data { csv("t.csv") }', features, steps, rest, model)) + "\n"
        return analyze(load(Source("t.mlp", text)), everything, **more)

    return run


def said(analysis):
    return [f"{d.code} {d.message}" for d in analysis.diagnostics]


def steps(*lines):
    return "transforms {\n" + "".join(f"  {line}\n" for line in lines) + "}"


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"model": LOGISTIC.format("balanced")}, []),
        ({"model": LOGISTIC.format("none")}, []),
        ({"model": LOGISTIC.format('["yes" = 3]')}, []),
        ({"model": LOGISTIC.format("$how"), "rest": "param how: choice = balanced in [balanced, none]"}, []),
        ({"model": LOGISTIC.format('["yes" = $w]'), "rest": "param w: number = 3"}, []),
        ({"model": LOGISTIC.format("blanced")}, ["MLP0203 `blanced` is not a value of `class_weights`"]),
        ({"model": LOGISTIC.format('"balanced"')}, ['MLP0201 `class_weights` of `logistic_regression` takes one of balanced, none, or weights such as `["yes" = 2]`, not text']),
        ({"model": LOGISTIC.format("3")}, ['MLP0201 `class_weights` of `logistic_regression` takes one of balanced, none, or weights such as `["yes" = 2]`, not an integer']),
        ({"model": LOGISTIC.format('["yse" = 3]')}, ['MLP0203 `"yse"` is not a level of `y`']),
        ({"model": LOGISTIC.format('["yes" = 0]')}, ["MLP0202 `class_weights` is out of range"]),
        ({"model": LOGISTIC.format('["yes" = 1, "yes" = 2]')}, ['MLP0113 `"yes"` is given twice']),
        ({"model": LOGISTIC.format("[yes = 1]")}, ["MLP0201 a level of the target is written in quotes"]),
        ({"model": "model { logistic_regression(class_weight = balanced) }"}, ["MLP0102 `logistic_regression` has no parameter `class_weight`"]),
        ({"model": "model { logistic_regression(class_weights = balanced, class_weights = none) }"}, ["MLP0113 `class_weights` is given twice"]),
        ({"model": "model { constant(class_weights = balanced) }"}, ["MLP0102 `constant` has no parameter `class_weights`"]),
        ({"model": "model { constant(class_weight = $h) }", "rest": "param h: choice = none"}, ["MLP0102 `constant` has no parameter `class_weight`"]),
        ({"model": "model { ridge(class_weights = balanced) }", "features": NUMBERS, "steps": ""}, ["MLP0102 `ridge` has no parameter `class_weights`"]),
        ({"model": 'model { cart(class_weights = ["yes" = 2]) }'}, []),
        ({"model": LOGISTIC.format("balanced"), "features": NUMBERS, "steps": ""}, ["MLP0310 `logistic_regression` does not do regression", "MLP0314 `class_weights` needs classification"]),
    ],
)  # fmt: skip
def test_class_weights(blocks, expected, checked):
    assert said(checked(**blocks)) == expected


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"steps": steps("standardize on numeric", "one_hot on c", "smote on numeric")}, []),
        ({"steps": steps('downsample on "*"', "one_hot on c")}, []),
        ({"steps": steps("one_hot on c", 'upsample(ratio = 0.5) on "*"')}, []),
        ({"steps": steps("downsample on [a, c, b]", "one_hot on c")}, []),
        ({"steps": steps("downsample on numeric", "one_hot on c")}, ["MLP0204 `downsample` works on whole rows, and `c` would be left out"]),
        ({"steps": steps("one_hot on c", "upsample on a")}, ["MLP0204 `upsample` works on whole rows, and `b` and `c_*` would be left out"]),
        ({"steps": steps("standardize on numeric", 'smote on "*"', "one_hot on c")}, ["MLP0204 `smote` does not work on `c`, which is `categorical`"]),
        ({"steps": steps("standardize on numeric", "one_hot on c", 'smote on ["*", -a]')}, ["MLP0204 `smote` does not work on `c_*`, which is `binary`"]),
        ({"steps": steps("one_hot on c", "smote on numeric", "standardize on numeric")}, ["MLP0802 `smote` depends on the scale of its columns, and these have their own"]),
        ({"steps": steps("smote on a", "one_hot on c")}, []),  # one column has one scale
        ({"steps": steps("standardize on numeric", "one_hot on c", "smote(keep = true) on numeric")}, ["MLP0102 `smote` has no parameter `keep`"]),
        ({"steps": steps("standardize on numeric", "one_hot on c", "smote(k = 0) on numeric")}, ["MLP0202 `k` is out of range"]),
        ({"steps": steps("one_hot on c", 'downsample(ratio = 0.5) on "*"')}, ["MLP0202 `ratio` is out of range"]),
        ({"steps": steps('upsample on "*"', "target_encode on c")}, ["MLP0314 `target_encode` uses the target, and its rows have been changed before"]),
        ({"steps": steps("target_encode on c", 'upsample on "*"')}, []),
        ({"steps": steps("standardize on numeric", "smote on numeric"), "features": NUMBERS, "model": "model { ridge }"}, ["MLP0314 `smote` needs classification"]),
        ({"steps": steps("standardize on numeric", "smote on numeric"), "features": "features { a, b: continuous }", "model": "model { k_means(clusters = 2) }"}, ["MLP0314 `smote` needs classification"]),
        ({"steps": steps("standardize on numeric", "one_hot on c", "smote on [numeric, y]")}, ["MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
    ],
)  # fmt: skip
def test_steps_that_change_rows(blocks, expected, checked):
    assert said(checked(**blocks)) == expected


def test_missing_values_reach_no_distance(checked):
    gaps = CLASSES.replace("a, b: continuous", "a, b: continuous?")
    found = said(
        checked(
            features=gaps,
            steps=steps("impute(median) on numeric", "standardize on numeric", "one_hot on c", "smote on numeric"),
        )
    )
    assert found == []
    found = said(
        checked(
            features=gaps,
            steps=steps("standardize on numeric", "smote on numeric", "impute(median) on numeric", "one_hot on c"),
        )
    )
    assert [message.partition(" ")[0] for message in found] == ["MLP0307"]


def test_learned_levels_are_checked_once_they_are_known(checked):
    features = CLASSES.replace('binary("no", "yes")', "categorical")
    model = LOGISTIC.format('["maybe" = 2]')
    assert said(checked(features=features, model=model)) == []
    header = {"data": ("y", "a", "b", "c")}
    later = checked(features=features, model=model, header=header, header_levels={"y": ("no", "yes"), "c": ("u", "v")})
    assert said(later) == ['MLP0203 `"maybe"` is not a level of `y`']


def test_why_a_model_has_no_class_weights(checked):
    (refused,) = checked(model="model { constant(class_weights = balanced) }").diagnostics
    assert refused.notes == ("it has no loss in which rows could weigh more or less",)
    assert "`upsample` or `downsample`" in refused.help
    assert "models that have it: " in refused.help


def test_whole_rows_have_a_safe_fix(checked):
    (found,) = checked(steps=steps("downsample on a", "one_hot on c")).diagnostics
    assert (found.fix.text, found.fix.safe) == ('"*"', True)


def test_the_plan_holds_and_says_it(checked):
    from mldsl.plan.text import plan_text

    lines = steps("standardize on numeric", "one_hot on c", "smote on numeric")
    plan = checked(steps=lines, model=LOGISTIC.format('["yes" = 3]')).require()
    model = plan.models[0]
    assert dict(model.algorithm.args)["class_weights"] == (("yes", 3.0),)
    assert [step.resamples for step in model.steps] == [False, False, True]
    assert model.steps[-1].before == model.steps[-1].after
    text = " ".join(plan_text(plan).split())
    assert 'multiplied by 3 for "yes"; 1 for every other class' in text
    assert "changes the training rows of the model; never rows that are held out or to predict" in text
    balanced = checked(model=LOGISTIC.format("balanced"), rest="split { folds = 3 }").require()
    assert "same share of the loss, by the weights of each fit's training rows" in " ".join(plan_text(balanced).split())
    untouched = checked().require()
    assert "class_weights" not in dict(untouched.models[0].algorithm.args)


def test_the_registry_declares_them():
    registry = Registry.load()
    smote, logistic = (
        registry.find("transform", "smote").declaration,
        registry.find("model", "logistic_regression").declaration,
    )
    assert (smote.resamples, smote.scale_sensitive, smote.tasks, logistic.costs) == (True, True, ("classify",), True)
