"""Nodes on one line: spelling, spaces and the parentheses that precedence asks for, and no others."""

from __future__ import annotations

from mldsl.syntax import ast
from mldsl.syntax.literals import NAME, can_be_raw, quote

# How tightly each kind binds; an operand that binds less than its position asks for is put in parentheses.
_LEVELS = {
    "formula": 0,
    "or": 1,
    "and": 2,
    "not": 3,
    "compare": 4,
    "range": 5,
    "interaction": 8,
    "negate": 9,
    "power": 10,
}
_ATOM = 11


def _level(node: ast.Expr) -> int:
    if isinstance(node, ast.Binary):
        return 6 if node.op in ("+", "-") else 7
    return _LEVELS.get(node.kind, _ATOM)


def expr(node: ast.Expr, least: int = 0) -> str:
    """An expression, in parentheses if it binds less than `least`."""
    text = _expr(node)
    return text if _level(node) >= least else f"({text})"


def atom(node: ast.Expr) -> str:
    """An expression where the grammar takes an atom only."""
    return expr(node, _ATOM)


def _expr(node: ast.Expr) -> str:
    match node:
        case ast.Number():
            return node.text or repr(node.value)
        case ast.Quantity():
            return node.text
        case ast.String():
            return string(node)
        case ast.Column():
            return f"`{node.name}`"
        case ast.ParamRef():
            return f"${node.name}"
        case ast.Ref():
            return node.dotted
        case ast.Call():
            return f"{node.dotted}({arguments(node.args)})"
        case ast.List():
            return f"[{arguments(node.items)}]"
        case ast.Range():
            return f"{expr(node.low, 6)}..{expr(node.high, 6)}"
        case ast.Binary():
            level = _level(node)
            return f"{expr(node.left, level)} {node.op} {expr(node.right, level + 1)}"
        case ast.Negate():
            return f"-{expr(node.operand, 9)}"
        case ast.Power():
            return f"{expr(node.left, _ATOM)} ^ {expr(node.right, 9)}"
        case ast.Compare():
            return f"{expr(node.left, 5)} {node.op} {expr(node.right, 5)}"
        case ast.And():
            return f"{expr(node.left, 2)} and {expr(node.right, 3)}"
        case ast.Or():
            return f"{expr(node.left, 1)} or {expr(node.right, 2)}"
        case ast.Not():
            return f"not {expr(node.operand, 3)}"
        case ast.Interaction():
            return f"{expr(node.left, 8)}:{expr(node.right, 9)}"
        case ast.Formula():
            left = "" if node.left is None else f"{expr(node.left, 1)} "
            return f"{left}~ {expr(node.right, 1)}"


def string(node: ast.String) -> str:
    """A text as it was written; raw if it was made to be and can be."""
    if node.text:
        return node.text
    return f'"""{node.value}"""' if node.raw and can_be_raw(node.value) else quote(node.value)


def arg(node: ast.Arg) -> str:
    """An argument or an item of a list."""
    if isinstance(node, ast.Named):
        return f"{key(node)} = {expr(node.value)}"
    return expr(node)


def key(node: ast.Named) -> str:
    """What stands before the `=`."""
    return _expr(node.key)


def arguments(args: tuple[ast.Arg, ...]) -> str:
    """Arguments without their brackets."""
    return ", ".join(map(arg, args))


def component(node: ast.Component) -> str:
    """A component; `f()` is `f`."""
    return f"{node.dotted}({arguments(node.args)})" if node.args else node.dotted


def type_(node: ast.Type) -> str:
    """A type."""
    return node.name + (f"({arguments(node.args)})" if node.args else "") + "?" * node.missing


def columns(node: ast.Columns) -> str:
    """The left side of a feature."""
    return ", ".join(string(item) if isinstance(item, ast.String) else _column(item) for item in node.items)


def _column(node: ast.Column) -> str:
    return f"`{node.name}`" if node.quoted or not NAME.fullmatch(node.name) else node.name
