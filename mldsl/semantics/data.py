"""`data`: where rows come from, and which of them count."""

from __future__ import annotations

import attrs

from mldsl.diagnostics.diagnostic import Label
from mldsl.plan.model import RowExpression
from mldsl.semantics.arguments import resolve
from mldsl.semantics.draft import SourceDraft
from mldsl.semantics.frame import Frame
from mldsl.semantics.rows import type_row
from mldsl.semantics.scope import Scope
from mldsl.semantics.settings import read_settings
from mldsl.syntax import ast

PARTS = ("train", "validation", "test", "users", "items")


def resolve_sources(node: ast.Data | None, scope: Scope) -> list[SourceDraft]:
    """The sources of the block, typed; secrets may stand here."""
    if node is None:
        return []
    scope = attrs.evolve(scope, secrets=True)
    found = [
        SourceDraft("data", resolve(line, "source", scope)) for line in node.body if isinstance(line, ast.Component)
    ]
    for name, setting in read_settings(node, (*PARTS, "where"), "data", scope).items():
        if name == "where":
            continue
        if isinstance(setting.value, ast.Call | ast.Ref):
            found.append(SourceDraft(name, resolve(setting.value, "source", scope)))
        else:
            scope.findings.error("MLP0201", f"`{name}` takes a source such as `csv(...)`", setting.value.span)
    if "data" not in scope.lost:
        _one_source(node, found, scope)
    return found


def _one_source(node: ast.Data, found: list[SourceDraft], scope: Scope) -> None:
    """One source for all rows, or one for training and others for the parts."""
    whole = [source for source in found if source.part == "data"]
    parts = [source for source in found if source.part in ("train", "validation", "test")]
    for extra in whole[1:]:
        scope.findings.error(
            "MLP0111", "`data` has one source", extra.resolved.span, label="a second one",
            labels=(Label(whole[0].resolved.span, "the first"),),
            help="name the parts: `train = ...` and `test = ...`; a glob reads several files",
        )  # fmt: skip
    if whole and any(source.part == "train" for source in parts):
        train = next(source for source in parts if source.part == "train")
        scope.findings.error(
            "MLP0111", "`data` has one source for training", train.resolved.span, label="and here it is again",
            labels=(Label(whole[0].resolved.span, "the rows to train on"),), help="remove one of them",
        )  # fmt: skip
    if not whole and not any(source.part == "train" for source in parts):
        help_text = "say what to train on: `train = ...`" if parts else 'such as `csv("file.csv")`'
        scope.findings.error("MLP0111", "`data` needs a source of rows to train on", node.keyword_span, help=help_text)


def resolve_where(node: ast.Data | None, frame: Frame, scope: Scope) -> RowExpression | None:
    """The condition that rows must meet; it may name any column, the target included."""
    setting = next((s for s in node.body if isinstance(s, ast.Setting) and s.name == "where"), None) if node else None
    if setting is None:
        return None
    before = len(scope.findings)
    row = type_row(setting.value, scope.seeing(frame))
    if len(scope.findings) > before:
        return row.expression  # what is wrong with it has been said
    if row.known and row.type != "binary":
        scope.findings.error(
            "MLP0201", "`where` takes a condition", setting.value.span, help="compare with something, such as `x > 0`"
        )
    elif not row.uses:
        scope.findings.error("MLP0201", "`where` names no column, so it keeps all rows or none", setting.value.span)
    return row.expression
