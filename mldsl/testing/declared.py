"""The checks that need no rows: documentation, and values that a file may not give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from mldsl.plugin import Component, Declaration, Metric, Model, Parameter, Report, SourceComponent, Transform
from mldsl.plugin.declaration import DefaultCall, ParameterType
from mldsl.plugin.extract import DeclarationError, declare
from mldsl.plugin.spec import Configured
from mldsl.plugin.wording import call_text, number_text
from mldsl.testing.finding import CHECKS

_PLUGIN = "kit"  # the plugin that a component under test appears to come from

# Where a component of each kind stands in a file; `{call}` is the component with its arguments.
_PLACES = {
    "model": {"model": "{call}"},
    "transform": {"transforms": "{call} on a"},
    "metric": {"metrics": "{call}"},
    "report": {"report": "{call}"},
    "source": {"data": "{call}"},
    "stop": {"model": "kit_model\n  stop_when = {call}"},
    "search": {"tune": "search = {call}\n  $kit in 0..1"},
    "exporter": {"export": "{call}"},
}


def declared(component: Component) -> Declaration:
    """The declaration; `DeclarationError` with all that is wrong."""
    return declare(component, _PLUGIN, _home(component))


def _home(component: Component) -> str:
    """The module whose docstring documents the component: that of its functions, else of its Spec."""
    for field in attrs.fields(type(component)):
        value = getattr(component, field.name)
        if callable(value) and not isinstance(value, type):
            return str(value.__module__)
    return component.Spec.__module__


def declaration(component: Component) -> Iterator[str]:
    """It can be read."""
    try:
        declared(component)
    except DeclarationError as error:
        yield from error.problems


def documentation(component: Component) -> Iterator[str]:
    """A summary, and more for what computes."""
    found = declared(component)
    if not found.doc and isinstance(component, Model | Transform | Metric | Report):
        yield "the documentation is one line: say what is computed, from what, and what can go wrong"


def units(component: Component) -> Iterator[str]:
    """Which units go in and come out."""
    text = declared(component).doc
    computes = isinstance(component, Model) or (isinstance(component, Transform) and component.apply is not None)
    if computes and "Units:" not in text:
        yield 'the documentation has no line "Units:"'
    if isinstance(component, Metric) and "Range:" not in text:
        yield 'the documentation has no line "Range:" (from where to where, which end is better, in which unit)'


def sources(component: Component) -> Iterator[str]:
    """Where it comes from."""
    if isinstance(component, Metric | Model) and not component.sources and "Source" not in declared(component).doc:
        yield "no source is named: author, year, doi"


def example(component: Component) -> Iterator[str]:
    """A Spec that the kit can call the component with."""
    if component.kind in ("source", "exporter"):
        return  # their functions need files
    if component.example is None:
        missing = [p.name for p in declared(component).parameters if p.required]
        if missing:
            yield f"`{missing[0]}` has no default, so give `example=Spec(...)`"
    elif not isinstance(component.example, component.Spec):
        yield f"`example` is a {type(component.example).__name__}, not a Spec of the component"


def exceptions(component: Component) -> Iterator[str]:
    """Exceptions are to known checks, with reasons."""
    for check, reason in component.exceptions.items():
        if check not in CHECKS:
            yield f"`{check}` is no check (see `mldsl.testing.CHECKS`)"
        elif not reason.strip():
            yield f"the exception to `{check}` has no reason"


# ---- values ----------------------------------------------------------------------------------------------------------


def bounds(component: Component) -> Iterator[str]:
    """Values that the declaration rules out, in a file: each is refused with its code, and the example is accepted."""
    found = declared(component)
    if component.kind not in _PLACES:
        return
    given = _given(component, found)
    for diagnostic in _refusals(component, found, given):
        yield f"the example is refused: {diagnostic.code} {diagnostic.message}"
    yield from _expect(component, found, {**given, "kit_nonsense": "1"}, "MLP0102", "", "")
    for parameter in found.parameters:
        for text, code in invalid(parameter):
            wanted = parameter.bounds() if code == "MLP0202" else ""
            yield from _expect(component, found, {**given, parameter.name: text}, code, wanted, parameter.name)
        if parameter.required:
            left = {name: text for name, text in given.items() if name != parameter.name}
            yield from _expect(component, found, left, "MLP0115", "", parameter.name)


def invalid(parameter: Parameter) -> Iterator[tuple[str, str]]:
    """Texts that a file may not give for a parameter, with the code that refuses each."""
    kind = parameter.type
    in_list = kind.name == "list"
    innermost = kind.item if in_list and kind.item is not None else kind
    if innermost.name in ("int", "number", "share"):
        for number in _outside(parameter, innermost):
            text = number_text(number)
            yield (f"[{text}]" if in_list and not parameter.variadic else text), "MLP0202"
        yield (f'["kit"]' if in_list and not parameter.variadic else '"kit"'), "MLP0201"  # noqa: F541
    if innermost.name == "int" and not in_list:
        yield "1.5", "MLP0201"
    if kind.name == "bool":
        yield "3", "MLP0201"
    if kind.name == "enum" and kind.otherwise is None:
        yield "kit_nonsense", "MLP0203"


def _outside(parameter: Parameter, kind: ParameterType) -> Iterator[float]:
    """A number beyond each bound; for open bounds the bound itself."""
    step = 1 if kind.name == "int" else 0.5
    if parameter.ge is not None:
        yield parameter.ge - step
    if parameter.gt is not None:
        yield parameter.gt
    if parameter.le is not None:
        yield parameter.le + step
    if parameter.lt is not None:
        yield parameter.lt


def _expect(
    component: Component, found: Declaration, given: dict[str, str], code: str, mentions: str, parameter: str
) -> Iterator[str]:
    refusals = [d for d in _refusals(component, found, given) if d.code == code]
    call = _call(found, given)
    if not refusals:
        yield f"`{call}` should be refused with {code}"
    elif mentions and not any(mentions in " ".join((d.label, d.help or "", *d.notes)) for d in refusals):
        yield f"`{call}`: the message does not say what is allowed ({mentions})"
    elif parameter and not any(parameter in d.message for d in refusals):
        yield f"`{call}`: the message does not name `{parameter}`"


def _refusals(component: Component, found: Declaration, given: dict[str, str]) -> list[Any]:
    """What `check` says of the values in a file that uses the component so."""
    from mldsl.driver import Options, check
    from mldsl.plugin.registry import Registry
    from mldsl.source import Source

    blocks = {"data": "kit_source", "model": "kit_model", **_PLACES[component.kind]}
    lines = "\n".join(f"{block} {{\n  {text}\n}}" for block, text in blocks.items())
    text = f"""mlp 1
