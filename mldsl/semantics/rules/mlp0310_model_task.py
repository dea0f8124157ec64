"""A model does not do this task.

## What it does

Compares the tasks that a model declares with the task of the pipeline, which follows from the roles and from the type
of the target. A trained model is asked for something that its algorithm does not do: to draw rows, or to learn from
further ones.

## Why is this bad?

A model of means cannot predict classes, and one that finds clusters has no use for a target. Often a role is missing or
too many, or the type of the target is not the one that was meant.

## Example

```mlp
mlp 1
data { csv("iris.csv") }
features {
  species: categorical as target
  "*": continuous
}
model { ridge }
```

## Use instead

```mlp
mlp 1
data { csv("iris.csv") }
features {
  species: categorical as target
  "*": continuous
}
model { logistic_regression }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.arguments import Resolved
from mldsl.semantics.draft import TASKS, Draft, ModelDraft
from mldsl.semantics.rules._words import familiar, why


def check(draft: Draft) -> Iterator[Diagnostic]:
    """The models whose tasks do not include that of the pipeline."""
    if draft.features.blurred or draft.features.unsure or draft.definitions.features is None:
        return
    for model in draft.models:
        yield from _task(draft, model)


def _task(draft: Draft, model: ModelDraft) -> Iterator[Diagnostic]:
    """Of a model, or else of those that it is made of."""
    declaration = model.declaration
    if declaration is None or model.algorithm is None:
        return
    if draft.task is None:
        if draft.target is None:
            yield _without_target(model.algorithm, declaration)
    elif draft.verb not in declaration.tasks:
        yield _other_task(draft, model.algorithm, declaration)
    else:
        for member in model.members:
            if member.draft is not None:
                yield from _task(draft, member.draft)
        final = model.final
        if final is not None and final.declaration is not None and draft.verb not in final.declaration.tasks:
            yield _other_task(draft, final, final.declaration)


def _without_target(algorithm: Resolved, declaration: Declaration) -> Diagnostic:
    return Diagnostic(
        "MLP0310", f"`{declaration.name}` needs {_needs(declaration)}", algorithm.node.span,
        notes=(f"it does {_tasks(declaration)}",), help=_roles(declaration),
    )  # fmt: skip


def _needs(declaration: Declaration) -> str:
    if set(declaration.tasks) <= {"recommend"}:
        return "users and items"
    return "queries" if set(declaration.tasks) <= {"rank"} else "a target"


def _roles(declaration: Declaration) -> str:
    if set(declaration.tasks) <= {"recommend"}:
        return "declare two columns `as user` and `as item` in `features`"
    if set(declaration.tasks) <= {"rank"}:
        return "declare a column `as query` in `features`"
    return "declare a column `as target` in `features`"


def _tasks(declaration: Declaration) -> str:
    return " and ".join(TASKS.get(verb, verb) for verb in declaration.tasks)


def _other_task(draft: Draft, algorithm: Resolved, declaration: Declaration) -> Diagnostic:
    if draft.target is None and not {"cluster", "generate"} & set(declaration.tasks):
        return _without_target(algorithm, declaration)
    others = [d.name for d in draft.components.visible("model") if draft.verb in d.tasks and d.name != "constant"]
    help_text = f"models for it: {familiar(others)}" if others else None
    if draft.target is not None and set(declaration.tasks) <= {"cluster", "generate"}:
        help_text = f"declare `{draft.target.name}` `as ignore`; a metric may still compare with it"
    elif set(declaration.tasks) <= {"recommend", "rank"}:
        help_text = _roles(declaration)
    return Diagnostic(
        "MLP0310", f"`{declaration.name}` does not do {draft.task}", algorithm.node.span,
        notes=(why(draft), f"`{declaration.name}` does {_tasks(declaration)}"), help=help_text,
    )  # fmt: skip
