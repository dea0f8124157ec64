"""A threshold is to be chosen by a metric that no threshold can change.

## What it does

Looks at the metric in `threshold = maximize(METRIC)` or `minimize(METRIC)`: it must look at the classes that a model
says. A threshold decides those, and leaves probabilities and scores as they are.

## Why is this bad?

`roc_auc` is the same at every threshold, and so is `log_loss`: whichever were chosen would be chosen by chance. What
the probabilities themselves lack, `calibrate` may give.

## Example

```mlp
mlp 1
data { csv("loans.csv") }
features {
  status: binary("good", "bad") as target
  "*": continuous
}
model {
  logistic_regression
  threshold = maximize(roc_auc)
}
```

## Use instead

```mlp
mlp 1
data { csv("loans.csv") }
features {
  status: binary("good", "bad") as target
  "*": continuous
}
model {
  logistic_regression
  threshold = maximize(balanced_accuracy)
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.draft import Draft
from mldsl.semantics.rules._words import familiar


def check(draft: Draft) -> Iterator[Diagnostic]:
    """The metrics of thresholds."""
    if draft.task != "classification":
        return  # MLP0314 says that there is nothing to decide
    for model in draft.models:
        metric = model.threshold_metric
        declaration = metric.declaration if metric is not None else None
        if metric is None or declaration is None or "classify" not in declaration.tasks or _decided(declaration):
            continue
        yield Diagnostic(
            "MLP0317", f"no threshold can change `{declaration.name}`", metric.span,
            notes=(f"it looks at {' and '.join(declaration.needs)}, not at the classes that are said",),
            help=_others(draft),
        )  # fmt: skip


def _decided(declaration: Declaration) -> bool:
    """Whether a metric looks at what was said."""
    return "labels" in declaration.needs


def _others(draft: Draft) -> str | None:
    target = draft.target
    names = [
        d.name for d in draft.components.visible("metric")
        if "classify" in d.tasks and _decided(d) and (target is None or not d.accepts or target.type in d.accepts)
    ]  # fmt: skip
    return f"metrics that it changes: {familiar(names)}" if names else None
