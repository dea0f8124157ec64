"""What each mistake says, as a table: the blocks of a pipeline that are replaced, and the messages that this gives.

The pipeline without replacements is sound. One mistake gives one message; where a row lists two, there are two mistakes.
"""

# ruff: noqa: E501  (tables are read by row)

import pytest

TARGET = 'features {\n  y: binary("no", "yes") as target\n'
TIMES = "features {\n  y: continuous as target\n  a: continuous\n  d: time as time\n}"
REGRESSION = {
    "features": "features {\n  y: continuous as target\n  a: continuous\n}",
    "transforms": "",
    "model": "model { ridge }",
}
CLUSTERING = {
    "features": "features { a, b: continuous }", "transforms": "transforms { standardize on numeric }",
    "model": "model { k_means(clusters = 2) }",
}  # fmt: skip


def features(*lines: str) -> dict[str, str]:
    return {"features": "features {\n" + "".join(f"  {line}\n" for line in lines) + "}", "transforms": ""}


NAMES = [
    ({"model": "model { random_forst }"}, ["MLP0101 unknown model `random_forst`"]),
    ({"model": "model { RandomForestClassifier }"}, ["MLP0101 unknown model `RandomForestClassifier`"]),
    ({"model": "model { standardize }"}, ["MLP0101 unknown model `standardize`"]),
    ({"model": "model { logistic_regression(C = 1) }"}, ["MLP0102 `logistic_regression` has no parameter `C`"]),
    (
        {"model": "model { logistic_regression(memory = 5) }"},
        ["MLP0102 `logistic_regression` has `memory` only if `solver = lbfgs`"],
    ),
    ({"model": "model { logistic_regression(solver = lbfgs, memory = 5) }"}, []),
    ({"rest": "split { test = 20% }\nsplit { folds = 5 }"}, ["MLP0103 `split` is defined twice"]),
    ({"rest": "param k: integer = 1\nparam k: integer = 2", "model": "model { random_forest($k) }"},
     ["MLP0103 `param k` is defined twice"]),
    (features('y: binary as target', "a: continuous", "a: integer"), ["MLP0103 `a` is defined twice"]),
    (features('y: binary as target', "z: binary as target", "a: continuous"), ["MLP0103 `target` is defined twice"]),
    ({"transforms": "transforms {\n  one_hot on c\n  drop on t\n  a = b + 1\n}"}, ["MLP0103 `a` is defined twice"]),
    ({"rest": "metrics {\n  accuracy\n  accuracy\n}"}, ["MLP0103 `accuracy` is defined twice"]),
    ({"rest": "use acme\nuse acme"}, ["MLP0103 `use acme` is defined twice"]),
    ({"model": "model { random_forest(trees = $n) }"}, ["MLP0104 unknown param `$n`"]),
    ({"model": "model { random_forest(trees = $n, max_depth = $n) }"}, ["MLP0104 unknown param `$n`"]),
    ({"rest": "tune {\n  search = grid\n  $n in 1..5\n}"}, ["MLP0104 unknown param `$n`"]),
    ({"transforms": "transforms {\n  one_hot on c\n  drop on [t, q]\n}"}, ["MLP0105 unknown column `q`"]),
    ({"transforms": "transforms {\n  one_hot on c\n  drop on t\n  e = c\n}"}, ["MLP0105 unknown column `c`"]),
    ({"transforms": 'transforms {\n  one_hot on c\n  drop on [t, "q*"]\n}'}, ['MLP0105 no input matches `"q*"`']),
    ({"data": 'data {\n  csv("t.csv")\n  where = q > 1\n}'}, ["MLP0105 unknown column `q`"]),
    ({"rest": "report { partial_dependence(q) }"}, ["MLP0105 unknown column `q`"]),
    ({"rest": "report { partial_dependence(a) }"}, []),
    ({"rest": "split { tests = 20% }"}, ["MLP0106 `split` has no setting `tests`"]),
    ({"data": 'data {\n  csv("t.csv")\n  filter = a > 1\n}'}, ["MLP0106 `data` has no setting `filter`"]),
    (
        {"model": "model { tabnet }"},
        ["MLP0107 model `tabnet` comes from the plugin `acme`, which this file does not use"],
    ),
    ({"model": "use acme\nmodel { tabnet }"}, []),
    ({"model": "use acme\nmodel { acme.tabnet }"}, []),
    (features("y: bool as target", "a: continuous"), ["MLP0109 unknown column type `bool`"]),
    ({"rest": "param k: float = 1", "model": "model { logistic_regression($k) }"}, ["MLP0109 unknown type of param `float`"]),
    (features("y: binary as response", "a: continuous"), ["MLP0110 unknown role `response`"]),
    (features('"y*": binary as target', "a: continuous"), ["MLP0110 the role `target` needs a column, not a glob",
                                                          "MLP0310 `logistic_regression` needs a target"]),
    ({"rest": "metrics { accuracy as main }"}, ["MLP0110 unknown role `main` of a metric"]),
    ({"model": "model { }"}, ["MLP0111 a model needs an algorithm"]),
    ({"model": "model { threshold = 0.5 }"}, ["MLP0111 a model needs an algorithm"]),
    ({"model": "model {\n  logistic_regression\n  random_forest\n}"}, ["MLP0111 a model has one algorithm"]),
    ({"data": "data { }"}, ["MLP0111 `data` needs a source of rows to train on"]),
    ({"data": 'data {\n  csv("a.csv")\n  csv("b.csv")\n}'}, ["MLP0111 `data` has one source"]),
    ({"data": 'data {\n  csv("a.csv")\n  train = csv("b.csv")\n}'}, ["MLP0111 `data` has one source for training"]),
    ({"data": 'data {\n  train = csv("a.csv")\n  test = csv("b.csv")\n}'}, []),
    ({"data": 'data { test = csv("b.csv") }'}, ["MLP0111 `data` needs a source of rows to train on"]),
    ({"model": "model {\n  logistic_regression\n  inputs = scaled\n}"},
     ["MLP0112 unknown transforms `scaled`"]),
    ({"rest": 'export { artifact("o", model = forest) }', "model": "model tree { cart }"}, ["MLP0112 unknown model `forest`"]),
    ({"model": "model { neural_network(cnn) }"}, ["MLP0112 unknown network `cnn`"]),
    ({"model": "model { logistic_regression(l2 = 1, l2 = 2) }"}, ["MLP0113 `l2` is given twice"]),
    ({"model": "model { logistic_regression(1, l2 = 2) }"}, ["MLP0113 `l2` is given twice"]),
    ({"rest": "split {\n  folds = 3\n  folds = 4\n}"}, ["MLP0113 `folds` is given twice"]),
    (features('y: binary("a", "a") as target', "a: continuous"), ['MLP0113 the level `"a"` is written twice']),
    ({"rest": "metrics { roc_auc(1) }"}, ["MLP0114 `roc_auc` takes no arguments"]),
    ({"model": "model { cart(gini, 3, 2, 1, 0, cost_complexity(1), balanced, 2) }"},
     ["MLP0114 `cart` takes at most 7 unnamed arguments"]),
    (features("y: continuous(1) as target", "a: continuous") | {"model": "model { ridge }"},
     ["MLP0114 the type `continuous` takes no arguments"]),
    ({**CLUSTERING, "model": "model { k_means }"}, ["MLP0115 `k_means` needs `clusters`"]),
    ({"rest": "param l2: number = 1\ntune { $l2 in 0..1 }", "model": "model { logistic_regression($l2) }"},
     ["MLP0115 `tune` needs `search`"]),
    ({"model": "use acme\nuse umbra\nmodel { forest }"}, ["MLP0116 model `forest` is offered by 2 plugins"]),
    ({"rest": "network a { a }"}, ["MLP0118 the network `a` contains itself"]),
    ({"rest": "network a { b }\nnetwork b { dense(1)\n  a }"},
     ["MLP0118 the network `a` contains itself", "MLP0118 the network `b` contains itself"]),
    (features("y: binary as target", "a: continuous = e + 1", "e: continuous = a + 1"), ["MLP0118 `a` is computed from itself",
                                                                                         "MLP0118 `e` is computed from itself"]),
    ({"head": "mlp 1\nuse acmee"}, ["MLP0505 the plugin `acmee` is not installed"]),
    ({"model": "model a { logistic_regression }\nmodel { cart }"}, ["MLP0017 a model needs a name where there are several"]),
    ({"model": "model best { logistic_regression }"}, ["MLP0017 `best` is a word of the language and names no model"]),
]  # fmt: skip

