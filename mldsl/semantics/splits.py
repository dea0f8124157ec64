"""`split`: who is trained on and who is held out, with the defaults of language 4.4."""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.plan.model import SplitPlan, Task
from mldsl.plugin.declaration import ParameterType
from mldsl.semantics.constants import UNKNOWN
from mldsl.semantics.draft import SplitDraft
from mldsl.semantics.features import Features
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.semantics.scope import Scope
from mldsl.semantics.settings import read_settings, setting_value, spans
from mldsl.semantics.value_messages import FAILED, out_of_range
from mldsl.syntax import ast

SETTINGS = ("test", "validation", "folds", "repeats", "by", "gap")
BY = ("random", "stratified", "group", "time", "order", "user")
# What can be said together: whole groups with equal class shares or in order of time, each user's last rows.
_PAIRS = (("group", "stratified"), ("group", "time"), ("group", "order"), ("user", "time"), ("user", "order"))
_DEFAULT_TEST = 0.2


def resolve_split(
    node: ast.Split | None, features: Features, task: Task | None, separate: tuple[str, ...], scope: Scope
) -> SplitDraft:
    """Read the block and fill in what it leaves open. `separate` are the parts that have a source of their own."""
    part = next((c.name for c in features.columns.values() if c.role == "part"), None)
    plan = SplitPlan(written=node is not None, separate=separate, part_column=part, span=node.span if node else None)
    draft = SplitDraft(plan, node)
    read: dict[str, Any] = {}
    if node is not None:
        settings = read_settings(node, SETTINGS, "split", scope)
        draft.spans = spans(settings)
        read = {name: _read(setting, scope) for name, setting in settings.items()}
        draft.known = not any(value is FAILED for value in read.values())
        _check_shares(read, settings, scope)
        for name in set(separate) & set(settings):
            scope.findings.error(
                "MLP0103", f"the {name} part is defined twice", settings[name].span,
                notes=(f"`data` has a source `{name}`",), help="leave one of them out",
            )  # fmt: skip
        if read.get("repeats", 1) not in (1, FAILED) and not read.get("folds"):
            scope.findings.error(
                "MLP0115",
                "`repeats` repeats folds, and there are none",
                settings["repeats"].span,
                help="add `folds = 5`",
            )
    given = {name: value for name, value in read.items() if value is not FAILED}
    draft.plan = _completed(plan, given, features, task, failed=set(read) - set(given))
    return draft


def _read(setting: ast.Setting, scope: Scope) -> Any:
    match setting.name:
        case "test" | "validation":
            return _part(setting, scope)
        case "folds":
            return setting_value(setting, ParameterType("int"), scope, ge=2)
        case "repeats":
            return setting_value(setting, ParameterType("int"), scope, ge=1)
        case "gap":
            return _gap(setting, scope)
    return _by(setting, scope)


def _part(setting: ast.Setting, scope: Scope) -> Any:
    """A share of the rows, or `last(n)` of them."""
    node = setting.value
    if isinstance(node, ast.Call) and node.dotted == "last":
        value = scope.constants.evaluate(node.args[0]) if len(node.args) == 1 else None
        if value is UNKNOWN:
            return FAILED
        if value is None or value.kind != "integer":
            scope.findings.error("MLP0201", "`last` takes a number of rows: `last(30)`", node.span)
            return FAILED
        if value.value is not None and value.value < 1:
            out_of_range("last", node.args[0].span, ">= 1", scope)
            return FAILED
        return value.value
    value = setting_value(setting, ParameterType("share"), scope, ge=0, le=1)
    if value == 1:
        out_of_range(setting.name, node.span, "below 1: some rows are to be trained on", scope)
        return FAILED
    return value


def _check_shares(read: dict[str, Any], settings: dict[str, ast.Setting], scope: Scope) -> None:
    shares = [read[name] for name in ("test", "validation") if isinstance(read.get(name), float)]
    if len(shares) == 2 and sum(shares) >= 1:
        later = max(settings["test"], settings["validation"], key=lambda setting: setting.span.line)
        scope.findings.error(
            "MLP0202", "`test` and `validation` leave no rows to train on", later.value.span,
            label=f"together {sum(shares):.0%}",
        )  # fmt: skip


