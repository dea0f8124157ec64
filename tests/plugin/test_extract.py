"""Types, defaults and rules of declarations, read from attrs classes."""

from __future__ import annotations

from re import escape
from typing import Any, Literal

import attrs
import pytest

from mldsl.plugin import (
    Columns,
    Duration,
    Function,
    Metric,
    Model,
    ModelName,
    Operand,
    Output,
    Part,
    Range,
    Secret,
    Share,
    Size,
    Transform,
    param,
)  # fmt: skip
from mldsl.plugin.condition import fits, holds, in_words
from mldsl.plugin.declaration import Choice, DefaultCall, Parameter, ParameterType
from mldsl.plugin.extract import DeclarationError, declare, parameters_of


@attrs.frozen
class Fixed:
    """Puts the same value everywhere."""

    value: float = param(0.0, ge=-1, doc="The value.")


@attrs.frozen
class Everything:
    """One parameter of every type."""

    whole: int = param(ge=1, doc="A whole number.")
    number: float = param(0.5, gt=0, lt=1, traced=True, doc="A number.", search="log(1e-3..1)")
    share: Share = param(0.2, doc="A share.")
    wide_share: Share = param(1.5, le=2, doc="A share above one.")
    flag: bool = param(False, doc="A flag.")
    text: str = param("a", doc="A text.")
    wait: Duration = param(60.0, doc="A time.")
    memory: Size = param(1000, doc="Bytes.")
    span: Range = param((0, 1), doc="A pair.")
    columns: Columns | None = param(None, doc="Columns.")
    base: ModelName | None = param(None, doc="A model.")
    secret: Secret | None = param(None, doc="A password.")
    rule: Literal["gini", "entropy"] = param("gini", doc="A choice.")
    limit: Literal["sqrt", "log2"] | int | None = param(None, ge=1, doc="A choice or a number.")
    how: str | Fixed = param(Fixed(0.5), choices={"mean": None, "fixed": Fixed}, doc="A choice with arguments.")
    kernel: Any = param("rbf", kind="kernel", doc="A nested component.")
    power: int = param(2, doc="For one choice only.", only_if="rule = gini")
    names: tuple[str, ...] = param((), doc="The rest.", variadic=True, also_known_as=("labels",))


def read(cls: type, **given: Any) -> Any:
    return declare(Model("thing", cls, doc="A thing.\n\nMore of it.", tasks={"cluster"}, **given), "acme", __name__)


def types_of(cls: type) -> dict[str, ParameterType]:
    return {parameter.name: parameter.type for parameter in parameters_of(cls)}


def test_every_annotation_has_its_type() -> None:
    types = types_of(Everything)
    assert {name: kind.name for name, kind in types.items()} == {
        "whole": "int", "number": "number", "share": "share", "wide_share": "share", "flag": "bool", "text": "text",
        "wait": "duration", "memory": "size", "span": "range", "columns": "columns", "base": "model",
        "secret": "secret", "rule": "enum", "limit": "enum", "how": "enum", "kernel": "component", "power": "int",
        "names": "list",
    }  # fmt: skip
    assert types["limit"] == ParameterType(
        "enum", choices=(Choice("sqrt"), Choice("log2")), optional=True, otherwise=ParameterType("int")
    )
    assert types["kernel"].of == "kernel"
    assert types["names"].item == ParameterType("text")
    assert [name for name, kind in types.items() if kind.optional] == ["columns", "base", "secret", "limit"]


def test_a_choice_with_arguments_declares_them_and_its_default_is_a_call() -> None:
    how = next(parameter for parameter in parameters_of(Everything) if parameter.name == "how")
    value = Parameter("value", ParameterType("number"), 0.0, ge=-1, doc="The value.")
    assert how.type.choices == (Choice("mean"), Choice("fixed", (value,), "Puts the same value everywhere."))
    assert how.default == DefaultCall("fixed", (("value", 0.5),))


def test_bounds_and_particulars_are_carried_over() -> None:
    by_name = {parameter.name: parameter for parameter in parameters_of(Everything)}
    assert by_name["whole"].required
    assert (by_name["share"].ge, by_name["share"].le) == (0, 1)
    assert (by_name["wide_share"].ge, by_name["wide_share"].le) == (0, 2)
    assert by_name["number"].bounds() == "> 0 and < 1"
    assert by_name["number"].traced
    assert by_name["number"].search == "log(1e-3..1)"
    assert by_name["power"].only_if == "rule = gini"
    assert by_name["names"].variadic
    assert by_name["names"].also_known_as == ("labels",)


