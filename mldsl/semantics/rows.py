"""Row expressions: the type of a value computed from one row, and whether it may be missing.

Operators and row functions take what they declare and nothing else: no truthiness, no text for numbers. Only `integer`
stands for `continuous`, and `20%` for `0.2` (language 4.3).
"""

from __future__ import annotations

import attrs

from mldsl.plan.model import Apply, ColumnUse, Constant
from mldsl.semantics.frame import NUMERIC, UNKNOWN_TYPE
from mldsl.semantics.names import did_you_mean
from mldsl.semantics.row import WORDS, Row, plain, shown, unknown
from mldsl.semantics.row_calls import type_call
from mldsl.semantics.scope import Scope
from mldsl.source import Span
from mldsl.syntax import ast

# What a constant is among columns. A name is never a constant here.
_CONSTANT_TYPES = {
    "integer": "integer", "number": "continuous", "share": "continuous", "duration": "duration", "text": "text",
    "boolean": "binary",
}  # fmt: skip
_ORDERED = (*NUMERIC, "ordinal", "time")
# What a binary column without levels takes (language 2).
UNWRITTEN_BINARY = ("0", "1", "false", "true", "no", "yes")


def type_row(node: ast.Arg, scope: Scope) -> Row:
    """The type of a row expression; what is wrong in it is reported once and has the type unknown."""
    match node:
        case ast.Column(name=name):
            return _column(name, node.span, scope)
        case ast.Ref(name=(name,)) if scope.frame.find(name) is not None or name not in ("true", "false"):
            return _column(name, node.span, scope)
        case ast.Number() | ast.Quantity() | ast.String() | ast.ParamRef() | ast.Ref(name=("true" | "false",)):
            return _constant(node, scope)
        case ast.Call():
            return type_call(node, scope, type_row)
        case ast.Negate():
            operand = type_row(node.operand, scope)
            return _joined(node, "negate", (operand,), _number_of(node, "-", (operand,), scope))
        case ast.Binary() | ast.Power():
            op = node.op if isinstance(node, ast.Binary) else "^"
            parts = (type_row(node.left, scope), type_row(node.right, scope))
            return _joined(node, op, parts, _arithmetic(node, op, parts, scope))
        case ast.Compare():
            parts = _compared(node, scope)
            return _joined(node, node.op, parts, _comparison(node, parts, scope))
        case ast.And() | ast.Or():
            op = "and" if isinstance(node, ast.And) else "or"
            parts = (type_row(node.left, scope), type_row(node.right, scope))
            return _joined(node, op, parts, _condition(op, parts, scope))
        case ast.Not():
            operand = type_row(node.operand, scope)
            return _joined(node, "not", (operand,), _condition("not", (operand,), scope))
    return _out_of_place(node, scope)


def _out_of_place(node: ast.Arg, scope: Scope) -> Row:
    what, help_text = {
        "list": ("a list", "only row functions that gather columns take one"),
        "range": ("a range", "write two comparisons: `x >= 0 and x <= 10`"),
        "formula": ("`~`", "only an argument of type formula takes one"),
        "interaction": ("`:`", "only a formula has interactions; multiply with `*`"),
        "named": ("`=`", "compare with `==`"),
        "ref": ("a dotted name", "columns have no dots; write `` `a.b` `` for a column of that name"),
    }.get(node.kind, (f"`{node.kind}`", None))
    scope.findings.error("MLP0201", f"{what} cannot stand in a row expression", node.span, help=help_text)
    return unknown(node.span)


def _column(name: str, span: Span, scope: Scope) -> Row:
    known = scope.frame.find(name)
    if known is None:
        scope.frame.unknown(name, span, scope.findings)
        return attrs.evolve(unknown(span), uses=((name, span),))
    state = known.state
    return Row(ColumnUse(name, span=span), state.type, state.missing, ((name, span),), levels=state.levels, span=span)


def _constant(node: ast.Arg, scope: Scope) -> Row:
    value = scope.constants.evaluate(node)
    if value is None or value.kind == "unknown":
        return unknown(node.span)
    kind = _CONSTANT_TYPES.get(value.kind)
    if kind is None:
        scope.findings.error("MLP0201", f"a {value.kind} cannot stand in a row expression", node.span)
        return unknown(node.span)
    param = node.name if isinstance(node, ast.ParamRef) else None
    return Row(Constant(value.value, param, span=node.span), kind, literal=value, span=node.span)


def _joined(node: ast.Expr, op: str, parts: tuple[Row, ...], type_: str | None) -> Row:
    """The whole of an operator and its operands; `type_` is None after an error."""
    if type_ is None:
        return unknown(node.span, *parts)
    return Row(
        Apply(op, tuple(part.expression for part in parts), span=node.span), type_, any(p.missing for p in parts),
        tuple(use for part in parts for use in part.uses), tuple(name for p in parts for name in p.gathered),
        span=node.span,
    )  # fmt: skip


# ---- operators -------------------------------------------------------------------------------------------------------


def _refuse(op: str, row: Row, scope: Scope, help_text: str | None = None) -> None:
    """A column in the wrong place is MLP0204, a literal MLP0201."""
    code = "MLP0201" if row.literal is not None else "MLP0204"
    scope.findings.error(code, f"`{op}` does not work on {shown(row)}", row.span, help=help_text)


