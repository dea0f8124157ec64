"""Values and types as they are written in the language."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldsl.plugin.declaration import Choice, DefaultCall, Parameter, ParameterType
from mldsl.plugin.wording import default_text, number_text, type_text, value_text

LIST = ParameterType("list", item=ParameterType("text"))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (300, "int", "300"),
        (300.0, "number", "300"),
        (1e-4, "number", "1e-4"),
        (0.05, "number", "0.05"),
        (1.25e-7, "number", "1.25e-7"),
        (1e20, "number", "1e20"),
        (True, "bool", "true"),
        (86_400.0, "duration", "1d"),
        (90.0, "duration", "90s"),
        (0.5, "duration", "0.5s"),
        (512_000_000, "size", "512MB"),
        (100, "size", "100"),
        ((1, 5), "range", "1..5"),
        ('say "hi"\n', "text", r'"say \"hi\"\n"'),
        ("gini", "enum", "gini"),
        ((("yes", 2.0),), "weights", '["yes" = 2]'),
        ((("yes", (("no", 5.0), ("maybe", 0.5))),), "costs", '["yes" = ["no" = 5, "maybe" = 0.5]]'),
        (None, "text", "none"),
    ],
)
def test_a_value_is_written_as_a_reader_would(value: Any, kind: Any, text: str) -> None:
    assert value_text(value, ParameterType(kind)) == text


def test_lists_and_calls() -> None:
    assert value_text(("a", "b"), LIST) == '["a", "b"]'
    assert value_text(DefaultCall("constant", (("value", 0.0),))) == "constant(value = 0)"
    inner = (Parameter("text", ParameterType("text"), "x", doc="D."),)
    kind = ParameterType("enum", choices=(Choice("constant", inner),))
    assert value_text(DefaultCall("constant", (("text", "x"),)), kind) == 'constant(text = "x")'


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(value: float) -> None:
    assert float(number_text(value)) == value


def test_types_and_defaults() -> None:
    assert type_text(ParameterType("int")) == "integer"
    assert type_text(LIST) == "list of text"
    limit = ParameterType("enum", choices=(Choice("sqrt"),), otherwise=ParameterType("int"))
    assert type_text(limit) == "sqrt | integer"
    assert default_text(Parameter("p", ParameterType("int"))) == "required"
    assert default_text(Parameter("p", ParameterType("text", optional=True), None)) == "-"
