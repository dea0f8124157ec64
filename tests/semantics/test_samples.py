"""The sample messages of the language's specification, to the letter."""

# ruff: noqa: E501  (tables are read by row)

from pathlib import Path
from textwrap import dedent

import pytest

from mldsl.diagnostics import render
from mldsl.semantics import analyze, load
from mldsl.source import Source

BAD = Path(__file__).parents[1] / "programs/bad"

SAMPLES = {
    "s01_many": [
        """
        error[MLP0101]: unknown model `crat`
          --> s01_many.mlp:26:3
           |
        26 |   crat(max_depth = 6, class_weights = balanced)
           |   ^^^^
           |
           = help: did you mean `cart`?
        """,
        """
        error[MLP0102]: `csv` has no parameter `encodng`
         --> s01_many.mlp:3:27
          |
        3 | data { csv("titanic.csv", encodng = "utf-8") }
          |                           ^^^^^^^
          |
          = help: did you mean `encoding`?
        """,
        """
        error[MLP0202]: `test` is out of range
          --> s01_many.mlp:21:10
           |
        21 |   test = 20
           |          ^^ allowed: 0..1
           |
           = help: a share is written `20%` or `0.2`
        """,
        """
        error[MLP0301]: `survived` is the target; using it here would leak the answer into the inputs
          --> s01_many.mlp:17:17
           |
        17 |   rate = fare / survived
           |                 ^^^^^^^^ the target
        """,
        """
        error[MLP0303]: `rmse` does not measure classification
          --> s01_many.mlp:31:3
           |
        31 |   rmse
           |   ^^^^
           |
           = note: `survived` is `categorical`, so this is classification
           = help: metrics for it: accuracy, balanced_accuracy, roc_auc, f1, precision
        """,
        """
        error[MLP0309]: early stopping needs validation data
          --> s01_many.mlp:27:15
           |
        27 |   stop_when = no_improvement(rounds = 50)
           |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = note: the test data is never used to decide when to stop
           = help: add `validation = 10%` to `split`
        """,
        "9 errors, 0 warnings; no data was read",
    ],
    "s02_missing_values": [
        """
        error[MLP0307]: `logistic_regression` cannot work on missing values
         --> s02_missing_values.mlp:7:9
          |
        5 |   age: continuous? in 0..100
          |   --- declared with `?`
        ...
        7 | model { logistic_regression }
          |         ^^^^^^^^^^^^^^^^^^^ `age` may still be missing here
          |
          = help: add `impute(median) on age` to `transforms`, or use a model that accepts missing values (cart, random_forest)
        """,
    ],
    "s03_duplicate": [
        """
        error[MLP0103]: `model a` is defined twice
         --> s03_duplicate.mlp:5:7
          |
        4 | model a { random_forest(trees = 100) }
          |       - first definition
        5 | model a { random_forest(trees = 200) }
          |       ^ second definition
          |
          = help: definitions are never merged or overridden; rename or remove one
        """,
    ],
    "s04_params_tune": [
        """
        error[MLP0305]: the search space of `$lr` leaves its declared range
          --> s04_params_tune.mlp:16:14
           |
         3 | param lr: number = 0.05 in 0.001..1
           |                            -------- declared here
        ...
        16 |   $lr in log(1e-5..0.3)
           |              ^^^^^^^^^ searched here
        """,
    ],
    "s05_secret_plugin": [
        """
        error[MLP0107]: model `tabnet` comes from the plugin `acme`, which this file does not use
          --> s05_secret_plugin.mlp:12:9
           |
        12 | model { tabnet(steps = 3) }
           |         ^^^^^^
           |
           = help: add `use acme` below the edition line
        """,
        """
        error[MLP0206]: `url` of `sql` is a secret and must not be written in the file
         --> s05_secret_plugin.mlp:2:12
          |
        2 | data { sql("postgres://me:pw@db/x", \"\"\"select * from t\"\"\") }
          |            ^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: read it from the environment: `env("NAME")`
        """,
        """
        error[MLP0302]: rows of one `patient` may land in both the training and the test data
          --> s05_secret_plugin.mlp:10:8
           |
        10 |   by = stratified
           |        ^^^^^^^^^^
           |
           = note: `patient` is declared `as group`
           = help: write `by = group`
        """,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_sample(name, stand_ins):
    path = BAD / f"{name}.mlp"
    loaded = load(Source(path.name, path.read_text(encoding="utf-8"), path))
    analysis = analyze(loaded, stand_ins)
    text = render(analysis.diagnostics, {source.name: source for source in loaded.sources})
    for sample in SAMPLES[name]:
        assert dedent(sample).strip("\n") in text
