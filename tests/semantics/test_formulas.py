"""What a formula may say, and what it is told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FEATURES = """features {
  y: continuous as target
  a, b: continuous
  m: continuous?
  c: categorical
  g: categorical as group
  t: text
}"""
DESCRIPTION = "MLP0201 this has no meaning in a formula"
LEAK = "MLP0301 `y` is the target; using it here would leak the answer into the inputs"
SAID = [
    ("y ~ a + b", []),
    ("log(y) ~ a*c + log(b)", []),
    ("~ (a + b + c)^2 - a:b - 1", []),
    ("~ numeric + categorical - m", ["MLP0307 `ols` cannot work on missing values"]),
    ("~ [numeric, -m]", []),
    ("~ 1", []),
    ("y ~ a + g", []),  # a column of another role may be named
    ("~ is_missing(m) + coalesce(m, 0)", []),  # what is never missing, of a column that may be
    ("~ log(m)", ["MLP0307 `ols` cannot work on missing values"]),
    ("~ 0", ["MLP0201 nothing is left on the right side of this formula"]),
    ("~ a - a - 1", ["MLP0201 nothing is left on the right side of this formula"]),
    ("~ a - a", []),
    ("~ a + q", ["MLP0105 unknown column `q`"]),
    ("~ ordinal", ["MLP0105 no input is ordinal"]),
    ("~ t", ["MLP0204 a formula cannot use `t`, which is `text`"]),
    ('~ ["*", -m]', ["MLP0204 a formula cannot use `t`, which is `text`"]),
    ("~ lower(c)", ["MLP0204 a formula cannot use `lower(c)`, which is `text`"]),
    ("~ a + y", [LEAK]),
    ("log(y) ~ log(y) + a", [LEAK]),
    ("a ~ b", ["MLP0301 the left side of a formula is the target, and that is `y`"]),
    ("log(a) ~ b", ["MLP0201 `log` takes the target, `y`, here"]),
    ("year(y) ~ b", ["MLP0203 a target cannot be learned as `year`"]),
    ("2 ~ a", ["MLP0201 the left side of a formula is the target"]),
    ("a + b ~ c", ["MLP0201 the left side of a formula is the target"]),
    ("~ a^b", ["MLP0201 the power of terms is an integer from 1"]),
    ("~ a / b", [DESCRIPTION]),
    ("~ a == 1", [DESCRIPTION]),
    ("~ 2*a", ["MLP0201 a number has no meaning in a formula"]),
    ("~ a*1", ["MLP0201 0 and 1 stand for the intercept, which is added or taken away"]),
    ("~ I(a^2)", ["MLP0101 unknown function `I`"]),
    ("~ log(2)", ["MLP0201 this is the same in every row, so it is no term"]),
    ("~ log(c)", ["MLP0204 `log` does not work on `c`, which is `categorical`"]),
]


@pytest.mark.parametrize(("formula", "expected"), SAID, ids=[formula for formula, _ in SAID])
def test_one_mistake_gives_one_message(formula: str, expected: list[str], said: Any) -> None:
    assert said(features=FEATURES, transforms="", model=f"model {{ ols({formula}) }}") == expected


def test_the_remedies(pipeline: Any) -> None:
    def help_of(formula: str) -> str:
        (found,) = pipeline(features=FEATURES, transforms="", model=f"model {{ ols({formula}) }}").diagnostics
        return found.help

    assert help_of("~ log(m)").startswith("add `impute(median) on m` to `transforms`")
    assert help_of('~ ["*", -m]') == 'leave it out: `["*", -t]`'
    assert help_of("~ t") == "declare it `categorical` if its values are few and stand for groups"
    assert help_of("~ poly(a, 2)").startswith("write powers as columns of `transforms`")
    assert help_of("~ factor(a)").startswith("declare the column `categorical`")


def test_the_dot_of_r_is_a_glob(pipeline: Any) -> None:
    (found,) = pipeline(features=FEATURES, transforms="", model="model { ols(y ~ .) }").diagnostics
    assert (found.code, found.help) == ("MLP0001", 'all inputs are `"*"` in a formula')


def test_the_scale_of_the_target_is_said_once(said: Any) -> None:
    model = "model {\n  ols(log(y) ~ a)\n  target = log(y)\n}"
    assert said(features=FEATURES, transforms="", model=model) == ["MLP0113 the scale of the target is given twice"]


def test_a_formula_sees_the_columns_after_the_transforms(said: Any, pipeline: Any) -> None:
    blocks = {"features": FEATURES, "transforms": "transforms {\n  one_hot on c\n  r = a / b\n}"}
    assert said(**blocks, model="model { ols(~ c) }") == ["MLP0105 unknown column `c`"]
    plan = pipeline(**blocks, model="model { ols(~ r + c_x + log(r)) }").plan
    assert [state.name for state in plan.models[0].columns] == ["r", "c_x", "log(r)"]
    assert [step.derive[0] for step in plan.models[0].steps if step.derive] == ["r", "log(r)"]


def test_a_type_word_stands_for_its_columns(pipeline: Any) -> None:
    plan = pipeline(features=FEATURES, transforms="", model='model { ols(~ categorical:a + "b*") }').plan
    assert plan.models[0].design.right.args[0].args[0].names == ("c",)
    assert [state.name for state in plan.models[0].columns] == ["a", "b", "c"]


@pytest.mark.parametrize("arguments", ["~ a + b, family = gamma", "gamma, ~ a + b", "family = gamma, ~ a + b"])
def test_a_formula_needs_no_name_wherever_it_stands(arguments: str, tmp_path: Path) -> None:
    import mldsl

    path = tmp_path / "a.mlp"
    path.write_text(
        f'mlp 1\ndata {{ csv("a.csv") }}\n{FEATURES}\nmodel {{ generalized_linear({arguments}) }}\n', encoding="utf-8"
    )
    assert [found.message for found in mldsl.check(path)] == []
