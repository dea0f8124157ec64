"""Formulas: `log(price) ~ area + rooms + area:rooms`, with R's meaning of `+ - : * ^` (language 2).

Typed where the argument is read (`type_formula`), and turned into what the plan holds once the model's columns are
known (`design_of`). What the terms mean is `mldsl.plan.design`.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from mldsl.plan.design import columns_named, terms_of
from mldsl.plan.model import (
    FORMULA_BLOCK,
    Apply,
    Columns,
    ColumnState,
    ColumnUse,
    Constant,
    DesignPlan,
    RowExpression,
    StepPlan,
)
from mldsl.semantics.frame import TYPE_WORDS, UNKNOWN_TYPE, Known, pick
from mldsl.semantics.rows import type_row
from mldsl.semantics.scope import Scope
from mldsl.semantics.spelling import spell
from mldsl.source import Span
from mldsl.syntax import ast

# What a design matrix is made of: numbers as they are, the others coded by the formula itself.
DESIGN_TYPES = ("continuous", "integer", "binary", "categorical", "ordinal")
_OPERATORS = {"+": "+", "-": "-", "*": "*"}
_HELP = "inside `~` there are `+ - : * ^`, columns and functions of one row"


@attrs.frozen(eq=False, repr=False)
class Sides:
    """The columns that a formula names, with places. `left` is None where the target is taken as it is."""

    left: tuple[tuple[str, Span], ...] | None
    right: tuple[tuple[str, Span], ...]


@attrs.frozen(eq=False, repr=False)
class DesignDraft:
    """What a formula makes of a model: its design, the columns that it reads, the steps that compute its functions."""

    plan: DesignPlan
    columns: tuple[Known, ...]
    steps: tuple[StepPlan, ...] = ()
    operands: tuple[tuple[str, tuple[Known, ...]], ...] = ()  # of the functions

    def sources(self) -> tuple[Known, ...]:
        """The columns that it reads, those that functions are computed from in the place of their results.

        A function whose result is never missing stands for itself.
        """
        operands = dict(self.operands)
        found: dict[str, Known] = {}
        for known in self.columns:
            for source in operands[known.name] if known.name in operands and known.state.missing else (known,):
                found.setdefault(source.name, source)
        return tuple(found.values())


# ---- types -----------------------------------------------------------------------------------------------------------
def type_formula(node: ast.Formula, scope: Scope) -> str | None:
    """The canonical text of a formula; None after a message."""
    before = len(scope.findings)
    ok = _left(node.left, scope) if node.left is not None else True
    ok &= _right(node.right, scope)
    if ok and len(scope.findings) == before and not scope.frame.blurred:
        made = design_of(node, scope)
        if made is not None and not _says_something(made):
            scope.findings.error(
                "MLP0201", "nothing is left on the right side of this formula", node.right.span,
                help="write `~ 1` for a model that knows the mean alone",
            )  # fmt: skip
            return None
    return spell(node) if ok and len(scope.findings) == before else None


def _says_something(made: DesignDraft) -> bool:
    intercept, terms = terms_of(made.plan.right, [known.name for known in made.columns])
    return intercept or bool(terms)


def _left(node: ast.Expr, scope: Scope) -> bool:
    """The target, or a function of it, of which the model says whether it can be learned on that scale."""
    match node:
        case ast.Call():
            return True
        case ast.Column() | ast.Ref(name=(_,)):
            return _columns(node, scope)
    scope.findings.error(
        "MLP0201", "the left side of a formula is the target", node.span,
        help="the target, `log(...)` of it, or nothing: `~ a + b` takes the target as it is",
    )  # fmt: skip
    return False


def _right(node: ast.Expr, scope: Scope) -> bool:
    """Type all terms; whether all of it makes sense."""
    pending: list[tuple[ast.Expr, bool]] = [(node, True)]  # and whether the intercept may stand here
    ok = True
    while pending:
        term, sum_ = pending.pop()
        match term:
            case ast.Binary(op=op) if op in _OPERATORS:
                pending += [(term.left, sum_ and op != "*"), (term.right, sum_ and op != "*")]
            case ast.Interaction():
                pending += [(term.left, False), (term.right, False)]
            case ast.Negate():
                pending.append((term.operand, sum_))
            case ast.Power():
                pending.append((term.left, False))
                ok &= _degree(term.right, scope)
            case ast.Number(value=0 | 1) if sum_:
                pass  # `+ 0` and `- 1` leave the intercept out
            case ast.Number():
                ok = False
                what = "0 and 1 stand for the intercept, which is added or taken away" if term.value in (0, 1) else (
                    "a number has no meaning in a formula"
                )  # fmt: skip
                help_text = "`- 1` leaves the intercept out" if term.value in (0, 1) else _HELP
                scope.findings.error("MLP0201", what, term.span, help=help_text)
            case ast.Ref() | ast.Column() | ast.String() | ast.List():
                ok &= _columns(term, scope)
            case ast.Call():
                ok &= _function(term, scope)
            case ast.Binary(op="/"):
                ok = False
                scope.findings.error(
                    "MLP0201", "this has no meaning in a formula", term.span,
                    help="a ratio of columns is a column of `transforms`: `rate = a / b`",
                )  # fmt: skip
            case _:
                ok = False
                scope.findings.error("MLP0201", "this has no meaning in a formula", term.span, help=_HELP)
    return ok


def _degree(node: ast.Expr, scope: Scope) -> bool:
    if isinstance(node, ast.Number) and isinstance(node.value, int) and node.value >= 1:
        return True
    scope.findings.error(
        "MLP0201", "the power of terms is an integer from 1", node.span,
        help="`(a + b)^2` is `a + b + a:b`; the square of a column is a column of `transforms`: `a2 = a ^ 2`",
    )  # fmt: skip
    return False


def _columns(node: ast.Ref | ast.Column | ast.String | ast.List, scope: Scope) -> bool:
    before = len(scope.findings)
    picked = pick(node, scope.frame, scope.findings)
    wrong = [p for p in picked if p.known.type not in (*DESIGN_TYPES, UNKNOWN_TYPE)]
    several = not isinstance(node, ast.Ref | ast.Column) or len(picked) > 1
    for p in wrong:
        help_text = f'leave it out: `["*", -{p.name}]`' if several else None
        if p.known.type == "text" and not several:
            help_text = "declare it `categorical` if its values are few and stand for groups"
        scope.findings.error(
            "MLP0204", f"a formula cannot use `{p.name}`, which is `{p.known.type}`", p.span,
            notes=(f"it takes {', '.join(DESIGN_TYPES)}",), help=help_text,
        )  # fmt: skip
    if not picked and len(scope.findings) == before and not scope.frame.blurred:
        scope.findings.error("MLP0105", f"no input is {spell(node)}", node.span)
    return bool(picked) and not wrong


# What people write in R or patsy, and what says it here.
_ELSEWHERE = {
    "I": "arithmetic of columns is a column of `transforms`: `a2 = a ^ 2`, and then `~ a + a2`",
    "poly": "write powers as columns of `transforms`: `a2 = a ^ 2`, and then `~ a + a2`",
    "C": "declare the column `categorical`, and a formula codes it",
    "factor": "declare the column `categorical`, and a formula codes it",
    "offset": "declare the column `as offset`",
    "scale": "write `standardize on COLUMN` in `transforms`",
}


def _function(node: ast.Call, scope: Scope) -> bool:
    before = len(scope.findings)
    if node.dotted in _ELSEWHERE and scope.components.get("function", node.dotted) is None:
        help_text = _ELSEWHERE[node.dotted]
        scope.findings.error("MLP0101", f"unknown function `{node.dotted}`", node.name_span, help=help_text)
        return False
    row = type_row(node, scope)
    if not row.known or len(scope.findings) > before:
        return row.known
    if not row.uses:
        scope.findings.error("MLP0201", "this is the same in every row, so it is no term", node.span, help=_HELP)
        return False
    if row.type not in (*DESIGN_TYPES, "duration"):
        scope.findings.error(
            "MLP0204", f"a formula cannot use `{spell(node)}`, which is `{row.type}`", node.span,
            notes=(f"it takes {', '.join(DESIGN_TYPES)}",),
        )  # fmt: skip
        return False
    return True


# ---- names -----------------------------------------------------------------------------------------------------------
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


# ---- the design ------------------------------------------------------------------------------------------------------
def design_of(node: ast.Formula, scope: Scope) -> DesignDraft | None:
    """What the plan holds of a formula; None where something in it is wrong, which was said when it was typed."""
    scope = attrs.evolve(scope, findings=type(scope.findings)())
    columns: dict[str, Known] = {}
    steps: dict[str, StepPlan] = {}
    right = _expression(node.right, scope, columns, steps)
    if right is None or len(scope.findings):
        return None
    order = {known.name: i for i, known in enumerate(scope.frame)}
    placed = sorted(columns.values(), key=lambda known: order.get(known.name, len(order)))
    plan = DesignPlan(right, spell(node), span=node.span)
    return DesignDraft(plan, tuple(placed), tuple(steps.values()), tuple(_operands(steps, scope)))


def _operands(steps: dict[str, StepPlan], scope: Scope) -> Iterator[tuple[str, tuple[Known, ...]]]:
    for name, step in steps.items():
        assert step.derive is not None
        found = [scope.frame.find(used) for used in columns_named(step.derive[1])]
        yield name, tuple(known for known in found if known is not None)


def _expression(
    node: ast.Expr, scope: Scope, columns: dict[str, Known], steps: dict[str, StepPlan]
) -> RowExpression | None:
    """The plan's form of a term; `columns` and `steps` gather what it reads, and what computes its functions."""
    parts: tuple[ast.Expr, ...]
    match node:
        case ast.Number():
            return Constant(node.value, span=node.span)
        case ast.Ref() | ast.Column() | ast.String() | ast.List():
            picked = pick(node, scope.frame, scope.findings)
            columns.update((p.name, p.known) for p in picked)
            if len(picked) == 1 and (isinstance(node, ast.Column) or picked[0].name == spell(node)):
                return ColumnUse(picked[0].name, span=node.span)
            return Columns(tuple(p.name for p in picked), span=node.span) if picked else None
        case ast.Call():
            return _computed(node, scope, columns, steps)
        case ast.Negate():
            parts, op = (node.operand,), "negate"
        case ast.Binary():
            parts, op = (node.left, node.right), node.op
        case ast.Interaction():
            parts, op = (node.left, node.right), ":"
        case ast.Power():
            parts, op = (node.left, node.right), "^"
        case _:
            return None
    args = [_expression(part, scope, columns, steps) for part in parts]
    known = [arg for arg in args if arg is not None]
    return Apply(op, tuple(known), span=node.span) if len(known) == len(args) else None


def _computed(
    node: ast.Call, scope: Scope, columns: dict[str, Known], steps: dict[str, StepPlan]
) -> RowExpression | None:
    """A function of one row: a column of its own, called as it is written, that a step derives."""
    row = type_row(node, scope)
    if not row.known:
        return None
    name = spell(node)
    type_ = "continuous" if row.type == "duration" else row.type
    state = ColumnState(name, type_, row.missing, row.levels, made_by=name)
    columns[name] = Known(state, True, node.span)
    before = (*scope.frame.states(), *(step.after[-1] for step in steps.values()))
    if name not in steps:
        steps[name] = StepPlan(
            None, (name, row.expression), (), before, (*before, state), transforms=FORMULA_BLOCK, span=node.span
        )
    return ColumnUse(name, span=node.span)
