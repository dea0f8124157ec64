"""`tune`: what a search may vary, what that reaches, and the plan with other values."""

from __future__ import annotations

import pytest

from mldsl.plan.json import as_dict
from mldsl.plan.text import plan_text
from mldsl.plan.tuning import domains_of, reached, with_values
from mldsl.plugin.search import Domain

PARAMS = "param c: number = 2\nparam k: integer = 3\nparam word: choice = newton\nparam x: number = 1"


@pytest.fixture
def tuned(pipeline):
    """Check a pipeline with these params and a `tune` block."""

    def run(domains, model="model { logistic_regression(l2 = $c) }", head=PARAMS, tune="search = grid", **blocks):
        rest = "tune {\n  " + "\n  ".join([*tune.split("; "), *domains.split("; ")]) + "\n}"
        given = {"head": f"mlp 1\n{head}", "model": model, "rest": rest}
        settings = {k: blocks.pop(k) for k in ("overrides", "header") if k in blocks}
        return pipeline(**settings, **{**given, **blocks, "rest": rest + "\n" + blocks.get("rest", "")})

    return run


@pytest.fixture
def found(tuned):
    """The errors, as code and message."""

    def run(*args, **blocks):
        return [f"{d.code} {d.message}" for d in tuned(*args, **blocks).diagnostics if d.severity == "error"]

    return run


CART = "model { cart(max_depth = $k) }"
DEEP = "MLP0305 the search space of `$k` leaves what `max_depth` of `cart` allows"
LINEAR = "model { logistic_regression }"
KERNEL = {"model": "model { svm(kernel = $word) }", "head": PARAMS.replace("newton", "rbf")}
CUT = {"model": "model {\n  logistic_regression\n  threshold = $x\n}", "head": "param x: share = 0.5"}


# ---- what may be searched --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domains", "blocks", "expected"),
    [
        ("$c in log(0.1..10)", {}, []),
        ("$c in 0..10", {}, []),
        ("$k in log(1..200)", {"model": CART}, []),
        ("$k in log(0..200)", {"model": CART}, ["MLP0202 a logarithmic range lies above 0"]),
        ("$k in 0..5", {"model": CART}, [DEEP]),
        ("$k in [3, 0]", {"model": CART}, [DEEP]),
        ("$c in [1, 2.5]", {"model": "model { svm(kernel = rbf(gamma = $c)) }"}, []),
        ("$c in -1..1", {"model": "model { svm(kernel = rbf(gamma = $c)) }"},
         ["MLP0305 the search space of `$c` leaves what `gamma` of `rbf` allows"]),
        # Arithmetic is followed.
        ("$c in log(0.1..10)", {"model": "model { logistic_regression(l2 = 1 / $c) }"}, []),
        ("$c in 0..10", {"model": "model { logistic_regression(l2 = 1 / $c) }"},
         ["MLP0305 the search space of `$c` leaves what `l2` of `logistic_regression` allows"]),
        ("$k in 1..8", {"model": "model { cart(max_depth = $k - 2) }"},
         [DEEP]),
        ("$k in 3..8", {"model": "model { cart(max_depth = $k - 2) }"}, []),
        # Names of lists.
        ("$word in [newton, lbfgs]", {"model": "model { logistic_regression(solver = $word) }"}, []),
        ("$word in [newton, lbfsg, x]", {"model": "model { logistic_regression(solver = $word) }"},
         ["MLP0203 `lbfsg` is not a value of `solver` of `logistic_regression`",
          "MLP0203 `x` is not a value of `solver` of `logistic_regression`"]),
        ("$word in [rbf, linear]", KERNEL, []),
        ("$word in [rbf, lineal]", KERNEL, ["MLP0203 `lineal` is not a value of `kernel` of `svm`"]),
        ("$word in [median, constant]",
         {"model": LINEAR, "head": PARAMS.replace("newton", "median"),
          "transforms": "transforms {\n  impute($word) on a\n  one_hot on c\n  drop on t\n}"},
         ["MLP0115 `constant` needs `value`, which a search cannot give"]),
        # What trains nothing.
        ("$x in 0.1..0.9", CUT,
         ["MLP0305 `$x` reaches no transform and no algorithm, so every trial would train the same"]),
        ("$x in 0..9", {"model": LINEAR},
         ["MLP0305 `$x` is used nowhere, so every trial would be the same"]),
        ("$x in 0..9", {"model": LINEAR,
                        "transforms": "transforms {\n  one_hot on c\n  drop on t\n  d = a * $x\n}"}, []),
        # An unknown component may use anything.
        ("$x in 0..9", {"model": "model { logistic_regresion(l2 = $x) }"},
         ["MLP0101 unknown model `logistic_regresion`"]),
        ("$x in 0..9", {"data": 'data {\n  csv("t.csv")\n  where = a > $x\n}'},
         ["MLP0305 `$x` decides about rows or columns and cannot be tuned"]),
    ],
)  # fmt: skip
def test_what_may_be_searched(found, domains, blocks, expected):
    assert found(domains, **blocks) == expected


