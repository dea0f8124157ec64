"""Plans as JSON: what comes back is equal, spans left out, and nothing but parts of plans is ever made."""

import json
import math

import attrs
import pytest

from mldsl.diagnostics import MldslError
from mldsl.plan import model as plans
from mldsl.plan.model import (
    Apply,
    ColumnPlan,
    ColumnState,
    ColumnUse,
    ComponentValue,
    Constant,
    EnvSecret,
    MetricPlan,
    ModelPlan,
    ParamPlan,
    Plan,
    SplitPlan,
    StepPlan,
    Threshold,
    TunePlan,
)
from mldsl.record.planjson import decode, encode
from mldsl.source import Span

SPAN = Span("f.mlp", 1, 2, 3, 4)


@pytest.fixture
def plan() -> Plan:
    scale = ComponentValue("transform", "standardize", "core", span=SPAN)
    args = (("depth", 3), ("loss", scale), ("weights", (("a", 1.5), ("b", 2))), ("limit", math.inf))
    tree = ComponentValue("model", "tree", "core", args, ("depth",), (("depth", "d"),), "tree(depth = 3)")
    column = ColumnPlan(
        "late", "binary", role="target", levels=("no", "yes"), computed=Apply(">", (ColumnUse("delay"), Constant(15)))
    )
    state = ColumnState("age", "continuous", True)
    step = StepPlan(scale, None, ("age",), (state,), (state,), fitted=True, span=SPAN)
    derived = StepPlan(None, ("double", Apply("+", (ColumnUse("age"), ColumnUse("age")))), (), (), ())
    return Plan(
        file="f.mlp", edition=1, seed=3, task="classification", params=(ParamPlan("d", "integer", 3),),
        sources=(("data", ComponentValue("source", "sql", "core", (("url", EnvSecret("URL")),))),), where=None,
        columns=(column, ColumnPlan("age", "continuous", True, low=0.0, high=100.0)), target="late",
        split=SplitPlan(test=0.25, by=("group", "stratified")),
        models=(ModelPlan("tree", tree, ("",), (step, derived), (state,), threshold=Threshold(0.35)),),
        metrics=(MetricPlan("f1", ComponentValue("metric", "f1", "core"), "higher", True, ">=", 0.5),),
        reports=(), exports=(), tune=TunePlan(ComponentValue("search", "grid", "core"), (("d", ("list", (1, 2))),)),
        where_span=SPAN,
    )  # fmt: skip


def test_round_trip(plan: Plan) -> None:
    assert decode(json.loads(json.dumps(encode(plan), allow_nan=False))) == plan


def test_spans_are_left_out(plan: Plan) -> None:
    assert "span" not in json.dumps(encode(plan))


def test_every_part_of_a_plan_can_be_written() -> None:
    from mldsl.record.planjson import _CLASSES

    assert {name for name, value in vars(plans).items() if isinstance(value, type) and attrs.has(value)} - {
        "Span"
    } == set(_CLASSES)


def test_plain_values_around_parts(plan: Plan) -> None:
    facts = {"columns": plan.columns, "threshold": None, "levels": [["a", ["x", "y"]]]}
    again = decode(encode(facts))
    assert again["columns"] == plan.columns
    assert again["levels"] == (("a", ("x", "y")),)


def test_a_newer_field_is_ignored_and_a_new_default_filled_in(plan: Plan) -> None:
    written = encode(plan.columns[1])
    written["future"] = 1
    del written["doc"]
    assert decode(written) == plan.columns[1]


@pytest.mark.parametrize(
    "value",
    [{"$": "Path"}, {"$": "Span"}, {"$": ["x"]}, {"$": None}, {"$": "ColumnPlan"}, {"$": "float", "value": "1"}],
)
def test_anything_else_is_refused(value) -> None:
    with pytest.raises(MldslError) as caught:
        decode(value)
    assert caught.value.diagnostics[0].code == "MLP0502"


@pytest.mark.parametrize("value", [object(), {1: 2}, {"$": 1}, SPAN])
def test_only_parts_of_plans_are_written(value) -> None:
    with pytest.raises(TypeError):
        encode(value)
