"""How an argument follows from `$params` where it is not one by itself: `1 / $c`, `[$low, 10]`, `1..$n`.

A search sets the argument anew for every trial, so the plan keeps how it is computed, not only what came out.
"""

from __future__ import annotations

from collections.abc import Sequence

from mldsl.plan.model import Apply, Constant, RowExpression
from mldsl.semantics.constants import Constants
from mldsl.syntax import ast


def formula_of(nodes: Sequence[ast.Arg], constants: Constants, *, variadic: bool) -> RowExpression | None:
    """The expression of an argument over params; None where a search could not follow it."""
    if variadic:
        return _joined("list", nodes, constants)
    return _expression(nodes[0], constants) if len(nodes) == 1 else None


def _expression(node: ast.Arg, constants: Constants) -> RowExpression | None:
    match node:
        case ast.ParamRef():
            value = constants.evaluate(node)
            return Constant(value.value if value is not None else None, param=node.name)
        case ast.Number() | ast.Quantity() | ast.String() | ast.Ref():
            value = constants.evaluate(node)
            return Constant(value.value) if value is not None else None
        case ast.Negate():
            return _joined("negate", (node.operand,), constants)
        case ast.Binary():
            return _joined(node.op, (node.left, node.right), constants)
        case ast.Power():
            return _joined("^", (node.left, node.right), constants)
        case ast.Range():
            return _joined("list", (node.low, node.high), constants)
        case ast.List():
            return _joined("list", node.items, constants)
        case ast.Named():
            return _joined("list", (node.key, node.value), constants)
    return None


def _joined(op: str, nodes: Sequence[ast.Arg], constants: Constants) -> RowExpression | None:
    parts = [_expression(node, constants) for node in nodes]
    found = tuple(part for part in parts if part is not None)
    return Apply(op, found) if len(found) == len(parts) else None