def test_what_trains_nothing_is_told_what_to_do_instead(tuned):
    (found,) = tuned("$x in 0.1..0.9", **CUT).diagnostics
    assert "maximize(METRIC)" in (found.help or "")
    assert found.labels[0].text == "used in `threshold`"


def test_a_param_of_tune_that_is_used_nowhere_is_said_once(tuned):
    (error,) = tuned("$x in 0..1", head="param x: number = 1", model=LINEAR).diagnostics
    assert error.code == "MLP0305"


# ---- one standard error ----------------------------------------------------------------------------------------------

ONE = "search = grid; choose = one_standard_error"


@pytest.mark.parametrize(
    ("domains", "blocks", "expected"),
    [
        ("$c in log(0.1..10)", {}, []),
        ("$word in [newton, lbfgs]", {"model": "model { logistic_regression(solver = $word) }"}, []),
        ("$k in 2..9", {"model": CART}, ["MLP0316 `one_standard_error` cannot tell which setting is simpler"]),
        ("$k in [2, 9]", {"model": CART}, []),
        ("$c in log(0.1..10)", {"model": "model { logistic_regression(l2 = 1 / $c) }"},
         ["MLP0316 `one_standard_error` cannot tell which setting is simpler"]),
        ("$c in log(0.1..10)", {"rest": "split {\n  test = 10%\n  validation = 10%\n}"},
         ["MLP0316 `one_standard_error` needs folds"]),
        ("$c in log(0.1..10)", {"rest": "split {\n  test = 10%\n  validation = 10%\n  folds = 3\n}"}, []),
    ],
)  # fmt: skip
def test_one_standard_error(found, domains, blocks, expected):
    assert found(domains, tune=ONE, **blocks) == expected


def test_the_plan_says_what_is_simpler(tuned):
    plan = tuned("$c in log(0.1..10); $word in [newton, lbfgs]",
                 model="model { logistic_regression(l2 = $c, solver = $word) }").plan  # fmt: skip
    assert plan.tune.simpler == (("c", "larger"),)
    both = tuned("$c in log(0.1..10)", model="model { logistic_regression(l2 = $c, memory = 3, solver = lbfgs) }").plan
    assert both.tune.simpler == (("c", "larger"),)


def test_rounds_are_for_models_that_have_them(found):
    rounds = "search = halving(9, resource = rounds)"
    who = "`logistic_regression` with `solver = newton`"
    assert found("$c in log(0.1..10)", tune=rounds) == [
        f"MLP0308 {who} does not learn in rounds, so `halving` cannot give it fewer"
    ]
    boosted = "model { gradient_boosting(learning_rate = $c / 100) }"
    assert found("$c in log(0.1..1)", tune=rounds, model=boosted) == []


# ---- the plan --------------------------------------------------------------------------------------------------------


def test_domains_of_the_plan(tuned):
    model = "model { logistic_regression(l2 = $c * $k, solver = $word) }"
    plan = tuned("$c in log(0.1..10); $k in 2..5; $word in [newton, lbfgs, newton]", model=model).plan
    assert domains_of(plan.tune, plan.params) == (
        Domain("c", "number", 0.1, 10, True), Domain("k", "integer", 2, 5),
        Domain("word", "choice", values=("newton", "lbfgs")),
    )  # fmt: skip


def test_each_model_has_its_own_params(tuned):
    model = (
        "model a { logistic_regression(l2 = $c, solver = $word) }\n"
        "model b {\n  svm(kernel = rbf(gamma = $x))\n  inputs = scaled\n}\nmodel c { constant }"
    )
    steps = "transforms {\n  one_hot on c\n  drop on t\n}\ntransforms scaled {\n  drop on [c, t]\n  d = a * $k\n}"
    plan = tuned("$c in 1..2; $x in 1..2; $k in 1..2; $word in [newton, lbfgs]", model=model, transforms=steps).plan
    assert [sorted(reached(m)) for m in plan.models] == [["c", "word"], ["k", "x"], []]
    text = plan_text(plan)
    assert "model a       $c, $word" in text
    assert "model b       $x, $k" in text
    assert "model c       no search" in text
    assert as_dict(plan)["tune"]["simpler"] == {"c": "larger"}


