"""What the plan says: splits, defaults, columns and types after each step, headers."""

# ruff: noqa: E501  (tables are read by row)

import pytest

from mldsl.plan import Apply, ClassCount, Columns, ColumnUse, Constant, EnvSecret
from mldsl.plan.design import terms_of
from mldsl.plan.expressions import expression_text
from mldsl.plan.text import plan_text

CLASSES = "features {\n  y: categorical as target\n  a, b: continuous\n}"
NUMBERS = "features {\n  y: continuous as target\n  a, b: continuous\n}"
NOTHING = {
    "transforms": "",
    "model": "model { k_means(clusters = 2) }",
    "features": "features { a, b: continuous in 0..1 }",
}


def states(frame):
    return {state.name: state.type + "?" * state.missing for state in frame}


def plan_of(pipeline, **blocks):
    analysis = pipeline(**blocks)
    assert analysis.diagnostics == (), analysis.diagnostics
    return analysis.plan


# ---- splits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "model", "rest", "expected"),
    [
        (CLASSES, "logistic_regression", "", (0.2, None, 0, ("stratified",), "test", 0)),
        (NUMBERS, "ridge", "", (0.2, None, 0, ("random",), "test", 0)),
        (NUMBERS, "ridge", "split { folds = 5 }", (None, None, 5, ("random",), "folds", 0)),
        (NUMBERS, "ridge", "split { validation = 10% }", (0.2, 0.1, 0, ("random",), "test", 0)),
        (NUMBERS, "ridge", "split { test = 0% }", (0.0, None, 0, ("random",), "train", 0)),
        (NUMBERS, "ridge", "split {\n  test = 0%\n  folds = 3\n}", (0.0, None, 3, ("random",), "folds", 0)),
        (NUMBERS, "ridge", "split { test = last(30) }", (30, None, 0, ("random",), "test", 0)),
        ("features {\n  y: continuous as target\n  g: id as group\n  a: continuous\n}", "ridge", "",
         (0.2, None, 0, ("group",), "test", 0)),
        ("features {\n  y: continuous as target\n  g: id as group\n  d: time as time\n  a: continuous\n}", "ridge", "",
         (0.2, None, 0, ("group", "time"), "test", 0)),
        ("features {\n  y: continuous as target\n  d: time as time\n  a: continuous\n}", "ridge", "",
         (0.2, None, 0, ("time",), "test", 0)),
        ("features {\n  y: continuous as target\n  p: categorical as part\n  a: continuous\n}", "ridge", "split { by = random }",
         (None, None, 0, ("random",), "test", 0)),
        ("features {\n  u: id as user\n  i: id as item\n}", "most_popular", "", (0.2, None, 0, ("user",), "test", 0)),
        (CLASSES, "logistic_regression\n  calibrate = sigmoid", "", (0.2, None, 0, ("stratified",), "test", 5)),
        (CLASSES, "logistic_regression\n  calibrate = sigmoid", "split { validation = 10% }",
         (0.2, 0.1, 0, ("stratified",), "test", 0)),
    ],
)  # fmt: skip
def test_split(pipeline, features, model, rest, expected):
    split = plan_of(pipeline, features=features, transforms="", model=f"model {{\n  {model}\n}}", rest=rest).split
    assert (split.test, split.validation, split.folds, split.by, split.held_out, split.implicit_folds) == expected


def test_nothing_is_split_without_a_target(pipeline):
    split = plan_of(pipeline, **NOTHING).split
    assert (split.test, split.held_out, split.written) == (None, "all", False)


def test_separate_sources(pipeline):
    data = 'data {\n  train = csv("a")\n  test = csv("b")\n}'
    split = plan_of(
        pipeline, data=data, features=NUMBERS, transforms="", model="model { ridge }", rest="split { folds = 3 }"
    ).split
    assert (split.separate, split.test, split.held_out) == (("test",), None, "test")


# ---- defaults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("binary", ["roc_auc", "log_loss", "accuracy"]),
        ('categorical("a", "b")', ["roc_auc", "log_loss", "accuracy"]),
        ("categorical", ["accuracy", "balanced_accuracy", "log_loss"]),
        ('ordinal("a", "b", "c")', []),
        ("continuous", ["rmse", "mae", "r2"]),
    ],
)
def test_default_metrics(pipeline, type_, expected):
    plan = plan_of(pipeline, features=f"features {{\n  y: {type_} as target\n  a: continuous\n}}", transforms="",
                   model="model { random_forest }")  # fmt: skip
    assert [metric.name for metric in plan.metrics] == expected
    assert [metric.primary for metric in plan.metrics] == [True, False, False][: len(expected)]


