"""A metric or a report does not fit the task.

## What it does

Compares the tasks that each metric and report declares with the task of the pipeline, which follows from the roles and
from the type of the target.

## Why is this bad?

The root mean squared error of class names is not a number. Often the type of the target is what is wrong: a class that
happens to be written as a number was declared `continuous`.

## Example

```mlp
mlp 1
data { csv("iris.csv") }
features {
  species: categorical as target
  "*": continuous
}
model { logistic_regression }
metrics { rmse }
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
metrics { accuracy }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.arguments import Resolved
from mldsl.semantics.draft import Draft
from mldsl.semantics.rules._words import familiar, listed, why


def check(draft: Draft) -> Iterator[Diagnostic]:
    """The metrics (those of thresholds, too) and reports that the task rules out."""
    if draft.task is None or not draft.models:
        return  # without a model there is nothing to measure, and a run says so (MLP0117)
    metrics = [metric.resolved for metric in draft.metrics]
    metrics += [model.threshold_metric for model in draft.models if model.threshold_metric is not None]
    for metric in metrics:
        if metric.declaration is not None:
            yield from _metric(draft, metric, metric.declaration)
    for report in draft.reports:
        declaration = report.declaration
        if declaration is not None and declaration.tasks and draft.verb not in declaration.tasks:
            yield Diagnostic(
                "MLP0303", f"`{declaration.name}` does not show {draft.task}", report.span, notes=(why(draft),),
                help=_others(draft, "report", "reports"),
            )  # fmt: skip


def _metric(draft: Draft, metric: Resolved, declaration: Declaration) -> Iterator[Diagnostic]:
    target = draft.target
    if draft.verb not in declaration.tasks:
        yield Diagnostic(
            "MLP0303", f"`{declaration.name}` does not measure {draft.task}", metric.span, notes=(why(draft),),
            help=_others(draft, "metric", "metrics"),
        )  # fmt: skip
    elif target is not None and declaration.accepts and target.type not in declaration.accepts:
        yield Diagnostic(
            "MLP0303", f"`{declaration.name}` does not measure a `{target.type}` target", metric.span,
            notes=(f"it takes {', '.join(declaration.accepts)}",), help=_others(draft, "metric", "metrics"),
        )  # fmt: skip
    elif "inputs" in declaration.needs and (sparse := _sparse(draft)):
        yield Diagnostic(
            "MLP0303", f"`{declaration.name}` looks at rows of a dense matrix, and {listed(sparse)} is sparse",
            metric.span, help="use a metric of what the model says, not of its inputs",
        )  # fmt: skip


def _sparse(draft: Draft) -> list[str]:
    """Sparse columns that reach a model."""
    return list(dict.fromkeys(k.name for model in draft.models for k in model.matrix if k.state.sparse))


def _others(draft: Draft, kind: str, plural: str) -> str | None:
    target = draft.target
    names = [
        d.name for d in draft.components.visible(kind)
        if draft.verb in d.tasks and (kind != "metric" or target is None or not d.accepts or target.type in d.accepts)
    ]  # fmt: skip
    return f"{plural} for it: {familiar(names)}" if names else None
