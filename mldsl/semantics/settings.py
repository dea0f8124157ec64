"""Settings: the language's own words with a value, each at most once in a block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mldsl.diagnostics.diagnostic import Label
from mldsl.plugin.declaration import Choice, Parameter, ParameterType
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.semantics.scope import Scope
from mldsl.semantics.values import type_value
from mldsl.syntax import ast

# What people used to other tools write.
_ALIASES = {
    "data": {"val": "validation", "valid": "validation", "filter": "where", "source": "train", "dev": "validation"},
    "split": {
        "train": "test", "val": "validation", "valid": "validation", "stratify": "by", "shuffle": "by", "cv": "folds",
        "k": "folds", "n_splits": "folds", "test_size": "test", "method": "by", "groups": "by",
    },
    "model": {
        "transforms": "inputs", "features": "inputs", "early_stopping": "stop_when", "cutoff": "threshold",
        "calibration": "calibrate", "y": "target", "preprocess": "inputs",
    },
    "tune": {"method": "search", "cv": "folds", "select": "choose"},
}  # fmt: skip


def read_settings(node: ast.Block, allowed: Iterable[str], block: str, scope: Scope) -> dict[str, ast.Setting]:
    """The settings of a block by name; an unknown one is MLP0106, a second one MLP0113."""
    known = tuple(allowed)
    found: dict[str, ast.Setting] = {}
    for line in node.body:
        if not isinstance(line, ast.Setting):
            continue
        if line.name not in known:
            help_text = did_you_mean(line.name, known, _ALIASES.get(block)) or one_of(f"`{name}`" for name in known)
            scope.findings.error("MLP0106", f"`{block}` has no setting `{line.name}`", line.name_span, help=help_text)
            touch(line.value, scope)
        elif line.name in found:
            scope.findings.error(
                "MLP0113", f"`{line.name}` is given twice", line.name_span, label="again",
                labels=(Label(found[line.name].name_span, "first given here"),),
            )  # fmt: skip
        else:
            found[line.name] = line
    return found


def touch(node: ast.Node, scope: Scope) -> None:
    """Count the `$params` of a part that is not typed as used, and report the unknown ones."""
    for part in ast.walk(node):
        if isinstance(part, ast.ParamRef):
            scope.constants.param(part)


def setting_value(setting: ast.Setting, type_: ParameterType, scope: Scope, **bounds: Any) -> Any:
    """The value of a setting, typed like an argument; `FAILED` after a message."""
    return type_value(setting.value, type_, Parameter(setting.name, type_, **bounds), "", scope)


def words(*names: str) -> ParameterType:
    """The type of a setting that takes one of these words."""
    return ParameterType("enum", choices=tuple(Choice(name) for name in names))


def spans(settings: Mapping[str, ast.Setting]) -> dict[str, Any]:
    """The place of each value."""
    return {name: setting.value.span for name, setting in settings.items()}
