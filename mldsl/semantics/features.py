"""`features`: the declared columns with types, ranges and roles, and those computed from others of their row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from mldsl.diagnostics.diagnostic import Fix
from mldsl.plan.model import ColumnPlan
from mldsl.plugin.declaration import ROLES
from mldsl.semantics.column_types import ColumnType, type_column, type_range
from mldsl.semantics.definitions import twice
from mldsl.semantics.frame import NUMERIC, UNKNOWN_TYPE, Frame, matches
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.semantics.row import Row
from mldsl.semantics.rows import type_row
from mldsl.semantics.scope import Scope
from mldsl.source import Span
from mldsl.syntax import ast

_ROLE_ALIASES = {
    "label": "target", "response": "target", "outcome": "target", "y": "target", "weights": "weight", "qid": "query",
    "primary": "target", "input": "ignore", "groups": "group", "identifier": "key", "id": "key", "index": "key",
    "split": "part", "timestamp": "time", "date": "time", "drop": "ignore", "skip": "ignore", "unused": "ignore",
}  # fmt: skip
# Roles that one column at most can have; a row has one weight, one time, one query.
SINGLE_ROLES = ("target", "weight", "offset", "group", "query", "user", "item", "time", "position", "part")
_NAMES = ("id", "integer", "categorical", "ordinal", "text", "binary")
ROLE_TYPES: dict[str, tuple[str, ...]] = {
    "target": (*NUMERIC, "binary", "categorical", "ordinal"), "weight": NUMERIC, "offset": NUMERIC,
    "group": _NAMES, "query": _NAMES, "user": _NAMES, "item": _NAMES, "time": ("time", *NUMERIC),
    "position": ("integer",), "part": ("categorical", "ordinal", "text", "binary"),
}  # fmt: skip


@attrs.define(eq=False, repr=False)
class Features:
    """The declared columns in order, computed ones at their place.

    `rows` holds the typed expression of each computed column, `used` the columns that each reads, transitively;
    `types` the place where each column's type is written (for messages about `?`). `blurred`: a line is not known;
    `unsure`: a role is not.
    """

    columns: dict[str, ColumnPlan] = attrs.field(factory=dict)
    rows: dict[str, Row] = attrs.field(factory=dict)
    type_spans: dict[str, Span] = attrs.field(factory=dict)
    role_spans: dict[str, Span] = attrs.field(factory=dict)
    blurred: bool = False
    unsure: bool = False

    @property
    def target(self) -> ColumnPlan | None:
        """The column of that role."""
        return next((column for column in self.columns.values() if column.role == "target"), None)

    def made_from(self, name: str) -> set[str]:
        """The columns that a computed one reads, directly or through others."""
        found: set[str] = set()
        pending = [name]
        while pending:
            row = self.rows.get(pending.pop())
            for used, _ in row.uses if row is not None else ():
                if used not in found:
                    found.add(used)
                    pending.append(used)
        return found

    def never_inputs(self) -> set[str]:
        """What a computed target is made from: these columns give the answer away."""
        target = self.target
        return self.made_from(target.name) if target is not None else set()

    def leaks(self) -> set[str]:
        """What gives the answer away: the target, what it is made from, and what is computed from either.

        Computed inputs are not among them: that they read one of these is MLP0301 where it happens.
        """
        if self.target is None:
            return set()
        answer = {self.target.name} | self.never_inputs()
        hidden = (name for name in self.rows if self.columns[name].role != "input" and self.made_from(name) & answer)
        return answer.union(hidden)


def resolve_features(
    node: ast.Features | None, scope: Scope, header: Sequence[str] | None, *, blurred: bool
) -> Features:
    """Type all lines of `features`; with the header of the data, globs become the columns that they match."""
    found = Features(blurred=blurred)
    computed: dict[str, ast.Feature] = {}
    for line in node.body if node is not None else ():
        _line(line, found, computed, scope)
    if header is not None:
        found = expand(found, header, scope)
    _compute(found, computed, scope)
    return found


# ---- one line --------------------------------------------------------------------------------------------------------


def _line(line: ast.Feature, found: Features, computed: dict[str, ast.Feature], scope: Scope) -> None:
    type_ = type_column(line.type, scope)
    limits = type_range(line.range, type_, scope) if line.range is not None else None
    role = _role(line, scope)
    found.unsure |= role is None
    for item in line.columns.items:
        name = item.value if isinstance(item, ast.String) else item.name
        pattern = isinstance(item, ast.String)
        if name in found.columns:
            twice(scope.findings, name, item.span, found.columns[name].span or item.span)
            continue
        own_role = _checked_role(role, type_, name, item, line, found, scope)
        found.columns[name] = ColumnPlan(
            name, type_.name, type_.missing, own_role, type_.levels, type_.form,
            limits[0] if limits else None, limits[1] if limits else None, None, pattern, line.doc or "",
            span=item.span, range_span=line.range.span if line.range is not None else None,
        )  # fmt: skip
        found.type_spans[name] = line.type.span
        if own_role != "input":
            found.role_spans.setdefault(own_role, line.role_span)
        if line.value is not None:
            if pattern:
                scope.findings.error("MLP0201", "a computed column has a name, not a glob", item.span)
            else:
                computed[name] = line
    if line.value is not None and len(line.columns.items) > 1:
        scope.findings.error(
            "MLP0201", "one line computes one column", line.columns.span, help="write a line for each of them"
        )


def _role(line: ast.Feature, scope: Scope) -> str | None:
    if line.role is None:
        return "input"
    if line.role in ROLES:
        return line.role
    scope.findings.error(
        "MLP0110", f"unknown role `{line.role}`", line.role_span,
        help=did_you_mean(line.role, ROLES, _ROLE_ALIASES) or one_of(ROLES),
    )  # fmt: skip
    return None


def _checked_role(
    role: str | None, type_: ColumnType, name: str, item: ast.Column | ast.String, line: ast.Feature, found: Features,
    scope: Scope,
) -> str:  # fmt: skip
    """The role, or "ignore" where it cannot be that (an unknown role may have been any)."""
    if role is None:
        return "ignore"
    findings = scope.findings
    if role in SINGLE_ROLES:
        if isinstance(item, ast.String):
            findings.error("MLP0110", f"the role `{role}` needs a column, not a glob", item.span)
            return "ignore"
        first = next((c for c in found.columns.values() if c.role == role), None)
        if first is not None:
            twice(findings, role, item.span, first.span or item.span)
            return "ignore"
    wanted = ROLE_TYPES.get(role)
    if wanted is not None and type_.name not in (*wanted, UNKNOWN_TYPE):
        help_text = "a target is " + " or ".join(f"`{w}`" for w in wanted) if role == "target" else None
        findings.error(
            "MLP0201", f"a `{type_.name}` column cannot be the {role}", line.type.span,
            notes=() if help_text else (f"the role `{role}` takes {', '.join(wanted)}",), help=help_text,
        )  # fmt: skip
    return role


# ---- computed columns ------------------------------------------------------------------------------------------------


def _compute(found: Features, computed: dict[str, ast.Feature], scope: Scope) -> None:
    """Type the expressions; the order of lines does not matter, since what others see of a column is its declared type.

    A computed target comes first: what it is made from gives the answer away, and inputs that read it are MLP0301.
    """
    frame = Frame.of(found.columns.values(), blurred=found.blurred)
    target = found.target.name if found.target is not None else ""
    leaks = {target}
    for name in sorted(computed, key=lambda name: name != target):
        line = computed[name]
        assert line.value is not None
        inputs_only = frame.without_types(leaks) if found.columns[name].role == "input" else frame
        before = len(scope.findings)
        row = type_row(line.value, scope.seeing(inputs_only))
        found.rows[name] = row
        if len(scope.findings) == before:
            _check_computed(name, line, row, found, scope)
        found.columns[name] = attrs.evolve(found.columns[name], computed=row.expression)
        leaks = {target} | found.never_inputs()
    for name in computed:
        if name in found.made_from(name):
            scope.findings.error("MLP0118", f"`{name}` is computed from itself", found.rows[name].span)


def _check_computed(name: str, line: ast.Feature, row: Row, found: Features, scope: Scope) -> None:
    assert line.value is not None
    column = found.columns[name]
    if not row.uses:
        scope.findings.error(
            "MLP0201", "a computed column reads other columns; this is a constant", line.value.span,
            help="a column of the data has no `=` here; there are no defaults",
        )  # fmt: skip
        return
    if row.known and column.type != UNKNOWN_TYPE and not fits(row.type, column.type):
        scope.findings.error(
            "MLP0201", f"`{name}` is declared `{column.type}`, but its expression gives `{row.type}`", line.value.span,
            help=f"declare `{name}: {row.type}`",
        )  # fmt: skip
    elif row.missing and not column.missing and column.type != UNKNOWN_TYPE:
        _missing_computed(name, line, row, found, scope)


def _missing_computed(name: str, line: ast.Feature, row: Row, found: Features, scope: Scope) -> None:
    assert line.value is not None
    sources = [u for u, _ in row.uses if u in found.columns and found.columns[u].missing]
    why = f"because `{sources[0]}` may be" if sources else "by what computes it"
    if found.columns[name].role in SINGLE_ROLES:
        return  # MLP0306
    span = line.type.span
    end = Span(span.file, span.end_line, span.end_column, span.end_line, span.end_column)
    scope.findings.error(
        "MLP0201", f"`{name}` may be missing, {why}", line.value.span, help=f"declare it `{line.type.name}?`",
        fix=Fix(end, "?"),
    )  # fmt: skip


def fits(given: str, declared: str) -> bool:
    """Whether a computed value of one type may be declared as another."""
    if given == declared:
        return True
    if given in ("text", "categorical", "ordinal", "id") and declared in ("text", "categorical", "ordinal", "id"):
        return True
    return (given, declared) in (("integer", "continuous"), ("binary", "categorical"), ("integer", "id"))


# ---- the header ------------------------------------------------------------------------------------------------------


def expand(found: Features, header: Iterable[str], scope: Scope) -> Features:
    """Globs replaced by the columns of the data that they match, in the order of the data.

    A column that a line names is taken by that line, `"*"` takes what no other line does, and two other globs that
    match one column are MLP0103.
    """
    names = list(dict.fromkeys(header))
    taken: dict[str, ColumnPlan] = {}
    expanded = attrs.evolve(found, columns={}, type_spans={})
    named = {name for name, column in found.columns.items() if not column.pattern}
    globs = [column for column in found.columns.values() if column.pattern and column.name != "*"]
    for glob in globs:
        for name in names:
            if name in named or not matches(glob.name, name):
                continue
            if name in taken:
                _two_globs(name, glob, taken[name], scope)
            else:
                taken[name] = glob
    for column in found.columns.values():
        if not column.pattern:
            mine = [column.name]
        elif column.name == "*":
            mine = [name for name in names if name not in named and name not in taken]
        else:
            mine = [name for name in names if taken.get(name) is column]
        for name in mine:
            expanded.columns[name] = attrs.evolve(column, name=name, pattern=False)
            expanded.type_spans[name] = found.type_spans.get(column.name, column.span or Span("", 0, 0, 0, 0))
    return expanded


def _two_globs(name: str, second: ColumnPlan, first: ColumnPlan, scope: Scope) -> None:
    from mldsl.diagnostics.diagnostic import Label

    scope.findings.error(
        "MLP0103", f"two globs match the column `{name}`", second.span,
        labels=(Label(first.span, "the other one"),) if first.span is not None else (),
        help='name the column in a line of its own, or make the globs narrower; `"*"` takes what is left over',
    )  # fmt: skip


def known_columns(found: Features) -> Frame:
    """The columns as a line before all steps sees them."""
    return Frame.of(found.columns.values(), never_inputs=found.never_inputs(), blurred=found.blurred)
