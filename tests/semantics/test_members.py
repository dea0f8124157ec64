"""What is said of models that are made of others, with the components that are installed."""

# ruff: noqa: E501  (tables are read by row)

from __future__ import annotations

import pytest

from mldsl.semantics import analyze, load
from mldsl.source import Source

CLASSES = 'features {\n  y: binary("no", "yes") as target\n  a, b: continuous in 0..1\n}'
MISSING = 'features {\n  y: binary("no", "yes") as target\n  a: continuous?\n  c: categorical\n}'
ONE = "model one { logistic_regression }"
MARGIN = "model margin { svm }"
PAIR = "logistic_regression, gaussian_naive_bayes"


@pytest.fixture(scope="module")
def checked(everything):
    """The analysis of a pipeline made of these blocks."""

    def run(*models, features=CLASSES, rest=""):
        text = "\n".join(("mlp 1", 'data { csv("t.csv") }', features, rest, *models)) + "\n"
        return analyze(load(Source("t.mlp", text)), everything)

    return run


def said(analysis):
    return [f"{d.code} {d.message}" for d in analysis.diagnostics]


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([f"model {{ voting([{PAIR}]) }}"], []),
        ([ONE, "model v { voting([one, gaussian_naive_bayes], voting = hard, weights = [1, 2]) }"], []),
        ([ONE, f"model s {{ stacking([one, voting([{PAIR}])], final = logistic_regression(l2 = 2)) }}"], []),
        (["model { voting([]) }"], ["MLP0202 `voting` needs two models or more, and has none"]),
        (["model { voting([logistic_regression]) }"], ["MLP0202 `voting` needs two models or more, and has one"]),
        ([ONE, "model v { voting(one) }"], ["MLP0202 `voting` needs two models or more, and has one"]),
        ([ONE, "model v { voting([one, one]) }"], ["MLP0113 `one` is given twice"]),
        ([ONE, "model v { voting([onee, gaussian_naive_bayes]) }"], ["MLP0112 unknown model `onee`"]),
        (["model { voting([logistic_regresion, gaussian_naive_bayes]) }"], ["MLP0101 unknown model `logistic_regresion`"]),
        ([ONE, "model v { voting([best, one]) }"], ["MLP0112 `best` is no member: it is chosen among models once all are trained"]),
        (["model v { voting([v, gaussian_naive_bayes]) }"], ["MLP0118 model `v` is made of itself"]),
        (["model v { voting([w, gaussian_naive_bayes]) }", "model w { voting([v, gaussian_naive_bayes]) }"], ["MLP0118 model `v` is made of itself", "MLP0118 model `w` is made of itself"]),
        ([ONE, "model v { voting([one, voting([v, one])]) }"], ["MLP0118 model `v` is made of itself"]),
        ([f"model {{ stacking([{PAIR}]) }}"], ["MLP0115 `stacking` needs `final`"]),
        ([f"model {{ stacking([{PAIR}], final = ridge) }}"], ["MLP0310 `ridge` does not do classification"]),
        (["model { voting([logistic_regression, ridge]) }"], ["MLP0310 `ridge` does not do classification"]),
        ([f"model {{ stacking([{PAIR}], final = logistic_regression, folds = 1) }}"], ["MLP0202 `folds` is out of range"]),
        ([f"model {{ voting([{PAIR}], weights = [1, -1]) }}"], ["MLP0202 `weights` is out of range"]),
        (["model { voting([logistic_regression(l3 = 1), gaussian_naive_bayes]) }"], ["MLP0102 `logistic_regression` has no parameter `l3`"]),
        ([ONE, MARGIN, "model v { voting([one, margin]) }", "metrics { accuracy }"], ["MLP0318 `voting` takes the mean of probabilities, and `svm` gives margins"]),
        ([ONE, MARGIN, "model v { voting([one, margin], voting = hard) }", "metrics { accuracy }"], []),
        ([ONE, "model margin {\n  svm\n  calibrate = sigmoid\n}", "model v { voting([one, margin]) }"], []),
        (["model { voting([logistic_regression, svm]) }"], ["MLP0318 `voting` takes the mean of probabilities, and `svm` gives margins"]),
        (["model { stacking([logistic_regression, svm], final = logistic_regression) }"], []),
        ([f"model {{ stacking([{PAIR}], final = svm) }}", "metrics { log_loss }"], ["MLP0318 `log_loss` needs probabilities, and `stacking` gives margins"]),
        ([ONE, MARGIN, "model v {\n  voting([one, margin], voting = hard)\n  inputs = t\n}", "transforms t { standardize on numeric }", "metrics { accuracy }"], ["MLP0106 `inputs` of `v` would reach no model"]),
        ([ONE, f"model s {{ stacking([{PAIR}], final = voting([one, gaussian_naive_bayes])) }}"], ["MLP0112 `one` has inputs of its own, and `voting` gives all models in it the same"]),
        (["model v {\n  voting([logistic_regression, gaussian_naive_bayes])\n  stop_when = no_improvement(rounds = 3)\n}", "split { validation = 10% }"], ["MLP0308 `voting` does not learn in rounds, so it cannot stop early"]),
    ],
)  # fmt: skip
def test_messages(models, expected, checked):
    assert said(checked(*models)) == expected


def test_members_in_place_are_judged_by_the_columns_of_the_whole(checked):
    found = checked("model { voting([logistic_regression, k_nearest_neighbors]) }", features=MISSING)
    assert said(found) == [
        "MLP0307 `logistic_regression` cannot work on missing values",
        "MLP0311 `logistic_regression` does not take `categorical` columns",
        "MLP0307 `k_nearest_neighbors` cannot work on missing values",
        "MLP0802 `k_nearest_neighbors` depends on the scale of its columns, and these have their own",
    ]
    fix = next(d.fix for d in found.diagnostics if d.code == "MLP0311")
    assert "one_hot on categorical" in fix.text


def test_members_of_the_file_are_judged_once_by_their_own_columns(checked):
    steps = "transforms t {\n  impute(median) on a\n  one_hot on c\n}"
    clean = "model clean {\n  logistic_regression\n  inputs = t\n}"
    raw = "model raw { gaussian_naive_bayes }"
    found = said(checked(clean, raw, "model v { voting([clean, raw]) }", features=MISSING, rest=steps))
    assert all("`gaussian_naive_bayes`" in text for text in found)
    assert len(found) == 2


def test_the_plan_holds_members_with_their_settings(checked):
    one = "model one {\n  logistic_regression(l2 = 3)\n  threshold = 0.4\n}"
    plan = checked(
        one, "model s { stacking([one, constant, constant(most_frequent)], final = logistic_regression) }"
    ).plan
    first, second, third = plan.models[1].members
    assert first == plan.models[0]
    assert (second.name, second.part_of) == ("s.constant", "s")
    assert (third.name, dict(third.algorithm.args)["strategy"]) == ("s.constant_2", "most_frequent")


def test_a_name_of_the_file_wins_over_a_component(checked):
    plan = checked(
        "model constant { logistic_regression }", "model v { voting([constant, gaussian_naive_bayes]) }"
    ).plan
    assert plan.models[1].members[0].algorithm.name == "logistic_regression"