def test_metrics_are_called_as_written(pipeline):
    plan = plan_of(pipeline, rest='metrics {\n  f1(positive = "yes") >= 0.5\n  accuracy() as primary\n}')
    first, second = plan.metrics
    assert (first.name, first.primary, first.op, first.bound, first.better) == (
        'f1(positive = "yes")', False, ">=", 0.5, "higher",
    )  # fmt: skip
    assert (second.name, second.primary) == ("accuracy", True)


def test_all_arguments_are_spelt_out(pipeline):
    features = "features {\n  y: binary as target\n  a, b: continuous in 0..1\n}"
    model = plan_of(pipeline, features=features, transforms="", model="model { svm(c = 2) }").models[0]
    assert model.name == "svm"
    assert model.algorithm.written == ("c",)
    assert model.algorithm.arg("c") == 2.0
    assert model.algorithm.arg("kernel").args == (("gamma", "scale"),)
    assert model.algorithm.text == "svm(c = 2)"


def test_levels_of_a_map_and_a_choice_with_arguments(pipeline):
    step = "transforms {\n  one_hot on c\n  drop on t\n  impute(constant(3)) on a\n}"
    model = 'model { cart(class_weights = ["no" = 1, "yes" = 2.5]) }'
    plan = plan_of(pipeline, transforms=step, model=model)
    assert plan.models[0].algorithm.arg("class_weights") == (("no", 1.0), ("yes", 2.5))
    strategy = plan.models[0].steps[2].component.arg("strategy")
    assert (strategy.kind, strategy.name, strategy.args) == ("choice", "constant", (("value", 3.0),))


def test_classes_are_counted_where_levels_are_known(pipeline):
    network = "network n { dense(classes) }"
    model = "model { neural_network(n) }"
    known = plan_of(pipeline, rest=network, model=model)
    assert known.networks[0].layers[0].arg("units") == 2
    learned = {"rest": network, "model": model, "features": CLASSES, "transforms": ""}
    assert plan_of(pipeline, **learned).networks[0].layers[0].arg("units") == ClassCount()
    found = pipeline(**learned, header_levels={"y": ("p", "q", "r")}).plan
    assert found.networks[0].layers[0].arg("units") == 3


def test_secrets_are_names_only(pipeline):
    plan = plan_of(pipeline, data='data { sql(env("URL"), "select 1") }')
    assert plan.sources[0][1].arg("url") == EnvSecret("URL")


# ---- columns through the steps ---------------------------------------------------------------------------------------


def test_types_and_missing_values_on_every_edge(pipeline):
    features = """features {
      y: binary as target
      a, b: continuous?
      c: categorical
      w: continuous as weight
      d: time as ignore
    }"""
    transforms = """transforms {
      s = a + b
      impute(median, indicator = true) on [a, s]
      one_hot on c
      date_parts on d
      drop on b
      standardize(keep = true) on a
    }"""
    model = plan_of(pipeline, features=features, transforms=transforms).models[0]
    assert [states(step.after) for step in model.steps] == [
        {"a": "continuous?", "b": "continuous?", "c": "categorical", "s": "continuous?"},
        {"a": "continuous", "a_missing": "binary", "b": "continuous?", "c": "categorical", "s": "continuous",
         "s_missing": "binary"},
        {"a": "continuous", "a_missing": "binary", "b": "continuous?", "c_*": "binary", "s": "continuous",
         "s_missing": "binary"},
        {"a": "continuous", "a_missing": "binary", "b": "continuous?", "c_*": "binary", "s": "continuous",
         "s_missing": "binary", "d_month": "integer", "d_weekday": "integer"},
        {"a": "continuous", "a_missing": "binary", "c_*": "binary", "s": "continuous", "s_missing": "binary",
         "d_month": "integer", "d_weekday": "integer"},
        {"a": "continuous", "a_standardize": "continuous", "a_missing": "binary", "c_*": "binary", "s": "continuous",
         "s_missing": "binary", "d_month": "integer", "d_weekday": "integer"},
    ]  # fmt: skip
    assert [step.fitted for step in model.steps] == [False, True, True, True, False, True]
    assert [step.keep for step in model.steps] == [False] * 5 + [True]
    assert states(model.columns) == states(model.steps[-1].after)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("a", ("a",)),
        ("numeric", ("a", "b", "n")),
        ("continuous", ("a", "b")),
        ("[numeric, -b]", ("a", "n")),
        ('"*"', ("a", "b", "n", "c", "time")),
        ('["*", -categorical, -"t*"]', ("a", "b", "n")),
        ("[n, a, a]", ("n", "a")),
        ("time", ("time",)),
    ],
)
def test_column_positions(pipeline, on, expected):
    """`time` is a column here, and wins over the type of the same name."""
    features = "features {\n  y: binary as target\n  a, b: continuous\n  n: integer\n  c, time: categorical\n}"
    step = plan_of(
        pipeline, features=features, transforms=f"transforms {{ impute on {on} }}", model="model { cart }"
    ).models[0]
    assert step.steps[0].on == expected


