"""Params: their values from the file and from the command line, and what depends on them."""

import pytest

FILE = """mlp 1
param path: text = "t.csv"
param l2: number = 0.5 in 0.1..10
param how: choice = newton in [newton, lbfgs]
param part: share = 20%
param keep: boolean = true
param trees: integer
data { csv($path) }
features {
  y: binary as target
  a: continuous
}
transforms { impute(indicator = $keep) on a }
split { test = $part }
model linear { logistic_regression(l2 = $l2, solver = $how) }
model forest { random_forest(trees = $trees) }
"""


def values(analysis):
    return {param.name: (param.value, param.origin) for param in analysis.plan.params}


def test_what_must_be_given_is_pending_and_no_mistake(check):
    analysis = check(FILE)
    assert analysis.diagnostics == ()
    assert analysis.plan is None
    assert [d.message for d in analysis.pending] == ["param `trees` has no value"]
    assert [d.code for d in check(FILE, header={"data": ("y", "a")}).diagnostics] == ["MLP0115"]


def test_values_reach_the_plan(check):
    given = {"trees": "1_00", "l2": "1", "part": "0.3", "path": "other file.csv", "how": "lbfgs", "keep": "false"}
    plan = check(FILE, overrides=given).plan
    assert values(check(FILE, overrides=given)) == {
        "path": ("other file.csv", "command line"), "l2": (1, "command line"), "how": ("lbfgs", "command line"),
        "part": (0.3, "command line"), "keep": (False, "command line"), "trees": (100, "command line"),
        "seed": (0, "default"),
    }  # fmt: skip
    linear, forest = plan.models
    assert (linear.algorithm.arg("l2"), linear.algorithm.arg("solver")) == (1.0, "lbfgs")
    assert linear.algorithm.params == (("l2", "l2"), ("solver", "how"))
    assert forest.algorithm.arg("trees") == 100
    assert plan.sources[0][1].arg("path") == "other file.csv"
    assert plan.split.test == 0.3
    assert linear.steps[0].component.arg("indicator") is False


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("tree", "3", "unknown param `tree` on the command line"),
        ("trees", "many", "`trees` takes an integer"),
        ("trees", "3.5", "`trees` takes an integer"),
        ("trees", "3\nuse acme", "`trees` takes an integer"),
        ("trees", "3 in 1..2", "`trees` takes an integer"),
        ("l2", "100", "`l2` is out of range: allowed are 0.1..10"),
        ("how", "saga", "`how` is out of range: allowed are [newton, lbfgs]"),
        ("part", "200%", "`part` is out of range: allowed are 0..1"),
        ("keep", "1", "`keep` takes true or false"),
        ("seed", "x", "`seed` takes an integer"),
        ("seed", "-1", "`seed` is out of range: allowed are >= 0"),
    ],
)
def test_command_line_values_are_checked_like_the_file(check, name, text, message):
    analysis = check(FILE, overrides={"trees": "10", name: text})
    (found,) = analysis.diagnostics
    assert found.message == message
    assert found.span is None
    assert f"given by `-p {name}={text}`" in found.notes


@pytest.mark.parametrize(
    ("written", "given", "seed"), [("", {}, 0), ("param seed: integer = 7\n", {}, 7), ("", {"seed": "3"}, 3)]
)
def test_seed(check, written, given, seed):
    text = FILE.replace("param trees: integer\n", "param trees: integer = 9\n" + written)
    assert check(text, overrides=given).plan.seed == seed


def test_a_value_from_the_command_line_leaves_the_search(check):
    text = FILE.replace("trees: integer", "trees: integer = 10") + (
        "tune {\n  search = grid\n  $trees in 10..20\n  $l2 in log(0.1..1)\n}\n"
    )
    plan = check(text).plan
    assert plan.tune.domains == (("trees", ("range", 10, 20)), ("l2", ("log", 0.1, 1)))
    fixed = check(text, overrides={"l2": "0.2"}).plan
    assert fixed.tune.domains == (("trees", ("range", 10, 20)),)
    assert "`$l2` is fixed by `-p` and taken out of the search" in fixed.settled


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("param n: integer = 5 in 10..20", "`n` is out of range"),
        ("param n: number = 1e-3 in [1, 2]", "`n` is out of range"),
        ('param n: integer = "5"', "`n` takes an integer, not text"),
        ("param n: choice = a in 1..2", "values that are choice have no range"),
        ("param n: integer? = 1", "the type `integer` of a param takes neither arguments nor `?`"),
        ("param n: integer = 1 in 5..1", "the range is empty: its low end is above its high end"),
        ("param n: integer = 1 in 3", "a domain is a range `low..high` or a list `[a, b]`"),
        ("param n: share = 120%", "`n` is out of range"),
    ],
)
def test_declarations(said, line, message):
    use = "param used: integer = 1\n"
    messages = [text[8:] for text in said(rest=use + line, model="model { random_forest($used) }")]
    assert messages == ["param `n` is never used", message]
