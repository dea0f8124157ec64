"""`param`: the one mechanism for what can vary, from the file, the command line or a search.

Precedence: plugin default < file < `-p`. A value given by `-p` is read by the language's own rule for literals and then
checked against type and range, like the one in the file; its messages have no place in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mldsl.diagnostics.diagnostic import Label
from mldsl.plan.model import ParamPlan
from mldsl.semantics.constants import DESCRIPTIONS, UNKNOWN, Constants, Kind, Value
from mldsl.semantics.findings import Findings
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.source import Span
from mldsl.syntax import ast

TYPES: tuple[Kind, ...] = ("number", "integer", "boolean", "text", "duration", "share", "choice")
_ALIASES = {
    "float": "number", "real": "number", "double": "number", "int": "integer", "bool": "boolean", "string": "text",
    "str": "text", "enum": "choice", "percent": "share", "continuous": "number", "categorical": "choice",
}  # fmt: skip

# The params that the language reserves, with what they are where the file is silent.
RESERVED: dict[str, tuple[Kind, Any]] = {"seed": ("integer", 0)}

Domain = tuple[Any, ...]  # ("range", low, high) or ("list", values)


def convert(value: Value, kind: str) -> Value | None:
    """The value as that kind: integers are numbers, and `20%` is 0.2; None if it is not of the kind."""
    if value.kind in ("unknown", kind):
        return value
    if kind == "number" and value.kind in ("integer", "share"):
        return Value("number", value.value, value.params)
    if kind == "share" and value.kind in ("integer", "number"):
        return Value("share", value.value, value.params)
    return None


def domain_of(node: ast.Expr, kind: str, constants: Constants) -> Domain | None:
    """`low..high` or `[a, b]` for values of a kind; None after an error."""
    if isinstance(node, ast.Range):
        if kind not in ("number", "integer", "share", "duration"):
            constants.findings.error(
                "MLP0201", f"values that are {kind} have no range", node.span, help="list them: `[a, b]`"
            )
            return None
        low, high = (_constant(end, kind, constants) for end in (node.low, node.high))
        if low is None or high is None or low.open or high.open:
            return None
        if low.value > high.value:
            constants.findings.error("MLP0202", "the range is empty: its low end is above its high end", node.span)
            return None
        return ("range", low.value, high.value)
    if isinstance(node, ast.List) and node.items:
        values = [_constant(item, kind, constants) for item in node.items]
        if any(value is None or value.open for value in values):
            return None
        return ("list", tuple(value.value for value in values if value is not None))
    constants.findings.error("MLP0201", "a domain is a range `low..high` or a list `[a, b]`", node.span)
    return None


def _constant(node: ast.Arg, kind: str, constants: Constants) -> Value | None:
    value = constants.evaluate(node)
    if value is UNKNOWN:
        return None
    converted = convert(value, kind) if value is not None else None
    if converted is None:
        found = DESCRIPTIONS[value.kind] if value is not None else "this"
        constants.findings.error("MLP0201", f"expected {DESCRIPTIONS[kind]}, found {found}", node.span)
    return converted


def within(value: Any, domain: Domain) -> bool:
    """Whether a value is in a domain."""
    if domain[0] == "list":
        return value in domain[1]
    return bool(domain[1] <= value <= domain[2])


def domain_text(domain: Domain) -> str:
    """A domain as it is written."""
    from mldsl.plugin.wording import value_text

    if domain[0] == "list":
        return "[" + ", ".join(value_text(value) for value in domain[1]) + "]"
    return f"{value_text(domain[1])}..{value_text(domain[2])}"


def resolve(
    declared: Mapping[str, ast.Param], overrides: Mapping[str, str], findings: Findings, *, lost: bool
) -> tuple[Constants, dict[str, ParamPlan]]:
    """Type all params: the constants that the rest of the file sees, and what the plan says of each.

    `lost` says that a `param` did not parse, so that no name is called unknown.
    """
    constants = Constants(findings, {}, lost=lost)
    plans: dict[str, ParamPlan] = {}
    for name, node in declared.items():
        plans[name] = _declare(name, node, constants)
    for name, text in overrides.items():
        _override(name, text, declared.get(name), plans, constants, lost=lost)
    for name, (kind, value) in RESERVED.items():
        plans.setdefault(name, ParamPlan(name, kind, value, "default"))
        constants.params.setdefault(name, Value(kind, value))
    return constants, plans


def _declare(name: str, node: ast.Param, constants: Constants) -> ParamPlan:
    findings = constants.findings
    kind = _type(node, findings)
    if kind is not None and name in RESERVED and kind != RESERVED[name][0]:
        findings.error("MLP0201", f"`{name}` is reserved and {DESCRIPTIONS[RESERVED[name][0]]}", node.type.span)
        kind = RESERVED[name][0]
    before = set(constants.used)
    domain = domain_of(node.domain, kind, constants) if node.domain is not None and kind else None
    value = Value(kind) if kind else UNKNOWN
    if node.default is not None and kind:
        value = _default(name, node, node.default, kind, domain, constants)
    constants.used = before | (constants.used - {name})
    constants.params[name] = value
    return ParamPlan(name, kind or "unknown", value.value, "file", domain, node.doc or "", span=node.name_span)


def _type(node: ast.Param, findings: Findings) -> Kind | None:
    kind = next((kind for kind in TYPES if kind == node.type.name), None)
    if kind is None:
        findings.error(
            "MLP0109", f"unknown type of param `{node.type.name}`", node.type.name_span,
            help=did_you_mean(node.type.name, TYPES, _ALIASES) or one_of(TYPES),
        )  # fmt: skip
    elif node.type.args or node.type.missing:
        findings.error("MLP0114", f"the type `{kind}` of a param takes neither arguments nor `?`", node.type.span)
    return kind


def _default(
    name: str, node: ast.Param, default: ast.Expr, kind: Kind, domain: Domain | None, constants: Constants
) -> Value:
    findings = constants.findings
    found = constants.evaluate(default)
    value = convert(found, kind) if found is not None else None
    if value is None:
        if isinstance(default, ast.Call) and default.dotted == "env":
            findings.error(
                "MLP0206", "`env()` is allowed only in arguments of `data` and `export`", default.span,
                notes=("the value of a param is printed in the plan and the record",),
            )  # fmt: skip
        else:
            shown = DESCRIPTIONS[found.kind] if found is not None else "this"
            findings.error("MLP0201", f"`{name}` takes {DESCRIPTIONS[kind]}, not {shown}", default.span)
        return UNKNOWN
    if not value.open and (allowed := _forbidden(name, kind, value.value, domain)):
        labels = (Label(node.domain.span, "declared here"),) if node.domain is not None else ()
        findings.error("MLP0202", f"`{name}` is out of range", default.span, label=f"allowed: {allowed}", labels=labels)
        return Value(kind)
    return Value(kind, value.value)


def _forbidden(name: str, kind: str, value: Any, domain: Domain | None) -> str:
    """What is allowed, if this value is not; else empty."""
    if name in RESERVED and value < 0:
        return ">= 0"
    if domain is not None and not within(value, domain):
        return domain_text(domain)
    return "0..1" if domain is None and kind == "share" and not 0 <= value <= 1 else ""


def _override(
    name: str, text: str, node: ast.Param | None, plans: dict[str, ParamPlan], constants: Constants, *, lost: bool
) -> None:
    findings = constants.findings
    if node is None and name not in RESERVED:
        if lost:
            return
        findings.error(
            "MLP0104", f"unknown param `{name}` on the command line", None, notes=(f"given by `-p {name}={text}`",),
            help=did_you_mean(name, (*plans, *RESERVED)) or one_of(f"`{param}`" for param in plans),
        )  # fmt: skip
        return
    plan = plans.get(name) or ParamPlan(name, *RESERVED[name])
    value = _literal(text, plan.type, findings)
    given = (f"given by `-p {name}={text}`",)
    place: Span | None = node.name_span if node is not None else None
    labels = (Label(place, "declared here"),) if place is not None else ()
    if value is None:
        kind = DESCRIPTIONS.get(plan.type, plan.type)
        findings.error("MLP0201", f"`{name}` takes {kind}", None, labels=labels, notes=given)
        return
    if plan.type != "unknown" and (allowed := _forbidden(name, plan.type, value.value, plan.domain)):
        findings.error("MLP0202", f"`{name}` is out of range: allowed are {allowed}", None, labels=labels, notes=given)
        return
    constants.params[name] = Value(value.kind, value.value)
    plans[name] = ParamPlan(
        name, plan.type, value.value, "command line", plan.domain, plan.doc, span=plan.span
    )  # fmt: skip


def _literal(text: str, kind: str, findings: Findings) -> Value | None:
    """The value of a text from the command line; None if it is not of the kind."""
    node = _expression(text)
    if kind == "text" and not isinstance(node, ast.String):
        return Value("text", text)  # the shell has taken the quotes
    value = Constants(Findings(), {}).evaluate(node) if node is not None else None
    if value is None or value is UNKNOWN:
        return None
    return value if kind == "unknown" else convert(value, kind)


def _expression(text: str) -> ast.Expr | None:
    """A text read by the language's own rule, as the default of a param; None if it is not one expression."""
    from mldsl.source import Source
    from mldsl.syntax.parse import parse

    program, diagnostics = parse(Source("-p", f"mlp 1\nparam value: number = {text}"))
    match program.items:
        case (ast.Param(default=node, domain=None),) if not diagnostics:
            return node
    return None
