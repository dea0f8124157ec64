"""How an expression is written on one line, in canonical form: the names of metrics, the text of formulas."""

from __future__ import annotations

from mldsl.syntax import ast, flat


def spell(node: ast.Expr | ast.Component) -> str:
    """The canonical text of an expression or component; `f()` is `f`."""
    if isinstance(node, ast.Component):
        return flat.component(node)
    if isinstance(node, ast.Call) and not node.args:
        return node.dotted
    return flat.expr(node)