def _number_of(node: ast.Expr, op: str, parts: tuple[Row, ...], scope: Scope) -> str | None:
    """The numeric type of the operands together; None after an error, unknown if one is."""
    wrong = [part for part in parts if part.known and part.type not in NUMERIC]
    for part in wrong:
        help_text = None
        if part.type == "binary":
            help_text = "a condition is not a number; `if_else(condition, 1, 0)` makes one"
        elif part.type in ("text", "categorical") and part.literal is None:
            help_text = "`to_number(...)` reads a number from text"
        elif part.type == "time":
            help_text = "`days_between(a, b)` gives the time between two moments"
        _refuse(op, part, scope, help_text)
    if wrong:
        return None
    if not all(part.known for part in parts):
        return UNKNOWN_TYPE
    return "integer" if all(part.type == "integer" for part in parts) else "continuous"


def _arithmetic(node: ast.Expr, op: str, parts: tuple[Row, ...], scope: Scope) -> str | None:
    left, right = parts
    if op in "+-" and left.type == "time" and right.type in ("duration", UNKNOWN_TYPE):
        return "time"
    found = _number_of(node, op, parts, scope)
    if found == "integer" and (op == "/" or (op == "^" and not _whole(right))):
        return "continuous"
    return found


def _whole(row: Row) -> bool:
    """Whether an exponent is a constant that keeps integers integers."""
    return row.literal is not None and isinstance(row.literal.value, int) and row.literal.value >= 0


def _condition(op: str, parts: tuple[Row, ...], scope: Scope) -> str | None:
    wrong = [part for part in parts if part.known and part.type != "binary"]
    for part in wrong:
        _refuse(op, part, scope, "there is no truthiness; compare with something, such as `x > 0`")
    return None if wrong else "binary"


def _compared(node: ast.Compare, scope: Scope) -> tuple[Row, Row]:
    """Both sides; a name that is no column, beside a column of words, is a value without its quotes."""
    rows: dict[bool, Row] = {}
    for right in (not _nameless(node.right, scope), _nameless(node.right, scope)):
        side, other = (node.right, rows.get(False)) if right else (node.left, rows.get(True))
        if other is not None and other.type in WORDS and _nameless(side, scope) and not scope.frame.blurred:
            assert isinstance(side, ast.Ref)
            scope.findings.error(
                "MLP0105", f"unknown column `{side.dotted}`", side.span,
                help=f'values of the data are quoted: `"{side.dotted}"`',
            )  # fmt: skip
            rows[right] = unknown(side.span)
        else:
            rows[right] = type_row(side, scope)
    return rows[False], rows[True]


def _nameless(node: ast.Expr, scope: Scope) -> bool:
    """Whether this is a bare name that no column has."""
    return (
        isinstance(node, ast.Ref) and len(node.name) == 1 and node.dotted not in ("true", "false")
        and scope.frame.find(node.dotted) is None
    )  # fmt: skip


def _comparison(node: ast.Compare, parts: tuple[Row, ...], scope: Scope) -> str | None:
    left, right = parts
    if not (left.known and right.known):
        return "binary"
    if node.op not in ("==", "!=") and (left.type not in _ORDERED or right.type not in (*_ORDERED, "text")):
        culprit = left if left.type not in _ORDERED else right
        if not (culprit is left and culprit.literal is not None and right.type in ("ordinal", "time")):
            _refuse(node.op, culprit, scope, "only numbers, times and ordinal columns have an order")
            return None
    column, constant = (right, left) if left.literal is not None else (left, right)
    if constant.literal is not None and column.literal is None:
        return _against_constant(node, column, constant, scope)
    if not _comparable(left, right):
        scope.findings.error("MLP0204", f"{plain(left)} cannot be compared with {plain(right)}", node.span)
        return None
    return "binary"


def _comparable(left: Row, right: Row) -> bool:
    if left.type in NUMERIC or right.type in NUMERIC:
        return left.type in NUMERIC and right.type in NUMERIC
    if left.type in WORDS and right.type in WORDS:
        return True
    return left.type == right.type


def _against_constant(node: ast.Compare, column: Row, constant: Row, scope: Scope) -> str | None:
    literal = constant.literal
    assert literal is not None
    fits = {
        "text": column.type in (*WORDS, "time"),
        "boolean": column.type == "binary",
        "duration": column.type == "duration",
    }.get(literal.kind, column.type in NUMERIC)
    if not fits:
        help_text = None
        if column.type in WORDS and literal.kind in ("integer", "number"):
            help_text = f'values of the data are quoted: `"{literal.value}"`'
        elif column.type in NUMERIC and literal.kind == "text":
            help_text = "numbers are written without quotes"
        scope.findings.error(
            "MLP0201", f"{plain(column)} cannot be compared with {shown(constant)}", constant.span, help=help_text
        )
        return None
    if literal.kind == "text" and not literal.open:
        _level(column, str(literal.value), constant.span, scope)
    return "binary"


def _level(column: Row, text: str, span: Span | None, scope: Scope) -> None:
    """MLP0203 for a text that no row of the column can hold."""
    levels = column.levels
    if levels is None and column.type == "binary" and isinstance(column.expression, ColumnUse):
        levels = UNWRITTEN_BINARY
    if levels is None or text in levels:
        return
    name = column.expression.name if isinstance(column.expression, ColumnUse) else "it"
    scope.findings.error(
        "MLP0203", f'`"{text}"` is not a level of `{name}`', span,
        help=did_you_mean(text, levels) or "its levels are " + ", ".join(f'"{level}"' for level in levels),
    )  # fmt: skip
