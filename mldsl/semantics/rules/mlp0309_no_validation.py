"""Early stopping without validation data.

## What it does

Asks of every model with `stop_when` that there are rows to watch: a validation part, or folds.

## Why is this bad?

On training rows a model nearly always improves, so it would never stop; and the test data is used once, for the final
metrics, and never to decide anything.

## Example

```mlp
mlp 1
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
}
split { test = 20% }
model {
  gradient_boosting
  stop_when = no_improvement(rounds = 50)
}
```

## Use instead

```mlp
mlp 1
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
}
split {
  test = 20%
  validation = 10%
}
model {
  gradient_boosting
  stop_when = no_improvement(rounds = 50)
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft
from mldsl.semantics.rules._rounds import goes_in_rounds
from mldsl.semantics.splits import validates


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Models that would have nothing to watch."""
    if "split" in draft.lost or validates(draft.split.plan) or {"validation", "folds"} & set(draft.split.spans):
        return
    for model in draft.models:
        if model.stop_when_node is None or not goes_in_rounds(draft, model):
            continue
        where = "to `split`" if draft.split.node is not None else "in a `split` block"
        yield Diagnostic(
            "MLP0309", "early stopping needs validation data", model.stop_when_node.value.span,
            notes=("the test data is never used to decide when to stop",), help=f"add `validation = 10%` {where}",
        )  # fmt: skip
