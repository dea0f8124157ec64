"""Values of a plan as text: columns, components with all of their arguments, domains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mldsl.plan.model import ClassCount, ColumnPlan, ColumnState, ComponentValue, EnvSecret, TunePlan
from mldsl.plugin.wording import number_text, quoted


def argument_text(value: Any) -> str:
    """The value of an argument; a text that could be a name is shown as one, since the plan no longer knows."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_text(value)
        case str():
            return value if value.isidentifier() else quoted(value)
        case EnvSecret():
            return f"env({quoted(value.name)})"
        case ClassCount():
            return "classes"
        case ComponentValue():
            return full_text(value)
        case tuple() if value and all(_is_weight(item) for item in value):
            return "[" + ", ".join(f"{quoted(label)} = {number_text(weight)}" for label, weight in value) + "]"
        case tuple() if value and all(_is_costs(item) for item in value):
            return "[" + ", ".join(f"{quoted(label)} = {argument_text(costs)}" for label, costs in value) + "]"
        case tuple():
            return "[" + ", ".join(map(argument_text, value)) + "]"
    return str(value)


def _is_weight(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], int | float)


def _is_costs(item: Any) -> bool:
    pair = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], tuple)
    return pair and bool(item[1]) and all(_is_weight(cost) for cost in item[1])


def full_text(value: ComponentValue) -> str:
    """A component with every argument spelt out."""
    args = ", ".join(f"{name} = {argument_text(inner)}" for name, inner in value.args if inner is not None)
    return f"{value.name}({args})" if args else value.name


def written_text(value: ComponentValue) -> str:
    """A component as the file has it."""
    return value.text or full_text(value)


def default_arguments(value: ComponentValue) -> str:
    """The arguments that the file leaves out, with the values they get; none are shown for those that stay unset."""
    left = [(name, inner) for name, inner in value.args if name not in value.written and inner is not None]
    return ", ".join(f"{name} = {argument_text(inner)}" for name, inner in left)


def type_text(column: ColumnPlan | ColumnState) -> str:
    """A column's type as `features` writes it."""
    form = getattr(column, "form", None)
    args = ""
    if column.levels:
        levels = [quoted(level) for level in column.levels]
        args = f"({', '.join(levels if len(levels) <= 6 else [*levels[:4], '...', levels[-1]])})"
    elif form:
        args = f"({form})" if form.isidentifier() else f"({quoted(form)})"
    sparse = ", sparse" if getattr(column, "sparse", False) else ""
    return f"{column.type}{args}{'?' if column.missing else ''}{sparse}"


def domain_text(domain: tuple[Any, ...]) -> str:
    """A domain of `param` or `tune` as written."""
    if domain[0] == "list":
        return "[" + ", ".join(map(argument_text, domain[1])) + "]"
    text = f"{number_text(domain[1])}..{number_text(domain[2])}"
    return f"log({text})" if domain[0] == "log" else text


def search_text(tune: TunePlan) -> Iterable[tuple[str, str]]:
    """`$param`, where it is searched, and what is known to be simpler."""
    simpler = {name: f", {direction} is simpler" for name, direction in tune.simpler}
    return ((f"${name}", f"in {domain_text(domain)}{simpler.get(name, '')}") for name, domain in tune.domains)


def ways_text(by: Iterable[str], columns: Iterable[ColumnPlan], target: str | None) -> str:
    """How rows are parted: stratified by `survived`, in whole groups of `patient`."""
    names = {column.role: f"`{column.name}`" for column in columns}
    ways = {
        "random": "at random", "stratified": f"stratified by `{target}`" if target else "stratified",
        "group": f"in whole groups of {names.get('group') or names.get('query', 'rows')}",
        "time": f"in the order of {names.get('time', 'time')}", "order": "in the order of the file",
        "user": f"within each {names.get('user', 'user')}",
    }  # fmt: skip
    return " and ".join(ways[way] for way in by)
