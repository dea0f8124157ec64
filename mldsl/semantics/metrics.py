"""`metrics`: typed numbers with a direction, gates, and which of them is the primary one."""

from __future__ import annotations

from mldsl.plugin.declaration import Declaration
from mldsl.semantics.arguments import resolve
from mldsl.semantics.constants import DESCRIPTIONS, UNKNOWN
from mldsl.semantics.definitions import twice
from mldsl.semantics.draft import MetricDraft
from mldsl.semantics.params import convert
from mldsl.semantics.scope import Scope
from mldsl.semantics.spelling import spell
from mldsl.semantics.value_messages import out_of_range
from mldsl.syntax import ast

GATES = (">=", "<=", ">", "<")


def resolve_metrics(node: ast.Metrics | None, scope: Scope) -> list[MetricDraft]:
    """The lines of the block; the first metric is the primary one unless another says so."""
    found: dict[str, MetricDraft] = {}
    for line in node.body if node is not None else ():
        name = spell(line.component)
        draft = MetricDraft(name, resolve(line.component, "metric", scope), line, _primary(line, scope))
        _gate(line, draft, scope)
        if name in found:
            first = found[name].node
            twice(scope.findings, name, line.component.span, first.component.span if first else line.span)
        else:
            found[name] = draft
    metrics = list(found.values())
    if metrics and not any(metric.primary for metric in metrics):
        metrics[0].primary = True
    return metrics


def _primary(line: ast.Metric, scope: Scope) -> bool:
    if line.role is not None and line.role != "primary":
        scope.findings.error(
            "MLP0110", f"unknown role `{line.role}` of a metric", line.role_span,
            help="`primary` is the only word after a metric's `as`",
        )  # fmt: skip
    return line.role == "primary"


def _gate(line: ast.Metric, draft: MetricDraft, scope: Scope) -> None:
    if line.op is None or line.bound is None:
        return
    if line.op not in GATES:
        scope.findings.error(
            "MLP0203", f"`{line.op}` is no gate", line.op_span, help="a gate is `>=`, `<=`, `>` or `<` with a number"
        )
        return
    value = scope.constants.evaluate(line.bound)
    number = convert(value, "number") if value is not None else None
    if value is UNKNOWN:
        return
    if number is None:
        found = DESCRIPTIONS[value.kind] if value is not None else "this"
        scope.findings.error("MLP0201", f"a gate compares with a number, not {found}", line.bound.span)
        return
    if number.value is None:
        return
    draft.op, draft.bound = line.op, float(number.value)
    if draft.resolved.declaration is not None:
        _reachable(line, draft.bound, draft.resolved.declaration, scope)


def _reachable(line: ast.Metric, bound: float, declaration: Declaration, scope: Scope) -> None:
    """MLP0202 for a gate that the metric's own range leaves no choice: `accuracy >= 97`."""
    assert line.bound is not None
    low, high = declaration.lowest, declaration.highest
    if (low is None or bound >= low) and (high is None or bound <= high):
        return
    if low is not None and high is not None:
        bounds = f"{low:g}..{high:g}"
    else:
        bounds = f">= {low:g}" if low is not None else f"<= {high:g}"
    help_text = f"write `{bound:g}%`" if high == 1 and 1 < bound <= 100 else None
    out_of_range(declaration.name, line.bound.span, bounds, scope, help_text)
