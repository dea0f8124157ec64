"""A setting, step or role needs something that the pipeline does not have.

## What it does

Asks of every setting and step for what it cannot do without: `by = group` for a column declared `as group`,
`threshold`, `calibrate` and `class_weights` for classification, a step that uses the target for a target, one that
evens out classes for classes, `repeats` for folds that chance decides. A step that uses the target is fitted out of
fold, and so stands before those that change the rows.

## Why is this bad?

The setting could only be ignored, and the file would promise something that does not happen.

## Example

```mlp
mlp 1
data { csv("scans.csv") }
features {
  patient: id as key
  malignant: binary as target
  "*": continuous
}
split {
  test = 20%
  by = group
}
model { logistic_regression }
```

## Use instead

```mlp
mlp 1
data { csv("scans.csv") }
features {
  patient: id as group
  malignant: binary as target
  "*": continuous
}
split {
  test = 20%
  by = group
}
model { logistic_regression }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic, Label
from mldsl.semantics.class_weights import CLASS_WEIGHTS
from mldsl.semantics.draft import TASKS, Draft, ModelDraft
from mldsl.semantics.flow import Move
from mldsl.semantics.rules._words import why
from mldsl.syntax import ast

# What each way to split needs: one of these roles.
_BY = {"group": ("group", "query"), "time": ("time",), "user": ("user",)}


def check(draft: Draft) -> Iterator[Diagnostic]:
    """`split`, the held-out decisions of models, offsets, and steps that use the target."""
    if draft.features.blurred or draft.features.unsure or draft.definitions.features is None:
        return
    yield from _reports(draft)
    yield from _split(draft)
    for model in draft.models:
        yield from _decisions(draft, model)
        yield from _offset(draft, model)
        yield from _class_weights(draft, model)
        yield from _late_target(model)
    for move in draft.all_moves():
        yield from _step(draft, move)
        yield from _looks_back(draft, move)
        if move.declaration is not None and move.declaration.uses_target and draft.target is None:
            yield Diagnostic(
                "MLP0314", f"`{move.declaration.name}` uses the target, and there is none", move.node.span,
                help="declare a column `as target` in `features`",
            )  # fmt: skip


def _reports(draft: Draft) -> Iterator[Diagnostic]:
    """Reports about a search."""
    for report in draft.reports:
        if report.declaration is not None and "tune" in report.declaration.needs and draft.definitions.tune is None:
            if "tune" in draft.lost:
                return
            yield Diagnostic(
                "MLP0314", f"`{report.name}` shows what was tried, and there is no `tune`", report.span,
                help="add a `tune` block that varies a `$param`, or leave the report out",
            )  # fmt: skip


def _split(draft: Draft) -> Iterator[Diagnostic]:
    split = draft.split
    span = split.spans.get("by")
    for word in split.plan.by if span is not None and split.known else ():
        roles = _BY.get(word, ())
        if roles and not any(draft.role(role) for role in roles):
            yield Diagnostic(
                "MLP0314", f"`by = {word}` needs a column declared `as {roles[0]}`", span,
                help=f"write `as {roles[0]}` behind the column that says it in `features`",
            )  # fmt: skip
        if word == "stratified" and draft.task not in (None, "classification"):
            yield Diagnostic(
                "MLP0314", "`by = stratified` needs classes", span, notes=(why(draft),), help="write `by = random`"
            )
    if "gap" in split.spans and split.known and not {"time", "order"} & set(split.plan.by):
        yield Diagnostic(
            "MLP0314", "`gap` needs rows in order of time", split.spans["gap"], help="add `by = time` or `by = order`"
        )
    if split.plan.repeats > 1 and split.known and {"time", "order"} & set(split.plan.by):
        yield Diagnostic(
            "MLP0314", "`repeats` needs folds that chance decides", split.spans["repeats"],
            notes=("folds in order of time are the same in every repeat, which would look like more of them",),
            help="leave `repeats` out",
        )  # fmt: skip


def _decisions(draft: Draft, model: ModelDraft) -> Iterator[Diagnostic]:
    """`threshold` and `calibrate` are about classes, one probability about two; a scale is about numbers."""
    if draft.task is None:
        return
    for name, node in (("threshold", model.threshold_node), ("calibrate", model.calibrate_node)):
        if node is not None and draft.task != "classification":
            yield Diagnostic(
                "MLP0314", f"`{name}` needs classification", node.span, notes=(why(draft),), help=f"leave `{name}` out"
            )
    if (
        model.target_scale is not None
        and model.target_scale_node is not None
        and draft.task not in ("regression", "ranking", "recommendation")
    ):
        yield Diagnostic(
            "MLP0314", "only a target of numbers has a scale", model.target_scale_node.span, notes=(why(draft),),
            help="leave `target` out",
        )  # fmt: skip
    target = draft.target
    # Written levels are known to `check`; learned ones once the data was read.
    levels = draft.levels if target is not None and target.type in ("categorical", "ordinal") else None
    fixed = model.threshold is not None and model.threshold.value is not None
    if fixed and model.threshold_node and draft.task == "classification" and levels is not None and len(levels) > 2:
        yield Diagnostic(
            "MLP0314", "one `threshold` needs two classes", model.threshold_node.span,
            notes=(f"`{target.name if target else ''}` has {len(levels)} levels",),
            help="`threshold = maximize(balanced_accuracy)`, say, chooses one for each class; or leave it out",
        )  # fmt: skip


def _offset(draft: Draft, model: ModelDraft) -> Iterator[Diagnostic]:
    offset, declaration = draft.role("offset"), model.declaration
    if offset is None or declaration is None or model.algorithm is None or "offset" in declaration.roles:
        return
    yield Diagnostic(
        "MLP0314", f"`{declaration.name}` has no place for an offset", model.algorithm.span,
        notes=(f"`{offset.name}` is declared `as offset`",), help=f"declare `{offset.name}` `as ignore`, or an input",
    )  # fmt: skip


def _class_weights(draft: Draft, model: ModelDraft) -> Iterator[Diagnostic]:
    argument = model.algorithm.argument(CLASS_WEIGHTS.name) if model.algorithm is not None else None
    if isinstance(argument, ast.Named) and draft.task not in (None, "classification"):
        yield Diagnostic(
            "MLP0314", "`class_weights` needs classification", argument.span, notes=(why(draft),),
            help="leave `class_weights` out",
        )  # fmt: skip


def _step(draft: Draft, move: Move) -> Iterator[Diagnostic]:
    """A step for some tasks only, such as one that evens out classes."""
    declaration = move.declaration
    if declaration is None or not declaration.tasks or draft.task is None or draft.verb in declaration.tasks:
        return
    tasks = " or ".join(TASKS.get(task, task) for task in declaration.tasks)
    yield Diagnostic(
        "MLP0314", f"`{declaration.name}` needs {tasks}", move.node.span, notes=(why(draft),),
        help=f"leave `{declaration.name}` out",
    )  # fmt: skip


def _looks_back(draft: Draft, move: Move) -> Iterator[Diagnostic]:
    """A step that looks at earlier rows needs to know which those are."""
    declaration = move.declaration
    if declaration is None or not declaration.looks_back or move.resolved is None or draft.role("time") is not None:
        return
    if "order" not in draft.split.plan.by and draft.split.known:
        yield Diagnostic(
            "MLP0314", f"`{declaration.name}` looks at earlier rows, and rows have no order", move.node.span,
            help="declare a column `as time` in `features`, or write `by = order` in `split`",
        )  # fmt: skip
        return
    written = move.resolved.value.written if move.resolved.value is not None else ()
    for parameter in declaration.parameters:
        if parameter.type.name == "duration" and parameter.name in written:
            yield Diagnostic(
                "MLP0314", f"`{parameter.name}` is a span of time, and rows have none", move.node.span,
                help="declare a column `as time` in `features`, or count rows",
            )  # fmt: skip


def _late_target(model: ModelDraft) -> Iterator[Diagnostic]:
    """Out of fold means that rows are answered by a fit without them; what a step makes of several rows is in none."""
    resampled: Move | None = None
    for move in model.moves:
        declaration = move.declaration
        if declaration is None:
            continue
        if declaration.resamples:
            resampled = resampled or move
        elif (
            declaration.uses_target
            and not declaration.chooses
            and resampled is not None
            and resampled.declaration is not None
        ):
            yield Diagnostic(
                "MLP0314", f"`{declaration.name}` uses the target, and its rows have been changed before",
                move.node.span, labels=(Label(resampled.node.span, "here"),),
                help=f"write it above `{resampled.declaration.name}`",
            )  # fmt: skip