use {_PLUGIN}
features {{
  a, b: continuous
  y: categorical as target
}}
{lines.replace("{call}", _call(found, given))}
"""
    registry = Registry.of({"core": _stand_ins(), _PLUGIN: [component]})
    codes = {"MLP0102", "MLP0115", "MLP0201", "MLP0202", "MLP0203", "MLP0206"}
    return [d for d in check(Source("kit.mlp", text), Options(registry=registry)).diagnostics if d.code in codes]


def _call(found: Declaration, given: dict[str, str]) -> str:
    arguments = ", ".join(f"{name} = {text}" for name, text in given.items())
    return f"{found.name}({arguments})" if arguments else found.name


def _stand_ins() -> list[Component]:
    """What a file needs besides the component under test."""

    def nothing(*arguments: Any) -> None:
        return None

    rows = "Rows from nowhere, for the conformance kit."
    guess = "A model that learns nothing, for the conformance kit."
    tasks = ("classify", "regress", "cluster")
    return [
        SourceComponent("kit_source", doc=rows, scan=nothing),
        Model(
            "kit_model", doc=guess, tasks=tasks, init=nothing, update=nothing, finish=nothing, predict=nothing,
            steps=nothing,  # type: ignore[arg-type]
        ),
    ]  # fmt: skip


def _given(component: Component, found: Declaration) -> dict[str, str]:
    """The arguments of the example as a file writes them."""
    given = {}
    if component.example is None:
        made_up = {"text": '"kit"', "column": "a", "columns": "[a]", "label": '"kit"'}
        return {p.name: made_up.get(p.type.name, "kit") for p in found.parameters if p.required}
    for parameter in found.parameters:
        value = getattr(component.example, parameter.name)
        if parameter.required or value != next(
            f.default for f in attrs.fields(component.Spec) if f.name == parameter.name
        ):
            written = _written(component.Spec, parameter.name, value)
            text = call_text("", ((parameter.name, written),), {parameter.name: parameter.type})
            given[parameter.name] = text.partition("=")[2].strip().removesuffix(")")
    return given


def _written(spec: type, name: str, value: Any) -> Any:
    """An instance of a choice's class as the call that makes it."""
    if isinstance(value, tuple | list):
        return tuple(_written(spec, name, item) for item in value)
    if isinstance(value, Configured):
        return _as_call(value.component.name, value.spec)
    if not attrs.has(type(value)):
        return value
    choices = next(f for f in attrs.fields(spec) if f.name == name).metadata["mldsl"]["choices"] or {}
    called = next((choice for choice, cls in choices.items() if cls is not None and isinstance(value, cls)), name)
    return _as_call(called, value)


def _as_call(called: str, value: Any) -> DefaultCall:
    arguments = tuple(
        (f.name, _written(type(value), f.name, getattr(value, f.name)))
        for f in attrs.fields(type(value)) if getattr(value, f.name) != f.default
    )  # fmt: skip
    return DefaultCall(called, arguments)


DECLARED = (declaration, documentation, units, sources, example, exceptions, bounds)