def test_summary_and_documentation_come_from_doc_or_the_module() -> None:
    declaration = read(Fixed)
    assert (declaration.summary, declaration.doc) == ("A thing", "More of it.")
    of_module = declare(Model("thing", Fixed, tasks={"cluster"}), "acme", __name__)
    assert of_module.summary == "Types, defaults and rules of declarations, read from attrs classes"
    with pytest.raises(DeclarationError, match="no documentation"):
        declare(Model("thing", Fixed, tasks={"cluster"}), "acme", "no.such.module")


def test_an_example_spec_is_written_as_a_call() -> None:
    declaration = read(Everything, example=Everything(4, how=Fixed(0.25), rule="entropy"))
    assert declaration.example == "thing(whole = 4, rule = entropy, how = fixed(value = 0.25))"


def test_each_kind_adds_its_own_fields() -> None:
    model = read(Fixed, init=print, update=print, finish=print, sparse=True, precision="float64")
    assert (model.iterative, model.sparse, model.precision, model.tasks) == (True, True, "float64", ("cluster",))
    step = Transform("step", doc="S.", inputs=("text",), outputs=[Output("{column}_*", "binary")], resample=print)
    declared = declare(step, "acme", "")
    assert (declared.accepts, declared.resamples, declared.outputs[0].type) == (("text",), True, "binary")
    metric = declare(Metric("m", doc="M.", metric=print, targets=("binary",), better="lower", lowest=0.0), "acme", "")
    assert (metric.accepts, metric.better, metric.lowest) == (("binary",), "lower", 0.0)
    operand = Operand("of", ("time",))
    function = declare(Function("f", doc="F.", expression=print, operands=[operand], gives="integer"), "acme", "")
    assert (function.operands, function.gives) == ((operand,), "integer")
    assert declare(Part("rbf", doc="A kernel.", part_kind="kernel"), "acme", "").kind == "kernel"


def one(annotation: Any, *args: Any, **given: Any) -> type:
    """A Spec class with a single parameter `p`."""
    field = param(*args, **{"doc": "A parameter.", **given})
    return spec(p=attrs.field(default=field._default, metadata=field.metadata, type=annotation))