VALUES = [
    ({"model": "model { random_forest(trees = 1.5) }"}, ["MLP0201 `trees` of `random_forest` takes an integer, not a number"]),
    ({"model": 'model { random_forest(trees = "many") }'}, ["MLP0201 `trees` of `random_forest` takes an integer, not text"]),
    ({"model": "model { random_forest(trees = many) }"},
     ["MLP0201 `trees` of `random_forest` takes an integer, not the name `many`"]),
    ({"model": "model { random_forest(trees = [1]) }"}, ["MLP0201 `trees` of `random_forest` takes an integer, not a list"]),
    ({"model": "model { random_forest(trees = 10 * 10) }"}, []),
    ({"model": "model { random_forest(trees = 10 / 5) }"},
     ["MLP0201 `trees` of `random_forest` takes an integer, not a number"]),
    ({"model": "model { logistic_regression(l2 = 1 / 0) }"}, ["MLP0202 division by zero"]),
    ({"model": "model { logistic_regression(l2 = 9 ^ 9 ^ 9) }"}, ["MLP0202 this number is too large"]),
    ({"model": 'model { logistic_regression(l2 = "a" + 1) }'}, ["MLP0201 arithmetic needs numbers, not text"]),
    ({"model": "model { logistic_regression(l2 = 20%) }"}, []),
    ({"model": "model { logistic_regression(l2 = -1) }"}, ["MLP0202 `l2` is out of range"]),
    ({"model": "model { gradient_boosting(row_sample = 80) }"}, ["MLP0202 `row_sample` is out of range"]),
    ({"model": "model { logistic_regression(solver = 3) }"},
     ["MLP0201 `solver` of `logistic_regression` takes one of newton, lbfgs, batch, stochastic, not an integer"]),
    ({"model": 'model { logistic_regression(solver = "newton") }'},
     ["MLP0201 `solver` of `logistic_regression` takes one of newton, lbfgs, batch, stochastic, not text"]),
    ({"model": "model { logistic_regression(solver = newtn) }"}, ["MLP0203 `newtn` is not a value of `solver`"]),
    ({"transforms": "transforms {\n  impute(constant(0)) on a\n  one_hot on c\n  drop on t\n}"}, []),
    ({"transforms": 'transforms {\n  impute(constant("x")) on a\n  one_hot on c\n  drop on t\n}'},
     ["MLP0201 `value` of `constant` takes a number, not text"]),
    ({"transforms": "transforms {\n  impute(mean(1)) on a\n  one_hot on c\n  drop on t\n}"}, ["MLP0114 `mean` takes no arguments"]),
    ({"transforms": "transforms {\n  impute(constant) on a\n  one_hot on c\n  drop on t\n}"}, ["MLP0115 `constant` needs `value`"]),
    ({"transforms": "transforms {\n  impute(indicator = yes) on a\n  one_hot on c\n  drop on t\n}"},
     ["MLP0201 `indicator` of `impute` takes `true` or `false`, not the name `yes`"]),
    ({"model": 'model { cart(class_weights = ["no" = 1, "yes" = 2]) }', "transforms": "transforms { drop on t }"}, []),
    ({"model": 'model { cart(class_weights = ["no" = 1, "ja" = 2]) }', "transforms": "transforms { drop on t }"},
     ['MLP0203 `"ja"` is not a level of `y`']),
    ({"model": "model { cart(class_weights = [no = 1]) }", "transforms": "transforms { drop on t }"},
     ["MLP0201 a level of the target is written in quotes"]),
    ({"model": "model { cart(class_weights = 3) }", "transforms": "transforms { drop on t }"},
     ['MLP0201 `class_weights` of `cart` takes one of balanced, none, or weights such as `["yes" = 2]`, not an integer']),
    ({"rest": 'metrics { f1(positive = "ys") }'}, ['MLP0203 `"ys"` is not a level of `y`']),
    ({"rest": "metrics { f1(positive = yes) }"},
     ["MLP0201 `positive` of `f1` takes a level of the target in quotes, not the name `yes`"]),
    (features("y: binary as target", "a: continuous") | {"rest": 'metrics { f1(positive = "spam") }'},
     ['MLP0203 `"spam"` is not a level of `y`']),
    (features("y: categorical as target", "a: continuous") | {"rest": 'metrics { f1(positive = "spam") }'}, []),
    ({"rest": "metrics { accuracy >= 97 }"}, ["MLP0202 `accuracy` is out of range"]),
    ({"rest": "metrics { accuracy == 1 }"}, ["MLP0203 `==` is no gate"]),
    ({"rest": 'metrics { accuracy >= "high" }'}, ["MLP0201 a gate compares with a number, not text"]),
    ({"rest": "split { test = 1 }"}, ["MLP0202 `test` is out of range"]),
    ({"rest": "split {\n  test = 60%\n  validation = 40%\n}"}, ["MLP0202 `test` and `validation` leave no rows to train on"]),
    ({"rest": "split { test = last(0) }"}, ["MLP0202 `last` is out of range"]),
    ({"rest": "split { test = last(10) }"}, []),
    ({"rest": "split { folds = 1 }"}, ["MLP0202 `folds` is out of range"]),
    ({"rest": "split { repeats = 3 }"}, ["MLP0115 `repeats` repeats folds, and there are none"]),
    ({"rest": "split { by = [stratified, time] }"}, ["MLP0203 these ways to split do not combine"]),
    ({"rest": "split { by = 3 }"}, ["MLP0201 `by` takes a word or a list of two"]),
    (features("y: binary as target", "a: continuous in 5..1"), ["MLP0202 the range is empty: its low end is above its high end"]),
    (features("y: binary as target", "a: categorical in 1..5") | {"transforms": "transforms { one_hot on a }"},
     ["MLP0201 a `categorical` column has no range"]),
    (features("y: binary(no, yes) as target", "a: continuous"),
     ["MLP0201 a level is written in quotes", "MLP0201 a level is written in quotes"]),
    (features('y: binary("a", "b", "c") as target', "a: continuous"), ["MLP0201 `binary` has two levels, not 3"]),
    (features("y: text as target", "a: continuous"), ["MLP0201 a `text` column cannot be the target"]),
    (features("y: binary as target", "d: time(weeks)", "a: continuous") | {"transforms": "transforms { drop on d }"},
     ["MLP0203 `weeks` is not a unit of time"]),
    (features("y: binary as target", "d: time(3)", "a: continuous") | {"transforms": "transforms { drop on d }"},
     ["MLP0201 `time` takes a form or a unit"]),
    ({"model": "model {\n  logistic_regression\n  threshold = 1.5\n}"}, ["MLP0202 `threshold` is out of range"]),
    ({"model": "model {\n  logistic_regression\n  threshold = maximise(f1)\n}"}, ["MLP0203 `maximise` is not a threshold"]),
    ({"model": "model {\n  logistic_regression\n  threshold = maximize(log_loss)\n}"}, ["MLP0317 no threshold can change `log_loss`"]),
    ({"model": 'model {\n  logistic_regression\n  threshold = maximize(expected_cost(["no" = ["yes" = 5]]))\n}'},
     ["MLP0203 lower `expected_cost` is better"]),
    ({"model": "model {\n  logistic_regression\n  calibrate = platt\n}"}, ["MLP0203 `platt` is not a value of `calibrate`"]),
    ({"data": 'data { sql("sqlite://x", "select 1") }'},
     ["MLP0206 `url` of `sql` is a secret and must not be written in the file"]),
    ({"data": 'data { sql(env("URL"), "select 1") }'}, []),
    ({"data": 'data { csv(env("FILE")) }'}, []),
    ({"rest": 'param p: text = env("X")\nexport { artifact($p) }'},
     ["MLP0206 `env()` is allowed only in arguments of `data` and `export`"]),
    ({"model": 'model { random_forest(trees = env("N")) }'},
     ["MLP0206 `env()` is allowed only in arguments of `data` and `export`"]),
    ({"data": 'data { csv("t.csv", delimiter = 3) }'}, ["MLP0201 `delimiter` of `csv` takes text in quotes, not an integer"]),
]  # fmt: skip

