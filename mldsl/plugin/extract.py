"""From a plugin's `Component` to its `Declaration`: types from annotations, and every rule that a declaration keeps.

A hyperparameter is declared once, as a field of an attrs class; messages, reference pages, test values and search
spaces all derive from what is read here. All mistakes of a component are reported together, so that its author mends
them in one go.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from mldsl.plugin import components as kinds
from mldsl.plugin import params
from mldsl.plugin.condition import parsed
from mldsl.plugin.declaration import (
    COLUMN_TYPES,
    REQUIRED,
    ROLES,
    Choice,
    Declaration,
    DefaultCall,
    Parameter,
    ParameterType,
    TypeName,
)  # fmt: skip
from mldsl.plugin.following import FACTS

TASKS = ("classify", "regress", "cluster", "generate", "rank", "recommend")
NUMBERS = ("int", "number", "share", "duration", "size")

_PLAIN: Mapping[Any, TypeName] = {
    bool: "bool", int: "int", float: "number", str: "text", params.Share: "share", params.Duration: "duration",
    params.Size: "size", params.Range: "range", params.Column: "column", params.Columns: "columns",
    params.Label: "label", params.Weights: "weights", params.Costs: "costs", params.Formula: "formula",
    params.Arithmetic: "arithmetic", params.Numbers: "numbers", params.Ranges: "ranges",
    params.Directions: "directions", params.Network: "network", params.ModelName: "model", params.Secret: "secret",
}  # fmt: skip


class DeclarationError(ValueError):
    """What is wrong with the declaration of one component; `problems` has one sentence each."""

    def __init__(self, component: str, problems: list[str]) -> None:
        super().__init__(f"the declaration of `{component}` is not valid: " + "; ".join(problems))
        self.problems = problems


def declare(component: kinds.Component, plugin: str, module: str) -> Declaration:
    """Read what `check` needs to know of a component; raises `DeclarationError` with all that is wrong with it.

    `module` is the dotted name of the (imported) module whose docstring documents the component unless it has a `doc`.
    """
    problems: list[str] = []
    summary, doc = _documentation(component, module)
    if not summary:
        problems.append("it has no documentation: write a docstring for its module, or give `doc`")
    if not _is_name(component.name):
        problems.append(f"expected a name in snake_case, found `{component.name}`")
    declaration = Declaration(
        kind=component.kind, name=component.name, plugin=plugin, module=module, summary=summary, doc=doc,
        parameters=_parameters(component.Spec, "", problems), sources=tuple(component.sources),
        example=component.snippet or _example(component), also_known_as=tuple(component.also_known_as),
        deprecated=component.deprecated, exceptions=tuple(sorted(component.exceptions.items())),
        **_particulars(component),
    )  # fmt: skip
    problems.extend(_wrong_words(declaration))
    losses = [getattr(component, name, None) for name in ("loss", "loss_of")]
    if isinstance(component, kinds.Model) and component.margins and component.init and not any(losses):
        problems.append("`margins`: rounds are watched by the loss, and margins have none of their own: give `loss`")
    problems.extend(_wrong_halves(component, declaration))
    problems.extend(_wrong_preparing(component, declaration))
    problems.extend(_wrong_following(declaration))
    if (
        isinstance(component, kinds.Model)
        and len({f is None for f in (component.count, component.add, component.learn)}) > 1
    ):
        problems.append("`count`, `add` and `learn` belong together")
    if problems:
        raise DeclarationError(f"{component.kind}.{component.name}", problems)
    return declaration


# ---- documentation ------------------------------------------------------------------------------------------------


def _documentation(component: kinds.Component, module: str) -> tuple[str, str]:
    """The first line without its full stop, and the rest."""
    text = component.doc or getattr(sys.modules.get(module), "__doc__", None) or ""
    summary, _, doc = inspect.cleandoc(text).partition("\n")
    return summary.strip().removesuffix("."), doc.strip()


def _example(component: kinds.Component) -> str:
    """`name(parameter = value, ...)` of the example Spec, as it would be written in a file."""
    from mldsl.plugin.wording import call_text

    if component.example is None:
        return ""
    given = _written(component.example)
    return call_text(component.name, given.arguments)


def _written(instance: Any, name: str = "") -> DefaultCall:
    """The fields of an attrs instance that differ from their defaults, as a call."""
    given = [
        (field.name, _plain_value(getattr(instance, field.name)))
        for field in attrs.fields(type(instance))
        if getattr(instance, field.name) != field.default
    ]
    return DefaultCall(name, tuple(given))


def _plain_value(value: Any) -> Any:
    if attrs.has(type(value)):
        return _written(value, _snake(type(value).__name__))
    return tuple(_plain_value(item) for item in value) if isinstance(value, list | tuple) else value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) is not None


# ---- parameters ---------------------------------------------------------------------------------------------------


def parameters_of(spec: type) -> tuple[Parameter, ...]:
    """The parameters of an attrs class of hyperparameters; raises `DeclarationError`."""
    problems: list[str] = []
    found = _parameters(spec, "", problems)
    if problems:
        raise DeclarationError(spec.__qualname__, problems)
    return found


def _parameters(spec: type, where: str, problems: list[str]) -> tuple[Parameter, ...]:
    if not hasattr(spec, "__attrs_attrs__"):
        problems.append(f"{where or 'Spec'}: expected an attrs class, found `{spec!r}`")
        return ()
    if getattr(spec, "__hash__", None) is None:
        problems.append(f"{where or 'Spec'}: make `{spec.__name__}` frozen (`@attrs.frozen`); it is part of cache keys")
    try:
        hints = typing.get_type_hints(spec)
    except Exception as error:
        problems.append(f"{where or 'Spec'}: its annotations do not resolve ({error})")
        return ()
    found: list[Parameter] = []
    for field in attrs.fields(spec):
        place = f"{where}{field.name}"
        if "mldsl" not in field.metadata:
            problems.append(f"`{place}`: declare it with `param(...)`")
            continue
        try:
            found.append(_parameter(field, hints[field.name], place, problems))
        except _MistakeError as mistake:
            problems.append(f"`{place}`: {mistake}")
    by_name = {p.name: p for p in found}
    for index, parameter in enumerate(found):
        if parameter.variadic and (index + 1 < len(found) or parameter.type.name != "list"):
            problems.append(f"`{where}{parameter.name}`: only the last parameter, of a list type, may be variadic")
        if parameter.only_if and (mistake_text := _wrong_condition(parameter, by_name)):
            problems.append(f"`{where}{parameter.name}`: {mistake_text}")
    return tuple(found)


# What a parameter takes over from `param` as it is.
_COPIED = ("unit", "doc", "only_if", "search", "traced", "variadic", "simpler", "also_known_as")


class _MistakeError(Exception):
    """One thing wrong with one parameter."""


def _parameter(field: Any, annotation: Any, place: str, problems: list[str]) -> Parameter:
    meta = field.metadata["mldsl"]
    kind = _type(annotation, meta, place, problems)
    ge, gt, le, lt = (meta[bound] for bound in ("ge", "gt", "le", "lt"))
    if kind.name == "share" and (ge, gt, le, lt) == (None, None, None, None):
        ge, le = 0.0, 1.0
    elif kind.name == "share":
        ge, le = (0.0 if ge is None and gt is None else ge), (1.0 if le is None and lt is None else le)
    innermost = kind.item or (kind if kind.name == "number" else kind.otherwise) or kind
    if (ge, gt, le, lt) != (None, None, None, None) and innermost.name not in (*NUMBERS, "range"):
        raise _MistakeError(f"bounds are for numbers, and this is {innermost.name}")
    parameter = Parameter(
        name=field.name, type=kind, ge=ge, gt=gt, le=le, lt=lt,
        default=REQUIRED if field.default is attrs.NOTHING else _default(field.default, meta["choices"]),
        **{key: meta[key] for key in _COPIED},
    )  # fmt: skip
    if not _is_name(field.name):
        raise _MistakeError("expected a name in snake_case")
    if not parameter.doc.strip():
        raise _MistakeError("it has no `doc`")
    number = kind.otherwise if kind.name == "enum" and kind.otherwise is not None else kind
    if parameter.traced and number.name not in ("number", "share", "duration"):
        raise _MistakeError("only numbers may be traced; whatever else changes, changes the program")
    if parameter.simpler not in ("", "larger", "smaller"):
        raise _MistakeError(f"`simpler` is larger or smaller, found `{parameter.simpler}`")
    if parameter.simpler and kind.name not in NUMBERS:
        raise _MistakeError("only numbers are larger or smaller, so only they have `simpler`")
    if kind.optional and parameter.default is not None:
        raise _MistakeError("`None` cannot be written in a file, so what may be None must have the default None")
    if not parameter.required and (expected := misfit(parameter, parameter.default)):
        raise _MistakeError(f"the default {parameter.default!r} is not {expected}")
    return parameter


def _default(value: Any, choices: Mapping[str, Any] | None) -> Any:
    """A default as plain data: an instance of a choice's class becomes the call that would make it."""
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
        raise _MistakeError("give the default as a value; a factory cannot be shown in documentation")
    for name, cls in (choices or {}).items():
        if cls is not None and isinstance(value, cls):
            return _written(value, name)
    if isinstance(value, list | tuple):
        return tuple(_default(item, choices) for item in value)
    return value


