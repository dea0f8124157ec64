"""Two metrics are declared primary.

## What it does

Counts the metrics marked `as primary`.

## Why is this bad?

The primary metric decides: it orders models, chooses `best` and guides `tune`. Two of them would contradict each other.

## Example

```mlp
mlp 1
data { csv("iris.csv") }
features {
  species: categorical as target
  "*": continuous
}
model { logistic_regression }
metrics {
  accuracy as primary
  log_loss as primary
}
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
metrics {
  accuracy as primary
  log_loss
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic, Label
from mldsl.semantics.draft import Draft


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Every primary metric after the first."""
    marked = [metric.node for metric in draft.metrics if metric.primary and metric.node is not None]
    written = [node for node in marked if node.role == "primary"]
    for node in written[1:]:
        yield Diagnostic(
            "MLP0304", "there can be only one primary metric", node.role_span, label="the second",
            labels=(Label(written[0].role_span, "the first"),), help="keep the one that decides between models",
        )  # fmt: skip
