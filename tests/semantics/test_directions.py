"""Directions by column, `monotone = [age = increasing]`: what is taken, and what is said of the rest."""

# ruff: noqa: E501  (tables are read by row)

from __future__ import annotations

import pytest

from mldsl.plugin.declaration import ParameterType
from mldsl.plugin.wording import value_text
from mldsl.semantics import analyze, load
from mldsl.source import Source
from tests.semantics.catalogue import stand_ins

TEXT = """mlp 1
data {{ csv("t.csv") }}
features {{
  y: continuous as target
  age, price: continuous
  `area code`: categorical
}}
transforms {{ drop on price }}
model {{ gradient_boosting(monotone = {}) }}
"""


def analyzed(value, text=TEXT):
    return analyze(load(Source("t.mlp", text.format(value))), stand_ins())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[age = increasing]", (("age", "increasing"),)),
        ("[age = decreasing, `area code` = increasing]", (("age", "decreasing"), ("area code", "increasing"))),
    ],
)
def test_directions(value, expected):
    found = analyzed(value)
    assert not [d for d in found.diagnostics if d.code != "MLP0801"]
    assert dict(found.plan.models[0].algorithm.args)["monotone"] == expected
    assert value_text(expected, ParameterType("directions")) == value


@pytest.mark.parametrize(
    ("value", "expected", "help_text"),
    [
        ("[aeg = increasing]", "MLP0105 unknown column `aeg`", "did you mean `age`?"),
        ("[price = increasing]", "MLP0105 unknown column `price`", None),
        ('["age" = increasing]', "MLP0201 a column is written without quotes", "write `age = ...`"),
        ('["area code" = increasing]', "MLP0201 a column is written without quotes", "write `` `area code` = ... ``"),
        ("[age = 1]", "MLP0203 a direction is `increasing` or `decreasing`", "write `increasing`"),
        ("[age = -1]", "MLP0203 a direction is `increasing` or `decreasing`", "write `decreasing`"),
        ("[age = increase]", "MLP0203 a direction is `increasing` or `decreasing`", "did you mean `increasing`?"),
        ('[age = "increasing"]', "MLP0203 a direction is `increasing` or `decreasing`", "did you mean `increasing`?"),
        ("[age = increasing, age = decreasing]", "MLP0113 `age` is given twice", None),
        ("[1, 0]", "MLP0201 `monotone` of `gradient_boosting` takes directions such as `[age = increasing, price = decreasing]`, not a list", None),
        ("increasing", "MLP0201 `monotone` of `gradient_boosting` takes directions such as `[age = increasing, price = decreasing]`, not the name `increasing`", None),
    ],
)  # fmt: skip
def test_what_is_said_of_others(value, expected, help_text):
    (found,) = [d for d in analyzed(value).diagnostics if d.severity == "error"]
    assert f"{found.code} {found.message}" == expected
    if help_text:
        assert found.help == help_text