def test_keep_leaves_these_inputs_alone(pipeline):
    plan = plan_of(pipeline, transforms="transforms { keep on [a, b] }")
    assert states(plan.models[0].columns) == {"a": "continuous", "b": "integer"}


def test_columns_that_a_function_gathers_leave_the_inputs(pipeline):
    features = 'features {\n  y: binary as target\n  "p*": continuous\n  a: continuous\n}'
    transforms = 'transforms { photo = image("p*", height = 2, width = 2) }'
    given = {"features": features, "transforms": transforms, "model": "model { neural_network(n) }",
             "rest": "network n { flatten }"}  # fmt: skip
    assert states(plan_of(pipeline, **given).models[0].columns) == {"a": "continuous", "photo": "image"}
    complete = plan_of(pipeline, **given, header={"data": ("y", "a", "p1", "p2", "p3", "p4")})
    assert states(complete.models[0].columns) == {"a": "continuous", "photo": "image"}
    expression = complete.models[0].steps[0].derive[1]
    assert expression.args == (Columns(("p1", "p2", "p3", "p4")), Constant(2), Constant(2))


def test_sources_of_a_computed_target_are_no_inputs(pipeline):
    features = "features {\n  late: binary = delay > 15 as target\n  delay: continuous\n  a: continuous\n}"
    plan = plan_of(pipeline, features=features, transforms="")
    assert plan.column("late").computed == Apply(">", (ColumnUse("delay"), Constant(15)))
    assert plan.column("delay").role == "ignore"
    assert states(plan.models[0].columns) == {"a": "continuous"}


def test_a_formula_decides_about_the_columns_of_its_model(pipeline):
    features = "features {\n  y: continuous as target\n  a: continuous\n  b: continuous?\n  c: categorical\n}"
    plan = plan_of(pipeline, features=features, transforms="", model="model { ols(~ log(a) + c + a:c) }")
    model = plan.models[0]
    assert states(model.columns) == {"a": "continuous", "c": "categorical", "log(a)": "continuous"}
    assert model.algorithm.arg("formula") == model.design.text == "~ log(a) + c + a:c"
    assert terms_of(model.design.right, ["a", "c", "log(a)"]) == (True, (("log(a)",), ("c",), ("a", "c")))
    assert [step.derive[0] for step in model.steps] == ["log(a)"]
    assert model.own_steps == ()
    assert model.target_scale is None


def test_the_left_side_of_a_formula_says_how_the_target_is_learned(pipeline):
    features = "features {\n  y: continuous as target\n  a: continuous\n}"
    for left, scale in (("log(y)", "log"), ("y", None)):
        plan = plan_of(pipeline, features=features, transforms="", model=f"model {{ ols({left} ~ a) }}")
        assert plan.models[0].target_scale == scale


def test_models_share_steps_and_have_their_own(pipeline):
    transforms = "transforms first {\n  drop on t\n}\ntransforms second {\n  one_hot on c\n}"
    models = "model a {\n  cart\n  inputs = first\n}\nmodel b {\n  logistic_regression\n  inputs = [first, second]\n}"
    plan = plan_of(pipeline, transforms=transforms, model=models)
    assert [model.transforms for model in plan.models] == [("first",), ("first", "second")]
    assert "c" in states(plan.models[0].columns)
    assert "c_*" in states(plan.models[1].columns)


def test_a_report_of_one_model(pipeline):
    models = "model a { cart }\nmodel b { random_forest }"
    plan = plan_of(
        pipeline, transforms="", model=models, features=CLASSES, rest="report {\n  roc_curve(model = a)\n  roc_curve\n}"
    )
    assert [(report.args, report.model) for report in plan.reports] == [((), "a"), ((), None)]


# ---- headers ---------------------------------------------------------------------------------------------------------


def test_a_star_takes_what_no_other_line_names(pipeline):
    features = 'features {\n  y: binary as target\n  "p*": integer\n  p9: categorical as ignore\n  "*": continuous\n}'
    header = {"data": ("p2", "q", "y", "p9", "p1")}
    plan = plan_of(pipeline, features=features, transforms="", header=header)
    assert [(c.name, c.type) for c in plan.columns] == [
        ("y", "binary"), ("p2", "integer"), ("p1", "integer"), ("p9", "categorical"), ("q", "continuous"),
    ]  # fmt: skip
    assert not any(column.pattern for column in plan.columns)