ROWS = [
    ("b + 1", []),
    ("log(a) / b ^ 2 - -a", []),
    ("t + 1", ["MLP0204 `+` does not work on `t`, which is `text`"]),
    ("a > 1 and b < 2 or not is_missing(a)", []),
    ("a and b > 1", ["MLP0204 `and` does not work on `a`, which is `continuous`"]),
    ('a == "1"', ["MLP0201 `a` (`continuous`) cannot be compared with text"]),
    ("c == 1", ["MLP0201 `c` (`categorical`) cannot be compared with a number"]),
    ('c == "x"', []),
    ('c == "w"', ['MLP0203 `"w"` is not a level of `c`']),
    ('c < "x"', ["MLP0204 `<` does not work on `c`, which is `categorical`"]),
    ("c == t", []),
    ("c == a", ["MLP0204 `c` (`categorical`) cannot be compared with `a` (`continuous`)"]),
    ("(a > 1) + 1", ["MLP0204 `+` does not work on a `binary` value"]),
    ("log(c)", ["MLP0204 `log` does not work on `c`, which is `categorical`"]),
    ('log("x")', ["MLP0201 `log` does not work on text"]),
    ("lgo(a)", ["MLP0101 unknown function `lgo`"]),
    ("log()", ["MLP0115 `log` needs `x`"]),
    ("log(a, b)", ["MLP0114 `log` takes at most 1 arguments"]),
    ("log(a, base = 2)", ["MLP0102 `log` has no parameter `base`"]),
    ("if_else(a > 1, b, a)", []),
    ('if_else(a > 1, "x", a)', ["MLP0204 `if_else` needs values of one type"]),
    ("coalesce(a, b, 0)", []),
    ("[a, b]", ["MLP0201 a list cannot stand in a row expression"]),
    ("a:b", ["MLP0201 `:` cannot stand in a row expression"]),
    ("3", ["MLP0201 a computed column reads other columns; this is a constant"]),
    ('y == "yes"', ["MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
    ('if_else(y == "ja", a, b)', ["MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
]  # fmt: skip

PIPELINE = [
    ({"transforms": "transforms { standardize on [a, t]\n  one_hot on c }"},
     ["MLP0204 `standardize` does not work on `t`, which is `text`"]),
    ({"transforms": 'transforms {\n  one_hot on c\n  drop on t\n  pca(2) on ["*", -a]\n}'}, []),
    ({"transforms": "transforms {\n  one_hot on [c, y]\n  drop on t\n}"},
     ["MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
    (features("late: binary = delay > 15 as target", "delay: continuous", "a: continuous"), []),
    (features("late: binary = delay > 15 as target", "delay: continuous", "a: continuous") |
     {"transforms": "transforms { standardize on delay }"},
     ["MLP0301 the target `late` is made from `delay`; using it here would leak the answer"]),
    (features("late: binary = delay > 15 as target", "delay: continuous", "a: continuous = delay * 2"),
     ["MLP0301 the target `late` is made from `delay`; using it here would leak the answer"]),
    (features("late: binary = delay > 15 as target", "long: binary = delay > 60 as ignore", "delay, a: continuous") |
     {"transforms": "transforms { b = if_else(long, a, 0) }"},
     ["MLP0301 `long` is computed from `delay`, which the target `late` is made from; using it here would leak the answer"]),
    (features("y: binary as target", "is: binary = not y as ignore", "b: continuous = if_else(is, 1.0, a)", "a: continuous"),
     ["MLP0301 `is` is computed from the target `y`; using it here would leak the answer"]),
    (features("y: binary as target", "is: binary = not y as ignore", "a: continuous"), []),
    (features("y: continuous as target", "o: continuous = y * 2 as offset", "a: continuous") | {"model": "model { ridge }"},
     ["MLP0301 `y` is the target; using it here would leak the answer into the inputs",
      "MLP0314 `ridge` has no place for an offset"]),
    (features("y: binary = o > 1 as target", "o: continuous as offset", "a: continuous"),
     ["MLP0301 the target `y` is made from `o`; using it here would leak the answer",
      "MLP0314 `logistic_regression` has no place for an offset"]),
    (features("y: continuous as target", "t: continuous = y + 1 as time", "a: continuous") | {"model": "model { ridge }"},
     ["MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
    (features("y: continuous as target", "w: continuous = y * 2 as weight", "a: continuous") | {"model": "model { ridge }"}, []),
    (features("y: binary as target", "a: continuous") | {"transforms": "transforms { standardize(per = y) on a }"},
     ["MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
    ({**REGRESSION, "model": "model { ols(log(y) ~ a + y) }"},
     ["MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
    ({**REGRESSION, "model": "model { ols(a ~ y) }"},
     ["MLP0301 the left side of a formula is the target, and that is `y`",
      "MLP0301 `y` is the target; using it here would leak the answer into the inputs"]),
    ({**REGRESSION, "model": "model { ols(~ a + log(a) + a:a) }"}, []),
    ({**REGRESSION, "model": "model { ols(~ a / 2) }"}, ["MLP0201 this has no meaning in a formula"]),
    (features("g: id as group", "y: binary as target", "a: continuous") | {"rest": "split { by = random }"},
     ["MLP0302 rows of one `g` may land in both the training and the test data"]),
    (features("g: id as group", "y: binary as target", "a: continuous") | {"rest": "split { by = [group, stratified] }"}, []),
    (features("g: id as group", "y: binary as target", "a: continuous") | {"rest": "split { folds = 5 }"}, []),
    ({"rest": "metrics { rmse }"}, ["MLP0303 `rmse` does not measure classification"]),
    ({"rest": "report { residual_plots }"}, ["MLP0303 `residual_plots` does not show classification"]),
    ({**CLUSTERING, "rest": "metrics { accuracy }"}, ["MLP0303 `accuracy` does not measure clustering"]),
    ({"model": "model {\n  logistic_regression\n  threshold = minimize(rmse)\n}"},
     ["MLP0303 `rmse` does not measure classification"]),
    ({"rest": "metrics {\n  accuracy as primary\n  roc_auc as primary\n}"}, ["MLP0304 there can be only one primary metric"]),
    ({"rest": "param l2: number = 1\ntune {\n  search = grid\n  $l2 in log(-1..1)\n}", "model": "model { logistic_regression($l2) }"},
     ["MLP0202 a logarithmic range lies above 0"]),
    ({"rest": "param l2: number = 1\ntune {\n  search = grid\n  $l2 in -1..1\n}", "model": "model { logistic_regression($l2) }"},
     ["MLP0305 the search space of `$l2` leaves what `l2` of `logistic_regression` allows"]),
    ({"rest": "param n: share = 20%\nsplit { test = $n }\ntune {\n  search = grid\n  $n in 10%..30%\n}"},
     ["MLP0305 `$n` decides about rows or columns and cannot be tuned"]),
    ({"rest": "param s: choice = newton in [newton, lbfgs]\ntune {\n  search = grid\n  $s in [newton, lbfgs]\n}",
      "model": "model { logistic_regression(solver = $s) }"}, []),
    (features("y: binary? as target", "a: continuous"), ["MLP0306 `y` is the target and must not be missing"]),
    (features("y: binary = a > 1 as target", "a: continuous?", "b: integer"),
     ["MLP0306 `y` is the target, and what computes it may be missing"]),
    (features("y: binary as target", "a: continuous? in 0..1"), ["MLP0307 `logistic_regression` cannot work on missing values"]),
    (features("y: binary as target", "a: continuous?") | {"transforms": "transforms { impute(median) on a }"}, []),
    (features("y: binary as target", "a: continuous?") | {"transforms": "transforms { a2 = a + 1\n  impute on a }"},
     ["MLP0307 `logistic_regression` cannot work on missing values"]),
    (features("y: binary as target", "a: continuous?") | {"transforms": "transforms { pca(1) on a }"},
     ["MLP0307 `pca` cannot work on missing values"]),
    (features("y: binary as target", "a: continuous?") | {"model": "model { cart }"}, []),
    (features("y: binary as target", "a: continuous?") | {"transforms": "transforms { standardize on a\n  impute on a }"}, []),
    ({"model": "model {\n  logistic_regression\n  stop_when = no_improvement\n}"},
     ["MLP0308 `logistic_regression` with `solver = newton` does not learn in rounds, so it cannot stop early"]),
    ({"model": "model {\n  logistic_regression(solver = batch)\n  stop_when = no_improvement\n}"},
     ["MLP0309 early stopping needs validation data"]),
    ({"model": "model {\n  logistic_regression(solver = stochastic)\n  stop_when = no_improvement\n}", "rest": "split { folds = 5 }"}, []),
    ({"rest": "param s: choice = newton in [newton, batch]\nsplit { folds = 3 }\ntune {\n  search = grid\n  $s in [newton, batch]\n}",
      "model": "model {\n  logistic_regression(solver = $s)\n  stop_when = no_improvement\n}"}, []),
    ({"rest": "param s: choice = newton in [newton, batch]\nsplit { folds = 3 }",
      "model": "model {\n  logistic_regression(solver = $s)\n  stop_when = no_improvement\n}"},
     ["MLP0308 `logistic_regression` with `solver = newton` does not learn in rounds, so it cannot stop early"]),
    ({"model": "model {\n  gradient_boosting\n  stop_when = no_improvement\n}"}, ["MLP0309 early stopping needs validation data"]),
    ({"model": "model {\n  gradient_boosting\n  stop_when = no_improvement\n}", "rest": "split { folds = 5 }"}, []),
    ({"model": "model {\n  gradient_boosting\n  stop_when = no_improvement\n}",
      "data": 'data {\n  train = csv("t")\n  validation = csv("v")\n}'}, []),
    ({"model": "model { k_means(clusters = 2) }"}, ["MLP0310 `k_means` does not do classification"]),
    ({**REGRESSION, "model": "model { logistic_regression }"}, ["MLP0310 `logistic_regression` does not do regression"]),
    ({**CLUSTERING, "model": "model { ridge }"}, ["MLP0310 `ridge` needs a target"]),
    ({"model": "model { most_popular }"}, ["MLP0310 `most_popular` does not do classification"]),
    ({"transforms": "transforms { drop on t }"}, ["MLP0311 `logistic_regression` does not take `categorical` columns"]),
    ({"transforms": "transforms { one_hot on c }"}, ["MLP0311 `logistic_regression` does not take `text` columns"]),
    ({"rest": "split { by = group }"}, ["MLP0314 `by = group` needs a column declared `as group`"]),
    ({**REGRESSION, "rest": "split { by = stratified }"}, ["MLP0314 `by = stratified` needs classes"]),
    ({"rest": "split {\n  folds = 3\n  repeats = 2\n  by = order\n}"}, ["MLP0314 `repeats` needs folds that chance decides"]),
    ({"rest": "split {\n  folds = 3\n  repeats = 2\n}"}, []),
    ({"rest": "split { test = 20% }", "data": 'data {\n  train = csv("a")\n  test = csv("b")\n}'},
     ["MLP0103 the test part is defined twice"]),
    ({"rest": "split { validation = 20% }", "data": 'data {\n  train = csv("a")\n  test = csv("b")\n}'}, []),
    ({"rest": "param seed: integer = 5\ntune {\n  search = grid\n  $seed in 1..100\n}"},
     ["MLP0305 the seed decides about rows and chance, and cannot be tuned"]),
    ({"rest": "split { gap = 3 }"}, ["MLP0314 `gap` needs rows in order of time"]),
    ({**REGRESSION, "model": "model {\n  ridge\n  threshold = 0.5\n}"}, ["MLP0314 `threshold` needs classification"]),
    ({**REGRESSION, "model": "model {\n  ridge\n  calibrate = sigmoid\n}"}, ["MLP0314 `calibrate` needs classification"]),
    ({**CLUSTERING, "model": "model {\n  k_means(clusters = 2)\n  calibrate = isotonic\n}"},
     ["MLP0314 `calibrate` needs classification"]),
    (features('y: categorical("u", "v", "w") as target', "a: continuous")
     | {"model": "model {\n  logistic_regression\n  threshold = 0.3\n}"}, ["MLP0314 one `threshold` needs two classes"]),
    (features('y: categorical("u", "v", "w") as target', "a: continuous")
     | {"model": "model {\n  logistic_regression\n  threshold = maximize(f1)\n}"}, []),
    ({"model": "model {\n  logistic_regression\n  threshold = maximize(roc_auc)\n}"}, ["MLP0317 no threshold can change `roc_auc`"]),
    ({"model": "model {\n  logistic_regression\n  threshold = minimize(log_loss)\n}"}, ["MLP0317 no threshold can change `log_loss`"]),
    ({"model": "model {\n  logistic_regression\n  threshold = minimize(expected_cost([\"no\" = [\"yes\" = 5]]))\n}"}, []),
    ({"rest": "metrics { expected_cost }"}, ["MLP0115 `expected_cost` needs `costs`"]),
    ({"rest": 'metrics { expected_cost(["maybe" = ["yes" = 5]]) }'}, ['MLP0203 `"maybe"` is not a level of `y`']),
    ({"rest": 'metrics { expected_cost(["no" = ["maybe" = 5]]) }'}, ['MLP0203 `"maybe"` is not a level of `y`']),
    ({"rest": 'metrics { expected_cost(["no" = ["yes" = -5]]) }'}, ["MLP0202 `costs` is out of range"]),
    ({"rest": 'metrics { expected_cost(["no" = ["yes" = "5"]]) }'}, ["MLP0201 `costs` of `expected_cost` takes a number, not text"]),
    ({"rest": 'metrics { expected_cost(["no" = ["yes" = 5], "no" = ["no" = 1]]) }'}, ['MLP0113 `"no"` is given twice']),
    ({"rest": 'metrics { expected_cost(["no" = 5]) }'},
     ['MLP0201 `costs` of `expected_cost` takes costs such as `["yes" = ["no" = 5]]` (actual, then predicted), not an integer']),
    ({"rest": 'metrics { expected_cost(5) }'},
     ['MLP0201 `costs` of `expected_cost` takes costs such as `["yes" = ["no" = 5]]` (actual, then predicted), not an integer']),
    ({"rest": 'metrics { expected_cost([no = [yes = 5]]) }'}, ["MLP0201 a level of the target is written in quotes"] * 2),
    ({**REGRESSION, "model": "model {\n  ridge\n  target = log(y)\n}"}, []),
    ({**REGRESSION, "model": "model {\n  ridge\n  target = log(a)\n}"}, ["MLP0201 `log` takes the target, `y`, here"]),
    ({"model": "model {\n  logistic_regression\n  target = log(y)\n}"}, ["MLP0314 only a target of numbers has a scale"]),
    (features("y: continuous as target", "o: continuous as offset", "a: continuous") | {"model": "model { ridge }"},
     ["MLP0314 `ridge` has no place for an offset"]),
    ({**CLUSTERING, "transforms": "transforms { target_encode on a\n  standardize on b }"},
     ["MLP0314 `target_encode` uses the target, and there is none",
      "MLP0204 `target_encode` does not work on `a`, which is `continuous`"]),
    ({"features": TIMES, "transforms": "", "model": "model { ridge }", "rest": "split { by = random }"},
     ["MLP0315 some rows to train on may be later than rows to test on"]),
    ({"features": TIMES, "transforms": "", "model": "model { ridge }", "rest": "split {\n  by = time\n  gap = 7d\n}"}, []),
    ({"rest": "param n: integer = 5"}, ["MLP0801 param `n` is never used"]),
    ({"rest": "param seed: integer = 5"}, []),
    ({"rest": "param seed: integer = -5"}, ["MLP0202 `seed` is out of range"]),
    ({"rest": "param seed: text = \"a\""}, ["MLP0201 `seed` is reserved and an integer", "MLP0201 `seed` takes an integer, not text"]),
    ({**CLUSTERING, "transforms": ""}, ["MLP0802 `k_means` depends on the scale of its columns, and these have their own"]),
    ({**CLUSTERING, "features": "features { a, b: continuous in 0..255 }", "transforms": ""}, []),
    ({"transforms": "transforms {\n  one_hot on categorical\n  drop on t\n  impute on ordinal\n}"},
     ["MLP0803 no input is `ordinal` here, so this step does nothing"]),
    ({"model": "", "rest": "metrics { rmse }"}, []),
    ({"head": ""}, ["MLP0901 no edition line"]),
    ({"head": "mlp 2"}, ["MLP0902 this file is written in edition 2, which is newer than this mldsl"]),
    ({"head": "mlp 1\nuse acme", **REGRESSION, "model": "model { old_ridge }"}, ["MLP0903 model `old_ridge` is deprecated"]),
]  # fmt: skip

WORDS = "  one_hot on c\n  tfidf on t\n"
SPARSE = [
    ("", "multinomial_naive_bayes", []),
    ("", "constant", []),
    ("", "logistic_regression", ["MLP0311 `logistic_regression` does not take sparse columns"]),
    ('  drop on "t_*"\n', "logistic_regression", []),
    ('  drop on t_cheap\n', "multinomial_naive_bayes", []),
    ('  unit_norm on "t_*"\n', "multinomial_naive_bayes", []),
    ('  unit_norm on numeric\n', "multinomial_naive_bayes", []),
    ("  standardize on numeric\n", "multinomial_naive_bayes", ["MLP0204 `standardize` would make `t_*` dense, which is sparse"]),
    ('  standardize on "t_*"\n', "multinomial_naive_bayes", ["MLP0204 `standardize` would make `t_*` dense, which is sparse"]),
    ('  standardize on t_cheap\n', "multinomial_naive_bayes",
     ["MLP0204 `standardize` would make `t_cheap` dense, which is sparse"]),
    ('  standardize on [numeric, -"t_*"]\n', "multinomial_naive_bayes", []),
    ('  unit_norm on "t_a*"\n', "multinomial_naive_bayes",
     ["MLP0204 `unit_norm` works on all columns of a sparse matrix, not on some of them"]),
    ("  e = t_cheap + a\n", "multinomial_naive_bayes",
     ["MLP0204 a computed column cannot read `t_cheap`, which is a column of a sparse matrix"]),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "model", "expected"), SPARSE)
def test_sparse_columns(steps, model, expected, said):
    assert said(transforms=f"transforms {{\n{WORDS}{steps}}}", model=f"model {{ {model} }}") == expected


def test_what_a_model_and_a_step_of_dense_columns_advise(pipeline):
    wide = pipeline(transforms=f"transforms {{\n{WORDS}}}")
    (found,) = wide.diagnostics
    assert found.help == "use a model that takes them (constant, multinomial_naive_bayes)"
    assert found.label == "`t_*` would reach it"
    (found,) = pipeline(
        transforms=f"transforms {{\n{WORDS}  standardize on numeric\n}}", model="model { constant }"
    ).diagnostics
    assert found.help.startswith('write `on [numeric, -"t_*"]`')


@pytest.mark.parametrize(
    ("blocks", "model", "help_text"),
    [
        ({}, 'svm(kernel = "rbf")', "write it without quotes"),
        ({}, "svm(gamma = 1)", "write `kernel = rbf(gamma = ...)`"),
        (REGRESSION, "ols(covariance = ~ a)", "write `formula = ~ ...`"),
        (REGRESSION, 'ols("~ a")', "write it without quotes"),
    ],
)
def test_what_was_plainly_meant_is_written_out(blocks, model, help_text, pipeline):
    findings = pipeline(**{**blocks, "model": f"model {{ {model} }}"}).diagnostics
    found = [d.help for d in findings if d.severity == "error"]
    assert found == [help_text]


def test_a_number_where_a_range_is_wanted(pipeline):
    steps = "transforms {\n  one_hot on c\n  tfidf(ngrams = 2) on t\n}"
    (found,) = pipeline(transforms=steps, model="model { constant }").diagnostics
    assert found.help == "write `2..2` for 2 alone, `1..2` for all up to it"


def test_metrics_of_the_inputs_want_a_dense_matrix(said):
    blocks = {
        "features": "features {\n  a: continuous\n  t: text\n}",
        "transforms": "transforms {\n  standardize on a\n  tfidf on t\n}", "model": "model { k_means(clusters = 2) }",
        "rest": "metrics { silhouette }",
    }  # fmt: skip
    assert said(**blocks) == [
        "MLP0303 `silhouette` looks at rows of a dense matrix, and `t_*` is sparse",
        "MLP0311 `k_means` does not take sparse columns",
    ]


def test_the_plan_tells_what_is_sparse_and_tells_two_of_one_text_apart(pipeline):
    steps = "  tfidf(keep = true) on t\n  tfidf(ngrams = 1..2) on t\n"
    plan = pipeline(transforms=f"transforms {{\n  one_hot on c\n{steps}}}", model="model { constant }").plan
    made = {c.name: (c.type, c.sparse) for c in plan.models[0].columns if c.made_by == "tfidf"}
    assert made == {"t_*": ("continuous", True), "t_tfidf_*": ("continuous", True)}


def test_the_pipeline_that_is_changed_is_sound(said):
    assert said() == []


@pytest.mark.parametrize(("blocks", "expected"), NAMES)
def test_names(blocks, expected, said):
    assert said(**blocks) == expected


@pytest.mark.parametrize(("blocks", "expected"), VALUES)
def test_values(blocks, expected, said):
    assert said(**blocks) == expected


@pytest.mark.parametrize(("expression", "expected"), ROWS)
def test_row_expressions(expression, expected, said):
    transforms = f"transforms {{\n  e = {expression}\n  one_hot on c\n  drop on t\n}}"
    assert said(transforms=transforms, model="model { random_forest }") == expected


@pytest.mark.parametrize(("blocks", "expected"), PIPELINE)
def test_pipelines(blocks, expected, said):
    assert said(**blocks) == expected
