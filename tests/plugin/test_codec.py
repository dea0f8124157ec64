"""Declarations survive JSON, in both spellings."""

from __future__ import annotations

import json
import math
from typing import Any

import attrs
import pytest

from mldsl.plugin.codec import from_dict, to_dict
from mldsl.plugin.declaration import (
    Choice,
    Declaration,
    DefaultCall,
    Operand,
    Output,
    Parameter,
    ParameterType,
)  # fmt: skip

INNER = Parameter("value", ParameterType("number"), 0.0, doc="A value.")
FULL = Declaration(
    kind="transform", name="thing", plugin="acme", module="acme.thing", summary="A thing", doc="Long.",
    parameters=(
        Parameter("required", ParameterType("int"), ge=1, le=3, doc="D."),
        Parameter("none", ParameterType("text", optional=True), None, doc="D."),
        Parameter("endless", ParameterType("number"), math.inf, doc="D."),
        Parameter("flag", ParameterType("bool"), False, doc="D."),
        Parameter("zero", ParameterType("int"), 0, doc="D."),
        Parameter("pair", ParameterType("list", item=ParameterType("text")), ("a", "b"), doc="D.", variadic=True),
        Parameter(
            "how",
            ParameterType("enum", choices=(Choice("mean"), Choice("constant", (INNER,), "Same everywhere."))),
            DefaultCall("constant", (("value", 2.0),)),
            doc="D.",
        ),
        Parameter(
            "limit", ParameterType("enum", choices=(Choice("sqrt"),), otherwise=ParameterType("int")), 4, doc="D."
        ),
    ),
    sources=("A 1999",), exceptions=(("row_order", "because"),), outputs=(Output("{column}_*", "binary"),),
    operands=(Operand("x", ("text",)), Operand("n", literal=ParameterType("int"), optional=True)), lowest=0.0,
)  # fmt: skip


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("declaration", [FULL, Declaration("model", "m", "core", "x", "M")])
def test_round_trip(declaration: Declaration, complete: bool) -> None:
    text = json.dumps(to_dict(declaration, complete=complete), allow_nan=False)
    back = from_dict(json.loads(text))
    assert back == declaration
    assert back.parameters == declaration.parameters
    assert [type(p.default) for p in back.parameters] == [type(p.default) for p in declaration.parameters]


def test_the_complete_form_has_every_field_and_a_required_parameter_no_default() -> None:
    data = to_dict(FULL, complete=True)
    assert set(data) == {field.name for field in attrs.fields(Declaration)}
    required, none = data["parameters"][:2]
    assert "default" not in required
    assert none["default"] is None


def test_the_compact_form_leaves_defaults_out() -> None:
    data = to_dict(Declaration("model", "m", "core", "x", "M"))
    assert data == {"kind": "model", "name": "m", "plugin": "core", "module": "x", "summary": "M"}


def test_keys_of_a_newer_minor_format_are_ignored() -> None:
    data: dict[str, Any] = {**to_dict(FULL), "colour": "blue"}
    data["parameters"][0]["shade"] = {"dark": [1]}
    assert from_dict(data) == FULL