@pytest.mark.parametrize(
    ("model", "values", "expected"),
    [
        ("logistic_regression(l2 = $c)", {"c": 7.5}, {"l2": 7.5}),
        ("logistic_regression(l2 = $k)", {"k": 7}, {"l2": 7.0}),
        ("logistic_regression(l2 = 1 / $c)", {"c": 4.0}, {"l2": 0.25}),
        ("logistic_regression(l2 = $c * $k + 1)", {"c": 0.5}, {"l2": 2.5}),
        ("logistic_regression(l2 = 2 ^ -$k)", {"k": 1}, {"l2": 0.5}),
        ("cart(max_depth = $k + 1)", {"k": 5}, {"max_depth": 6}),
        ("logistic_regression(solver = $word)", {"word": "lbfgs"}, {"solver": "lbfgs"}),
        ('cart(class_weights = ["no" = 1, "yes" = $c])', {"c": 9}, {"class_weights": (("no", 1.0), ("yes", 9.0))}),
        ("logistic_regression(l2 = $c)", {"k": 5}, {"l2": 2.0}),
    ],
)
def test_a_model_with_other_values(tuned, model, values, expected):
    domains = {"c": "$c in 1..2", "k": "$k in 3..4", "word": "$word in [newton]"}
    used = "; ".join(text for name, text in domains.items() if f"${name}" in model)
    plan = tuned(used, model=f"model {{ {model} }}").plan
    given = with_values(plan.models[0], values)
    args = dict(given.algorithm.args)
    assert {name: args[name] for name in expected} == expected
    assert [type(args[name]) for name in expected] == [type(v) for v in expected.values()]


def test_nested_components_and_derived_columns_with_other_values(tuned):
    steps = "transforms {\n  impute(constant($c)) on a\n  one_hot on c\n  drop on t\n  d = a * $x + 1\n}"
    plan = tuned("$c in 1..2; $x in 1..2; $k in 1..2",
                 model="model { svm(kernel = rbf(gamma = $k)) }", transforms=steps).plan  # fmt: skip
    given = with_values(plan.models[0], {"c": 8.0, "x": 0.5, "k": 4})
    impute, *_, derived = given.steps
    assert dict(dict(impute.component.args)["strategy"].args) == {"value": 8.0}
    assert "0.5" in repr(derived.derive[1])
    assert dict(dict(given.algorithm.args)["kernel"].args) == {"gamma": 4.0}
    assert with_values(plan.models[0], {}) == plan.models[0]


# ---- from the command line -------------------------------------------------------------------------------------------


def test_what_is_fixed_is_not_searched(tuned):
    model = "model { logistic_regression(l2 = $c, solver = $word) }"
    domains = "$c in log(0.1..10); $word in [newton, lbfgs]"
    plan = tuned(domains, model=model, overrides={"c": "3"}).plan
    assert [name for name, _ in plan.tune.domains] == ["word"]
    assert plan.tune.simpler == ()
    none = tuned(domains, model=model, overrides={"c": "3", "word": "lbfgs"}).plan
    assert none.tune is None
    assert none.settled == ("all that `tune` would vary is fixed by `-p`: nothing is searched",)
    assert none.split.implicit_folds == 0, "nothing is left to choose"
    assert "the tuned params" not in " ".join(none.defaults)


def test_no_tune(stand_ins, pipeline):
    from conftest import BLOCKS

    from mldsl.semantics import analyze, load
    from mldsl.source import Source

    blocks = {
        **BLOCKS, "head": "mlp 1\nparam c: number = 2", "model": "model { logistic_regression(l2 = $c) }",
        "rest": "tune {\n  search = grid\n  $c in log(0.1..10)\n}",
    }  # fmt: skip
    found = load(Source("t.mlp", "\n".join(blocks.values()) + "\n"))
    plan = analyze(found, stand_ins, search=False).plan
    assert plan.tune is None
    assert plan.settled == ("`--no-tune`: nothing is searched, params keep their values",)
    assert dict(plan.models[0].algorithm.args)["l2"] == 2.0
    assert analyze(found, stand_ins).plan.tune is not None