def test_two_globs_for_one_column(pipeline):
    features = 'features {\n  y: binary as target\n  "p*": integer\n  "*1": continuous\n}'
    without = pipeline(features=features, transforms="")
    assert without.diagnostics == ()
    found = pipeline(features=features, transforms="", header={"data": ("y", "p1", "p2", "q1")})
    assert [d.message for d in found.diagnostics] == ["two globs match the column `p1`"]


def test_absent_columns_in_one_message(pipeline):
    (found,) = pipeline(header={"data": ("y", "a", "B", "text")}).diagnostics
    assert found.code == "MLP0413"
    assert found.message == "`b`, `c`, `t` are not in `t.csv`"
    assert found.help == "did you mean `B`?"
    assert len(found.labels) == 2


def test_every_source_needs_the_columns(pipeline):
    data = 'data {\n  train = csv("a.csv")\n  test = csv("b.csv")\n}'
    header = {"train": ("y", "a", "b", "c", "t"), "test": ("y", "a", "b", "c")}
    assert [d.message for d in pipeline(data=data, header=header).diagnostics] == ["`t` is not in `b.csv`"]


def test_names_under_a_glob_are_accepted_until_the_header_is_known(pipeline):
    blocks = {
        "features": 'features {\n  y: binary as target\n  "*": continuous\n}',
        "transforms": "transforms { standardize on q }",
    }
    assert pipeline(**blocks).diagnostics == ()
    found = pipeline(**blocks, header={"data": ("y", "a")})
    assert [d.message for d in found.diagnostics] == ["unknown column `q`"]


def test_learned_levels(pipeline):
    blocks = {"features": CLASSES, "transforms": "", "rest": 'metrics { f1(positive = "r") }'}
    assert pipeline(**blocks).diagnostics == ()
    found = pipeline(**blocks, header={"data": ("y", "a", "b")}, header_levels={"y": ("p", "q")})
    assert [d.message for d in found.diagnostics] == ['`"r"` is not a level of `y`']
    assert pipeline(**blocks, header_levels={"y": ("p", "q", "r")}).plan.column("y").levels is None


@pytest.mark.parametrize(("text", "missing"), [("model", "model"), ("data", "data"), ("features", "features")])
def test_what_a_run_needs(check, text, missing):
    blocks = {
        "data": 'data { csv("t.csv") }', "features": "features {\n  y: binary as target\n  a: continuous\n}",
        "model": "model { logistic_regression }",
    }  # fmt: skip
    del blocks[text]
    source = "mlp 1\n" + "\n".join(blocks.values())
    fragment = check(source)
    assert [d.severity for d in fragment.diagnostics] == []
    found = check(source, header={})
    assert [(d.code, d.message) for d in found.diagnostics] == [("MLP0117", f"there is no `{missing}` block")]


# ---- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c - d", "(a + b) * c", "a - (b - c)", "-a ^ 2", "(-a) ^ 2", "a ^ b ^ c", "(a ^ b) ^ c",
        "not (a > 1 or b < 2) and c == 3", 'log(a) >= 0.5 or t == "x"', "a / (b / c)", "a == 1 and (b == 2 or c == 3)",
    ],
)  # fmt: skip
def test_expressions_read_back_as_they_were(pipeline, text):
    features = "features {\n  y: binary as target\n  a, b, c, d: continuous\n  t: text\n}"
    transforms = f"transforms {{\n  e = {text}\n  drop on t\n}}"
    plan = plan_of(pipeline, features=features, transforms=transforms)
    assert expression_text(plan.models[0].steps[0].derive[1]) == text


def test_transforms_alone_can_run(check):
    """Columns and a report make a run; metrics would need a model."""
    text = 'mlp 1\ndata { csv("t.csv") }\nfeatures { a, b: continuous }\ntransforms { pca(1) on numeric }\nreport { scree_plot }\n'
    header = {"data": ("a", "b")}
    analysis = check(text, header=header)
    assert analysis.diagnostics == ()
    assert (analysis.plan.task, analysis.plan.models, analysis.plan.metrics) == ("transform", (), ())
    assert states(analysis.plan.steps[0].after) == {"pca_*": "continuous"}
    assert "\nTransforms\n  step 1        pca(1) on a, b\n" in plan_text(analysis.plan)
    measured = check(text + "metrics { silhouette }\n", header=header)
    assert [d.code for d in measured.diagnostics] == ["MLP0117"]
