"""`tune`: a search over `$params`, reviewed in one place."""

from __future__ import annotations

from mldsl.diagnostics.diagnostic import Label
from mldsl.plan.model import ParamPlan
from mldsl.plugin.declaration import ParameterType
from mldsl.semantics.arguments import resolve
from mldsl.semantics.draft import TuneDraft
from mldsl.semantics.names import did_you_mean
from mldsl.semantics.params import RESERVED, Domain, domain_of
from mldsl.semantics.scope import Scope
from mldsl.semantics.settings import read_settings, setting_value, words
from mldsl.semantics.value_messages import FAILED
from mldsl.syntax import ast

SETTINGS = ("search", "folds", "choose")
CHOICES = ("best", "one_standard_error")


def resolve_tune(node: ast.Tune | None, params: dict[str, ParamPlan], scope: Scope) -> TuneDraft | None:
    """The block, or None if there is none."""
    if node is None:
        return None
    draft = TuneDraft(node)
    settings = read_settings(node, SETTINGS, "tune", scope)
    whole = "tune" not in scope.lost and not scope.damaged(node.span)
    if "search" not in settings:
        if not whole:
            return draft
        scope.findings.error("MLP0115", "`tune` needs `search`", node.keyword_span, help="such as `search = grid`")
    elif isinstance(settings["search"].value, ast.Call | ast.Ref):
        draft.search = resolve(settings["search"].value, "search", scope)
    else:
        scope.findings.error("MLP0201", "`search` takes a search such as `grid`", settings["search"].value.span)
    if "folds" in settings:
        folds = setting_value(settings["folds"], ParameterType("int"), scope, ge=2)
        draft.folds = folds if isinstance(folds, int) else draft.folds
    if "choose" in settings:
        choose = setting_value(settings["choose"], words(*CHOICES), scope)
        draft.choose = choose if choose is not FAILED else draft.choose
        draft.choose_span = settings["choose"].value.span
    domains = [line for line in node.body if isinstance(line, ast.Domain)]
    for line in domains:
        _domain(line, draft, params, scope)
    if not domains and whole:
        scope.findings.error("MLP0115", "`tune` varies nothing", node.keyword_span, help="add `$param in low..high`")
    return draft


def _domain(line: ast.Domain, draft: TuneDraft, params: dict[str, ParamPlan], scope: Scope) -> None:
    findings = scope.findings
    if line.name in draft.domains:
        first = draft.domains[line.name][1]
        findings.error(
            "MLP0113", f"`${line.name}` is given twice", line.name_span, label="again",
            labels=(Label(first.name_span, "first given here"),),
        )  # fmt: skip
        return
    param = params.get(line.name)
    if param is None or (line.name in RESERVED and param.origin == "default"):
        names = [name for name in params if name not in RESERVED]
        meant = did_you_mean(line.name, names)
        findings.error(
            "MLP0104", f"unknown param `${line.name}`", line.name_span,
            help=meant or f"declare it: `param {line.name}: number = ...`",
            notes=(f"params of this file: {', '.join(f'`${name}`' for name in names)}",) if names and not meant else (),
        )  # fmt: skip
        return
    if param.type == "unknown":
        return
    domain = _searched(line.value, param, scope)
    if domain is not None:
        draft.domains[line.name] = (domain, line)


def _searched(node: ast.Expr, param: ParamPlan, scope: Scope) -> Domain | None:
    """`low..high`, `log(low..high)` or `[a, b]` for the type of the param."""
    if not (isinstance(node, ast.Call) and node.dotted == "log"):
        return domain_of(node, param.type, scope.constants)
    if len(node.args) != 1 or not isinstance(node.args[0], ast.Range):
        scope.findings.error("MLP0201", "`log` takes a range: `log(0.001..1)`", node.span)
        return None
    domain = domain_of(node.args[0], param.type, scope.constants)
    if domain is None:
        return None
    if domain[1] <= 0:
        scope.findings.error("MLP0202", "a logarithmic range lies above 0", node.args[0].low.span, label="allowed: > 0")
        return None
    return ("log", domain[1], domain[2])
