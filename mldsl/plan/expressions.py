"""Row expressions of a plan as text: operators with the parentheses that they need, and no others."""

from __future__ import annotations

from mldsl.plan.model import Apply, Columns, ColumnUse, Constant, RowExpression
from mldsl.plugin.wording import number_text, quoted

# How tightly each operator binds, as in the grammar.
_LEVELS = {
    "or": 1, "and": 2, "not": 3, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 6, "-": 6, "*": 7, "/": 7,
    "negate": 9, "^": 10,
}  # fmt: skip
_ATOM = 11


def expression_text(expression: RowExpression, least: int = 0) -> str:
    """An expression as it would be written, in parentheses if it binds less than `least`."""
    match expression:
        case Constant(param=str() as param):
            return f"${param}"
        case Constant():
            return _constant(expression.value)
        case ColumnUse():
            return name_text(expression.name)
        case Columns():
            names = [
                quoted(name) if any(sign in name for sign in "*?[") else name_text(name) for name in expression.names
            ]
            return names[0] if len(names) == 1 else f"[{', '.join(_shortened(names))}]"
        case Apply(function=None):
            text, level = _operator(expression), _LEVELS[expression.op]
            return text if level >= least else f"({text})"
    args = [arg for arg in expression.args if arg != Constant(None)]
    return f"{expression.op}({', '.join(expression_text(arg) for arg in args)})"


def name_text(name: str) -> str:
    """A column's name; in backticks unless it is one word."""
    return name if name.isidentifier() else f"`{name}`"


def _operator(node: Apply) -> str:
    level = _LEVELS[node.op]
    if node.op == "not":
        return f"not {expression_text(node.args[0], level)}"
    if node.op == "negate":
        return f"-{expression_text(node.args[0], level)}"
    left, right = node.args
    if node.op == "^":  # binds to the right
        return f"{expression_text(left, _ATOM)} ^ {expression_text(right, 9)}"
    strict = level + (node.op not in ("and", "or"))
    first = level if node.op in ("+", "-", "*", "/", "and", "or") else level + 1
    return f"{expression_text(left, first)} {node.op} {expression_text(right, max(strict, level + 1))}"


def _constant(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_constant, value))}]"
    return quoted(str(value)) if value is not None else "none"


def _shortened(names: list[str]) -> list[str]:
    return names if len(names) <= 6 else [*names[:3], "...", names[-1]]
