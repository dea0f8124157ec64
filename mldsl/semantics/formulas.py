"""Formulas: `log(price) ~ area + rooms + area:rooms`, with R's meaning of `+ - : * ^` (language 2)."""

from __future__ import annotations

import attrs

from mldsl.semantics.frame import TYPE_WORDS, UNKNOWN_TYPE, Known, pick
from mldsl.semantics.rows import type_row
from mldsl.semantics.scope import Scope
from mldsl.semantics.spelling import spell
from mldsl.source import Span
from mldsl.syntax import ast

# What a design matrix is made of: numbers as they are, the others coded by the formula itself.
DESIGN_TYPES = ("continuous", "integer", "binary", "categorical", "ordinal")
_OPERATORS = ("+", "-", "*")


@attrs.frozen(eq=False, repr=False)
class Sides:
    """The columns that a formula names, with places. `left` is None where the target is taken as it is."""

    left: tuple[tuple[str, Span], ...] | None
    right: tuple[tuple[str, Span], ...]


def type_formula(node: ast.Formula, scope: Scope) -> str | None:
    """The canonical text of a formula; None after a message."""
    before = len(scope.findings)
    failed = False
    for side, right in ((node.left, False), (node.right, True)):
        if side is not None:
            failed |= not _side(side, scope, right=right)
    return None if failed or len(scope.findings) > before else spell(node)


def _side(node: ast.Expr, scope: Scope, *, right: bool) -> bool:
    """Type the terms of one side; whether all of it makes sense."""
    pending: list[ast.Expr] = [node]
    ok = True
    while pending:
        term = pending.pop()
        match term:
            case ast.Binary(op=op) if right and op in _OPERATORS:
                pending += [term.left, term.right]
            case ast.Interaction() if right:
                pending += [term.left, term.right]
            case ast.Negate() if right:
                pending.append(term.operand)
            case ast.Power() if right:
                pending.append(term.left)
                ok &= _degree(term.right, scope)
            case ast.Number(value=0 | 1) if right:
                pass  # `+ 0` and `- 1` leave the intercept out
            case ast.Ref() | ast.Column() | ast.String():
                ok &= _columns(term, scope)
            case ast.Call():
                ok &= type_row(term, scope).known
            case _:
                ok = False
                what = "the left side of a formula is the target" if not right else "this has no meaning in a formula"
                help_text = "inside `~` there are `+ - : * ^`, columns and functions of one row"
                scope.findings.error("MLP0201", what, term.span, help=help_text)
    return ok


def _degree(node: ast.Expr, scope: Scope) -> bool:
    if isinstance(node, ast.Number) and isinstance(node.value, int) and node.value >= 1:
        return True
    scope.findings.error("MLP0201", "the power of terms is an integer from 1", node.span)
    return False


def _columns(node: ast.Ref | ast.Column | ast.String, scope: Scope) -> bool:
    picked = pick(node, scope.frame, scope.findings)
    wrong = [p for p in picked if p.known.type not in (*DESIGN_TYPES, UNKNOWN_TYPE)]
    for p in wrong:
        scope.findings.error(
            "MLP0204", f"a formula cannot use `{p.name}`, which is `{p.known.type}`", p.span,
            notes=(f"it takes {', '.join(DESIGN_TYPES)}",),
        )  # fmt: skip
    return bool(picked) and not wrong


def sides(node: ast.Formula, names: tuple[str, ...]) -> Sides:
    """The columns of each side; `names` are all that exist, so that a type word is not taken for a column."""
    left = None if node.left is None else _names(node.left, names)
    return Sides(left, _names(node.right, names))


def _names(node: ast.Expr, names: tuple[str, ...]) -> tuple[tuple[str, Span], ...]:
    found = []
    for part in ast.walk(node):
        if isinstance(part, ast.Column):
            found.append((part.name, part.span))
        elif isinstance(part, ast.Ref) and (part.dotted in names or part.dotted not in TYPE_WORDS):
            found.append((part.dotted, part.span))
    return tuple(found)


def design_columns(node: ast.Formula, scope: Scope) -> list[Known]:
    """The columns of the right side, each once, in the order of the frame."""
    silent = attrs.evolve(scope, findings=type(scope.findings)())
    wanted: set[str] = {name for name, _ in _names(node.right, tuple(scope.frame.columns))}
    for part in ast.walk(node.right):
        if isinstance(part, ast.String) or (isinstance(part, ast.Ref) and part.dotted in TYPE_WORDS):
            wanted.update(p.name for p in pick(part, scope.frame, silent.findings))
    found = [known for known in scope.frame if known.name in wanted]
    carved = [scope.frame.find(name) for name in sorted(wanted - {known.name for known in found})]
    return found + [known for known in carved if known is not None]