def _type(annotation: Any, meta: Mapping[str, Any], place: str, problems: list[str]) -> ParameterType:
    members = _members(annotation)
    optional = types.NoneType in members
    members = [member for member in members if member is not types.NoneType]
    if len(members) == 1 and typing.get_origin(members[0]) is tuple:
        arguments = typing.get_args(members[0])
        if len(arguments) != 2 or arguments[1] is not Ellipsis:
            raise _MistakeError("a list is annotated `tuple[T, ...]`")
        return ParameterType("list", item=_type(arguments[0], meta, place, problems), optional=optional)
    if meta["kind"]:
        return ParameterType("component", of=meta["kind"], optional=optional)
    choices: tuple[Choice, ...] = ()
    if meta["choices"]:
        classes = tuple(cls for cls in meta["choices"].values() if cls is not None)
        members = [member for member in members if member not in (str, object, Any, *classes)]
        choices = tuple(_choice(name, cls, place, problems) for name, cls in meta["choices"].items())
    literals = [member for member in members if typing.get_origin(member) is Literal]
    for literal in literals:
        names = typing.get_args(literal)
        if not all(isinstance(name, str) for name in names):
            raise _MistakeError("the values of `Literal` are names, as text")
        choices += tuple(Choice(name) for name in names)
    others = [member for member in members if member not in literals]
    if not choices and set(others) == {float, str}:
        return ParameterType("number", otherwise=ParameterType("text"), optional=optional)
    if len(others) > 1 or (not choices and not others):
        raise _MistakeError(f"`{annotation}` is not a type of parameter; see `mldsl.plugin.params`")
    other = _other(others[0], meta, place, problems) if others else None
    if not choices:
        assert other is not None
        return attrs.evolve(other, optional=optional)
    if wrong := [choice.name for choice in choices if not re.fullmatch(r"[a-z]\w*", choice.name)]:
        raise _MistakeError(f"the choice `{wrong[0]}` is not a name in lower case")
    return ParameterType("enum", choices=choices, optional=optional, otherwise=other)