def spec(**fields: Any) -> type:
    return attrs.make_class("Spec", fields, frozen=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (one(int, 0, ge=1), "the default 0 is not within >= 1"),
        (one(int, 0.5), "the default 0.5 is not an integer"),
        (one(int, True), "the default True is not an integer"),
        (one(float, "a"), "the default 'a' is not a number"),
        (one(Share, 2.0), "is not within 0..1"),
        (one(bool, 1), "is not true or false"),
        (one(Literal["a", "b"], "c"), "is not one of a, b"),
        (one(int, 1, doc=" "), "it has no `doc`"),
        (one(int, None), "the default None is not int"),
        (one(int | None, 3), "must have the default None"),
        (one(int | str, 3), "is not a type of parameter"),
        (one(dict, {}), "is not a type of parameter"),
        (one(tuple[int, int], (1, 2)), "a list is annotated `tuple[T, ...]`"),
        (one(str, "a", ge=1), "bounds are for numbers"),
        (one(int, 1, traced=True), "only numbers may be traced"),
        (one(tuple[int, ...], (1,), only_if="x = 1"), "`only_if`"),
        (one(int, 1, variadic=True), "only the last parameter, of a list type, may be variadic"),
        (one(Secret, "x"), "a secret has no default"),
        (one(Literal["A"], "A"), "not a name in lower case"),
        (spec(Bad=attrs.field(default=1, metadata=param(1, doc="D.").metadata, type=int)), "snake_case"),
        (spec(p=attrs.field(default=1, type=int)), "declare it with `param(...)`"),
        (int, "expected an attrs class"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(wrong: type, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parameters_of(wrong)
    assert message in str(caught.value)


def test_a_spec_that_cannot_be_hashed_is_refused() -> None:
    @attrs.define
    class Mutable:
        p: int = param(1, doc="D.")

    with pytest.raises(DeclarationError, match="frozen"):
        parameters_of(Mutable)


def test_all_mistakes_of_a_component_come_at_once() -> None:
    with pytest.raises(DeclarationError) as caught:
        declare(Model("Bad-Name", one(int, 0, ge=1), tasks={"guess"}, accepts=("number",)), "acme", "nowhere")
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (Model("m", doc="M."), "a model says which tasks it does"),
        (Model("m", doc="M.", tasks={"cluster"}, roles=("wight",)), "`roles`"),
        (Transform("t", doc="T.", phase="training"), "`phase`"),
        (Transform("t", doc="T.", outputs=[Output(type="number")]), "`outputs`"),
        (Metric("m", doc="M.", metric=print, better="more"), "`better`"),
        (Function("f", doc="F.", expression=print, operands=[Operand("x", ("real",))]), "`operands`"),
    ],
)
def test_a_word_outside_of_the_closed_lists_is_refused(component: Any, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        declare(component, "acme", "")
    assert message in str(caught.value)


def test_a_model_may_say_by_a_condition_when_it_learns_in_rounds() -> None:
    loop = {"init": print, "update": print, "finish": print}
    model = read(Everything, fit=print, rounds="rule = gini, entropy", **loop)
    assert (model.iterative, model.rounds) == (True, "rule = gini, entropy")
    with pytest.raises(DeclarationError, match="`rounds`: `chaos` is not a choice of `rule`"):
        read(Everything, fit=print, rounds="rule = gini, chaos", **loop)
    with pytest.raises(DeclarationError, match="`rounds`: expected `parameter = values`, found `unknown = 1`"):
        read(Everything, fit=print, rounds="unknown = 1", **loop)
    with pytest.raises(DeclarationError, match="only a model with `init`, `update` and `finish` learns in rounds"):
        read(Everything, fit=print, rounds="rule = gini")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"apply_prepared": print}, "say something of `prepare`, which is missing"),
        ({"prepares": print}, "say something of `prepare`, which is missing"),
        ({"prepare": print, "prepare_reads": ("bins",)}, "`prepare_reads`: there is no parameter `bins`"),
        ({"row_state": ("said",)}, "`row_state`: only a model with `init`, `update` and `finish` has a state"),
        ({"cut": print}, "`cut`: only a model with `init`, `update` and `finish` has a state"),
        ({"resume": print, "prepare": print, "init": print}, "needs `prepare_as` too, to go on with the bins"),
        ({"follows": ("base",)}, "`follows`: `base` is no parameter that holds models"),
        ({"follows": ("count",)}, "`follows`: `count` is no parameter that holds models"),
        ({"follows": ("model",), "keeps": ("speed",)}, "`keeps`: expected one of accepts, missing"),
    ],
)
def test_what_a_model_says_of_its_loop_its_inputs_and_its_bases_must_fit(given: Any, message: str) -> None:
    made = spec(
        model=attrs.field(metadata=param(kind="model", doc="D.").metadata, type=Any),
        count=attrs.field(default=1, metadata=param(1, doc="D.").metadata, type=int),
    )
    with pytest.raises(DeclarationError, match=escape(message)):
        declare(Model("m", made, doc="M.", fit=print, tasks={"regress"}, **given), "acme", "")


def test_a_model_may_follow_those_that_it_is_made_of() -> None:
    bases = spec(bases=attrs.field(metadata=param(kind="model", doc="D.").metadata, type=tuple[Any, ...]))
    made = declare(Model("m", bases, doc="M.", fit=print, tasks={"regress"}, follows=("bases",)), "acme", "")
    assert made.follows == ("bases",)
    assert not made.resumes


def test_a_condition_may_allow_several_values() -> None:
    assert holds("rule = gini, entropy", Everything(1))
    assert not holds("rule = entropy", Everything(1))
    assert holds("", Everything(1))
    assert fits("flag = true", True)
    assert not fits("flag = true", False)
    assert in_words("way = a, b, c") == "`way = a`, `way = b` or `way = c`"
    assert in_words("way = a") == "`way = a`"
    assert fits("how = fixed, best", Fixed(0.5)), "an instance of a choice counts by the name of its class"
