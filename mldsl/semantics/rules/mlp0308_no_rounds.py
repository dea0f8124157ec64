"""Early stopping of a model without rounds.

## What it does

Compares `stop_when` with the model: only one that learns in rounds or epochs can stop between them. The same holds for
`search = halving(resource = rounds)`, which stops most trials early.

## Why is this bad?

The setting would do nothing, and the file would say otherwise.

## Example

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
  ridge
  stop_when = no_improvement(rounds = 5)
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
model { ridge }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft
from mldsl.semantics.rules._words import familiar


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Models that have `stop_when`, or are searched by rounds, and have none."""
    for model in draft.models:
        declaration = model.declaration
        if model.stop_when_node is None or model.stop_when is None or declaration is None or declaration.iterative:
            continue
        yield Diagnostic(
            "MLP0308", f"`{declaration.name}` does not learn in rounds, so it cannot stop early",
            model.stop_when_node.span, help="leave `stop_when` out" + _others(draft),
        )  # fmt: skip
    yield from _searched(draft)


def _searched(draft: Draft) -> Iterator[Diagnostic]:
    """A search that spends rounds on models that have none."""
    search = draft.tune.search if draft.tune is not None else None
    if search is None or search.value is None or ("resource", "rounds") not in search.value.args:
        return
    for model in draft.models:
        declaration = model.declaration
        if declaration is not None and not declaration.iterative:
            yield Diagnostic(
                "MLP0308", f"`{declaration.name}` does not learn in rounds, so `{search.name}` cannot give it fewer",
                search.span, help="write `resource = rows`" + _others(draft),
            )  # fmt: skip
            return


def _others(draft: Draft) -> str:
    iterative = [d.name for d in draft.components.visible("model") if d.iterative and draft.verb in d.tasks]
    return f"; models with rounds: {familiar(iterative, 3)}" if iterative else ""
