"""Row functions: a call's operands against the function's declaration, and the type of what it gives."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from mldsl.plan.model import Apply, Columns, Constant
from mldsl.plugin.declaration import Declaration, Operand, Parameter, ParameterType
from mldsl.semantics.frame import NUMERIC, UNKNOWN_TYPE, overlap, pick
from mldsl.semantics.names import did_you_mean
from mldsl.semantics.row import WORDS, Row, plain, shown, unknown
from mldsl.semantics.scope import Scope
from mldsl.semantics.value_messages import FAILED
from mldsl.semantics.values import type_value
from mldsl.syntax import ast

# What people used to data frames write; each looks at all rows.
_STATISTICS = ("mean", "median", "mode", "std", "var", "sum", "count", "quantile", "rank", "avg", "average", "shift")

Recurse = Callable[[ast.Arg, Scope], Row]


def type_call(node: ast.Call, scope: Scope, type_row: Recurse) -> Row:
    """The type of `function(operands)`; `type_row` types an operand."""
    if node.dotted in _STATISTICS and scope.components.get("function", node.dotted) is None:
        scope.findings.error(
            "MLP0101", f"unknown function `{node.dotted}`", node.name_span,
            notes=("a row expression sees one row",),
            help="statistics of a column exist as fitted steps, such as `standardize` and `impute`",
        )  # fmt: skip
        return unknown(node.span, *(type_row(arg, scope) for arg in node.args if isinstance(arg, ast.Ref | ast.Column)))
    declaration = scope.components.find("function", node.name, node.name_span)
    if declaration is None:
        # The arguments still say which columns are used, and may hold mistakes of their own.
        named = [
            type_row(_value(arg), scope) for arg in node.args if not isinstance(_value(arg), ast.List | ast.String)
        ]
        return unknown(node.span, *named)
    bound = _bind(node, declaration, scope)
    if bound is None:
        return unknown(node.span)
    parts: list[Row] = []
    broken = False
    for operand, argument in bound:
        row = _operand(node, operand, argument, scope, type_row)
        broken |= row is None
        parts.append(row or unknown(node.span))
    if broken:
        return unknown(node.span, *parts)
    typed = [part for (operand, _), part in zip(bound, parts, strict=True) if not (operand.literal or operand.columns)]
    gives = _gives(node, declaration, typed, scope)
    if gives is None:
        return unknown(node.span, *parts)
    missing = {"no": False, "yes": True, "all": all(part.missing for part in typed)}.get(
        declaration.missing, any(part.missing for part in parts)
    )
    return Row(
        Apply(declaration.name, tuple(p.expression for p in parts), declaration.full_name, span=node.span), gives,
        missing, tuple(use for p in parts for use in p.uses), tuple(name for p in parts for name in p.gathered),
        span=node.span,
    )  # fmt: skip


def _value(arg: ast.Arg) -> ast.Expr:
    return arg.value if isinstance(arg, ast.Named) else arg


def _bind(node: ast.Call, declaration: Declaration, scope: Scope) -> list[tuple[Operand, ast.Expr | None]] | None:
    """Each operand with its argument (None for an optional one left out); None after an error."""
    findings, operands = scope.findings, declaration.operands
    given: dict[str, ast.Expr] = {}
    rest: list[ast.Expr] = []
    ok = True
    position = 0
    for arg in node.args:
        if isinstance(arg, ast.Named):
            name = arg.name
            if name is None or all(operand.name != name for operand in operands):
                findings.error(
                    "MLP0102", f"`{declaration.name}` has no parameter `{name or 'of this kind'}`", arg.key.span,
                    help=did_you_mean(name or "", (operand.name for operand in operands)),
                )  # fmt: skip
                ok = False
            elif name in given:
                findings.error("MLP0113", f"`{name}` is given twice", arg.span)
                ok = False
            else:
                given[name] = arg.value
        elif position < len(operands) and operands[position].name not in given:
            given[operands[position].name] = arg
            position += 1
        elif declaration.variadic:
            rest.append(arg)
        else:
            findings.error(
                "MLP0114", f"`{declaration.name}` takes at most {len(operands)} arguments", arg.span,
                help=f"`{declaration.name}({', '.join(operand.name for operand in operands)})`",
            )  # fmt: skip
            ok = False
            break
    absent = [operand.name for operand in operands if not operand.optional and operand.name not in given]
    if absent:
        names = " and ".join(f"`{name}`" for name in absent)
        findings.error("MLP0115", f"`{declaration.name}` needs {names}", node.name_span,
                       help=f"`{declaration.name}({', '.join(operand.name for operand in operands)})`")  # fmt: skip
    if absent or not ok:
        return None
    bound: list[tuple[Operand, ast.Expr | None]] = [(operand, given.get(operand.name)) for operand in operands]
    return bound + [(operands[-1], arg) for arg in rest]


def _operand(
    node: ast.Call, operand: Operand, argument: ast.Expr | None, scope: Scope, type_row: Recurse
) -> Row | None:
    """One operand, typed; None after an error."""
    if argument is None:
        return Row(Constant(None, span=node.span), "none", span=node.span)
    if operand.literal is not None:
        return _literal(node, operand, operand.literal, argument, scope)
    if operand.columns:
        return _gather(operand, argument, scope)
    row = type_row(argument, scope)
    if row.known and operand.types and not _accepts(operand.types, row):
        wanted = " or ".join(f"`{name}`" for name in operand.types)
        code = "MLP0201" if row.literal is not None else "MLP0204"
        scope.findings.error(
            code,
            f"`{node.dotted}` does not work on {shown(row)}",
            row.span,
            notes=(f"`{operand.name}` takes {wanted}",),
        )
        return attrs.evolve(row, type=UNKNOWN_TYPE)
    return row


def _accepts(types: tuple[str, ...], row: Row) -> bool:
    if row.type in types or (row.type == "integer" and "continuous" in types):
        return True
    return row.literal is not None and row.type == "text" and any(name in types for name in WORDS)


def _literal(node: ast.Call, operand: Operand, type_: ParameterType, argument: ast.Expr, scope: Scope) -> Row | None:
    value = type_value(argument, type_, Parameter(operand.name, type_), node.dotted, scope)
    if value is FAILED:
        return None
    param = argument.name if isinstance(argument, ast.ParamRef) else None
    return Row(Constant(value, param, span=argument.span), "literal", span=argument.span)


def _gather(operand: Operand, argument: ast.Expr, scope: Scope) -> Row | None:
    picked = pick(argument, scope.frame, scope.findings)
    if not picked:
        return None
    wrong = [p for p in picked if operand.types and p.known.type not in (*operand.types, UNKNOWN_TYPE)
             and not (p.known.type == "integer" and "continuous" in operand.types)]  # fmt: skip
    for p in wrong:
        wanted = " or ".join(f"`{name}`" for name in operand.types)
        scope.findings.error(
            "MLP0204", f"`{p.name}` is `{p.known.type}`; only {wanted} columns can be gathered", p.span
        )
    names = tuple(p.name for p in picked)
    return Row(
        Columns(names, span=argument.span), "columns", any(p.known.state.missing for p in picked),
        tuple((p.name, p.span) for p in picked), _gathered(argument, names, scope), span=argument.span,
    )  # fmt: skip


def _gathered(argument: ast.Expr, names: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
    """The columns that leave the inputs: a glob written here takes the declared globs it overlaps as well."""
    if not isinstance(argument, ast.String):
        return names
    return tuple(known.name for known in scope.frame.inputs() if overlap(argument.value, known))


def _gives(node: ast.Call, declaration: Declaration, parts: list[Row], scope: Scope) -> str | None:
    """The type of the result; None after an error."""
    if declaration.gives == "same":
        return parts[0].type if parts else UNKNOWN_TYPE
    if declaration.gives != "common":
        return declaration.gives
    values = [p for p in _alternatives(declaration, parts) if p.type != "none"]
    if not values or not all(part.known for part in values):
        return UNKNOWN_TYPE
    first, *others = values
    common = first.type
    for other in others:
        joined = _common(common, other.type)
        if joined is None:
            scope.findings.error(
                "MLP0204", f"`{node.dotted}` needs values of one type", other.span,
                notes=(f"{plain(first)} and {plain(other)} have none in common",),
            )  # fmt: skip
            return None
        common = joined
    return common


def _alternatives(declaration: Declaration, parts: list[Row]) -> list[Row]:
    """The operands that the result may come from: a condition is not one of them."""
    operands = [operand for operand in declaration.operands if not (operand.literal or operand.columns)]
    conditions = [operand.types == ("binary",) for operand in operands]
    conditions += [conditions[-1]] * (len(parts) - len(conditions)) if conditions else []
    chosen = [part for part, condition in zip(parts, conditions, strict=False) if not condition]
    return chosen or parts


def _common(left: str, right: str) -> str | None:
    if left == right:
        return left
    if left in NUMERIC and right in NUMERIC:
        return "continuous"
    if left in ("text", "categorical", "ordinal", "id") and right in ("text", "categorical", "ordinal", "id"):
        return "categorical" if "categorical" in (left, right) else "text"
    return None