def _other(annotation: Any, meta: Mapping[str, Any], place: str, problems: list[str]) -> ParameterType:
    """The type of the values that an enum takes beside its words: `Literal["english"] | tuple[str, ...]`."""
    if typing.get_origin(annotation) is tuple:
        return _type(annotation, {**meta, "choices": None, "kind": ""}, place, problems)
    return ParameterType(_plain(annotation))


def _members(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return list(typing.get_args(annotation))
    return [annotation]


def _plain(annotation: Any) -> TypeName:
    try:
        return _PLAIN[annotation]
    except (KeyError, TypeError):
        raise _MistakeError(f"`{annotation}` is not a type of parameter; see `mldsl.plugin.params`") from None


def _choice(name: str, cls: type | None, place: str, problems: list[str]) -> Choice:
    if cls is None:
        return Choice(name)
    doc = inspect.cleandoc(cls.__doc__ or "") if "Method generated by attrs" not in (cls.__doc__ or "") else ""
    return Choice(name, _parameters(cls, f"{place}.{name}.", problems), doc.partition("\n")[0])


def _wrong_condition(parameter: Parameter, others: Mapping[str, Parameter]) -> str:
    mistake = _mistaken(parameter.only_if, {n: p for n, p in others.items() if p is not parameter})
    if mistake == parameter.only_if:
        return f"`only_if` is `parameter = value` of another parameter, found `{mistake}`"
    return f"`only_if`: {mistake}" if mistake else ""


def _mistaken(condition: str, parameters: Mapping[str, Parameter]) -> str:
    """What is wrong with a condition, the condition itself where it is none of these parameters'; empty if nothing."""
    name, values = parsed(condition)
    other = parameters.get(name)
    if other is None or not all(values):
        return condition
    names = [choice.name for choice in other.type.choices]
    unknown = [value for value in values if names and value not in names]
    return f"`{unknown[0]}` is not a choice of `{name}`" if unknown else ""


def misfit(parameter: Parameter, value: Any, kind: ParameterType | None = None) -> str:
    """What a value of this parameter must be, if `value` is not that: `a number, 0..1`. Empty if it fits."""
    kind = kind or parameter.type
    if value is None:
        return "" if kind.optional else kind.name
    match kind.name:
        case "list":
            assert kind.item is not None
            wrong = "" if isinstance(value, tuple) else "a list"
            return wrong or next((text for item in value if (text := misfit(parameter, item, kind.item))), "")
        case "enum":
            name = value.name if isinstance(value, DefaultCall) else value
            if isinstance(name, str) and any(choice.name == name for choice in kind.choices):
                return ""
            if kind.otherwise and not isinstance(value, DefaultCall):
                return misfit(parameter, value, kind.otherwise)
            return "one of " + ", ".join(choice.name for choice in kind.choices)
        case "int" | "size" | "number" | "share" | "duration":
            if kind.otherwise and isinstance(value, str):
                return ""
            whole = kind.name in ("int", "size")
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                return "an integer" if whole else "a number"
            return "" if parameter.allows(value) else f"within {parameter.bounds()}"
        case "bool":
            return "" if isinstance(value, bool) else "true or false"
        case "range":
            return "" if isinstance(value, tuple) and len(value) == 2 else "a pair (low, high)"
        case "columns" | "weights" | "costs" | "numbers" | "ranges" | "directions":
            return "" if isinstance(value, tuple) else "a tuple"
        case "component":
            return "" if isinstance(value, str | DefaultCall) else "the name of a component"
        case "secret":
            return "left out: a secret has no default"
        case _:
            return "" if isinstance(value, str) else "text"


# ---- what each kind adds ------------------------------------------------------------------------------------------


def _particulars(component: kinds.Component) -> dict[str, Any]:
    copied: tuple[str, ...]
    match component:
        case kinds.Model():
            copied = (
                "missing",
                "sparse",
                "scale_sensitive",
                "shards",
                "costs",
                "margins",
                "precision",
                "probabilities_if",
            )
            return {
                "tasks": tuple(sorted(component.tasks)), "accepts": tuple(component.accepts),
                "roles": tuple(component.roles), "iterative": component.init is not None, "rounds": component.rounds,
                "missing_if": component.missing_if,
                "follows": tuple(component.follows), "keeps": tuple(component.keeps),
                "additive": component.count is not None, "trees": component.trees is not None,
                "resumes": component.resume is not None,
                "batches": bool(component.batches), "scale_free": tuple(component.scale_free),
                **{name: getattr(component, name) for name in copied},
            }  # fmt: skip
        case kinds.Transform():
            copied = (
                "missing", "phase", "host", "looks_back", "uses_target", "chooses", "selects", "width",
                "scale_sensitive", "precision", "sparse",
            )  # fmt: skip
            return {
                "accepts": tuple(component.inputs), "outputs": tuple(component.outputs),
                "tasks": tuple(sorted(component.tasks)), "resamples": component.resample is not None,
                "fitted": component.fit is not None or component.host_fit is not None,
                "halves": component.host_apply is not None,
                **{name: getattr(component, name) for name in copied},
            }  # fmt: skip
        case kinds.Metric():
            return {
                "tasks": tuple(sorted(component.tasks)), "accepts": tuple(component.targets),
                "needs": tuple(component.needs), "better": component.better, "lowest": component.lowest,
                "highest": component.highest,
            }  # fmt: skip
        case kinds.Report():
            return {"tasks": tuple(sorted(component.tasks)), "needs": tuple(component.needs)}
        case kinds.Function():
            return {
                "operands": tuple(component.operands), "variadic": component.variadic, "gives": component.gives,
                "missing": component.missing,
            }  # fmt: skip
    return {}


def _wrong_following(declaration: Declaration) -> Iterator[str]:
    for name in declaration.follows:
        parameter = declaration.parameter(name)
        kind = None if parameter is None else parameter.type.item or parameter.type
        if kind is None or (kind.name, kind.of) not in (("component", "model"), ("model", None)):
            yield f"`follows`: `{name}` is no parameter that holds models"
    for name in declaration.keeps:
        if name not in FACTS:
            yield f"`keeps`: expected one of {', '.join(FACTS)}; found `{name}`"


def _wrong_preparing(component: kinds.Component, declaration: Declaration) -> Iterator[str]:
    if not isinstance(component, kinds.Model):
        return
    if component.prepare is None and any((component.apply_prepared, component.prepares, component.prepare_reads)):
        yield "`apply_prepared`, `prepares` and `prepare_reads` say something of `prepare`, which is missing"
    for name in component.prepare_reads or ():
        if declaration.parameter(name) is None:
            yield f"`prepare_reads`: there is no parameter `{name}`"
    again = component.apply_prepared or component.prepare_as
    if component.resume is not None and component.prepare is not None and again is None:
        yield "`resume`: a model with `prepare` needs `prepare_as` too, to go on with the bins that it has"
    for name in ("row_state", "so_far", "cut", "info", "resume"):
        if getattr(component, name) and component.init is None:
            yield f"`{name}`: only a model with `init`, `update` and `finish` has a state"


def _wrong_halves(component: kinds.Component, declaration: Declaration) -> Iterator[str]:
    if not isinstance(component, kinds.Transform):
        return
    if (component.host_fit is None) != (component.host_apply is None):
        yield "`host_fit` and `host_apply` belong together"
    if component.host_apply is not None and (component.host or component.apply is None or component.uses_target):
        yield "a step with two halves has `apply` for its device half, is not `host`, and does not use the target"
    for name in component.host_reads or ():
        if declaration.parameter(name) is None:
            yield f"`host_reads`: there is no parameter `{name}`"


def _wrong_words(declaration: Declaration) -> Iterator[str]:
    """Words outside of the closed lists: a typing mistake in a declaration would otherwise silently mean "never"."""
    allowed: dict[str, tuple[Any, tuple[str, ...]]] = {
        "tasks": (declaration.tasks, TASKS),
        "accepts": (declaration.accepts, COLUMN_TYPES),
        "roles": (declaration.roles, ROLES),
        "precision": ((declaration.precision,), ("float32", "float64")),
        "phase": ((declaration.phase,), ("both", "train")),
        "width": ((declaration.width,), ("static", "data")),
        "selects": ((declaration.selects,), ("", "drop", "keep")),
        "better": ((declaration.better,), ("", "higher", "lower")),
        "outputs": ([output.type for output in declaration.outputs], ("same", *COLUMN_TYPES)),
        "sparse": ([output.sparse for output in declaration.outputs], ("no", "yes", "same")),
        "gives": ((declaration.gives,), ("", "same", "common", *COLUMN_TYPES)),
        "missing": ((declaration.missing,), ("refuses", "accepts", "fills", "same", "no", "yes", "all")),
        "operands": ([word for operand in declaration.operands for word in operand.types], COLUMN_TYPES),
    }
    for field, (words, known) in allowed.items():
        for word in words:
            if word not in known:
                yield f"`{field}`: expected one of {', '.join(filter(None, known))}; found `{word}`"
    if declaration.kind == "model" and not declaration.tasks:
        yield "`tasks`: a model says which tasks it does"
    if declaration.missing_if and (
        mistake := _mistaken(declaration.missing_if, {p.name: p for p in declaration.parameters})
    ):
        yield f"`missing_if`: {mistake}"
    if declaration.rounds:
        mistake = _mistaken(declaration.rounds, {p.name: p for p in declaration.parameters})
        if mistake:
            found = f"expected `parameter = values`, found `{mistake}`" if mistake == declaration.rounds else mistake
            yield f"`rounds`: {found}"
        if not declaration.iterative:
            yield "`rounds`: only a model with `init`, `update` and `finish` learns in rounds"