def _gap(setting: ast.Setting, scope: Scope) -> Any:
    value = scope.constants.evaluate(setting.value)
    if value is UNKNOWN:
        return FAILED
    if value is None or value.kind not in ("integer", "duration"):
        scope.findings.error(
            "MLP0201", "`gap` takes a duration or a number of rows", setting.value.span, help="such as `7d` or `100`"
        )
        return FAILED
    if value.value is not None and value.value < 0:
        out_of_range("gap", setting.value.span, ">= 0", scope)
        return FAILED
    return float(value.value) if value.kind == "duration" and value.value is not None else value.value


def _by(setting: ast.Setting, scope: Scope) -> Any:
    node = setting.value
    items = node.items if isinstance(node, ast.List) else (node,)
    words: list[str] = []
    for item in items:
        word = item.dotted if isinstance(item, ast.Ref) else None
        if isinstance(item, ast.ParamRef):
            value = scope.constants.param(item)
            if value is UNKNOWN:
                return FAILED
            word = value.value if value.kind == "choice" else None
        if word is None:
            scope.findings.error("MLP0201", "`by` takes a word or a list of two", item.span, help=one_of(BY))
            return FAILED
        if word not in BY:
            scope.findings.error(
                "MLP0203", f"`{word}` is not a value of `by`", item.span, help=did_you_mean(word, BY) or one_of(BY)
            )
            return FAILED
        words.append(word)
    if len(words) == 1:
        return tuple(words)
    pair = next((pair for pair in _PAIRS if set(pair) == set(words) and len(words) == 2), None)
    if pair is None:
        allowed = ", ".join(f"[{a}, {b}]" for a, b in _PAIRS)
        scope.findings.error("MLP0203", "these ways to split do not combine", node.span, help=f"one of: {allowed}")
        return FAILED
    return pair


# ---- defaults --------------------------------------------------------------------------------------------------------


def default_by(features: Features, task: Task | None) -> tuple[str, ...]:
    """How rows are parted where the file does not say (language 4.4, 5 and 6)."""
    roles = {column.role for column in features.columns.values()}
    together = bool(roles & {"group", "query"})
    if task == "recommendation":
        return ("time",) if "time" in roles else ("user",)
    if together and "time" in roles:
        return ("group", "time")
    if together:
        return ("group",)
    if "time" in roles:
        return ("time",)
    return ("stratified",) if task == "classification" else ("random",)


def _completed(
    plan: SplitPlan, given: dict[str, Any], features: Features, task: Task | None, failed: set[str]
) -> SplitPlan:
    folds = given.get("folds", 0)
    test = given.get("test")
    elsewhere = bool(folds) or "test" in plan.separate or plan.part_column is not None
    if "test" not in given and not elsewhere and "folds" not in failed and (plan.written or _has_target(task)):
        test = _DEFAULT_TEST
    plan = attrs.evolve(
        plan, test=test, validation=given.get("validation"), folds=folds, repeats=given.get("repeats", 1),
        by=given.get("by") or default_by(features, task), gap=given.get("gap"),
    )  # fmt: skip
    return attrs.evolve(plan, held_out=_held_out(plan, task))


def _has_target(task: Task | None) -> bool:
    return task not in ("clustering", "generation", "transform")


def _held_out(plan: SplitPlan, task: Task | None) -> str:
    """The part whose metrics count: test, else out-of-fold, else validation, else training rows."""
    if plan.test or "test" in plan.separate or plan.part_column is not None:
        return "test"
    if plan.folds:
        return "folds"
    if plan.validation or "validation" in plan.separate:
        return "validation"
    return "train" if plan.written or _has_target(task) else "all"


def validates(plan: SplitPlan) -> bool:
    """Whether there are rows to stop or choose on: a validation part, or folds."""
    return bool(plan.validation or plan.folds or "validation" in plan.separate or plan.part_column is not None)
