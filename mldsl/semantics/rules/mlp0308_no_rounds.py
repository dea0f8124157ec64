"""Early stopping of a model without rounds.

## What it does

Compares `stop_when` with the model: only one that learns in rounds or epochs can stop between them. Some models do so
only as they are set: `logistic_regression` with `solver = batch`, not with `solver = newton`. The same holds for
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
from mldsl.plugin.condition import in_words, parsed
from mldsl.semantics.draft import Draft, ModelDraft
from mldsl.semantics.rules._rounds import goes_in_rounds
from mldsl.semantics.rules._words import familiar


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Models that have `stop_when`, or are searched by rounds, and have none."""
    for model in draft.models:
        if model.stop_when_node is None or model.stop_when is None or goes_in_rounds(draft, model):
            continue
        yield Diagnostic(
            "MLP0308", f"{_who(model)} does not learn in rounds, so it cannot stop early",
            model.stop_when_node.span, help=f"{_otherwise(model)}leave `stop_when` out{_others(draft)}",
        )  # fmt: skip
    yield from _searched(draft)


def _searched(draft: Draft) -> Iterator[Diagnostic]:
    """A search that spends rounds on models that have none."""
    search = draft.tune.search if draft.tune is not None else None
    if search is None or search.value is None or ("resource", "rounds") not in search.value.args:
        return
    for model in draft.models:
        if not goes_in_rounds(draft, model):
            yield Diagnostic(
                "MLP0308", f"{_who(model)} does not learn in rounds, so `{search.name}` cannot give it fewer",
                search.span, help=f"{_otherwise(model)}write `resource = rows`{_others(draft)}",
            )  # fmt: skip
            return


def _who(model: ModelDraft) -> str:
    """The model, with what it is set to where that is why."""
    declaration, algorithm = model.declaration, model.algorithm
    assert declaration is not None
    assert algorithm is not None
    if not declaration.iterative or algorithm.value is None:
        return f"`{declaration.name}`"
    name, _ = parsed(declaration.rounds)
    return f"`{declaration.name}` with `{name} = {algorithm.value.arg(name)}`"


def _otherwise(model: ModelDraft) -> str:
    """How to have rounds, for a model that can."""
    declaration = model.declaration
    if declaration is None or not declaration.iterative:
        return ""
    return f"write {in_words(declaration.rounds)}, or "


def _others(draft: Draft) -> str:
    own = {model.declaration.name for model in draft.models if model.declaration is not None}
    visible = draft.components.visible("model")
    iterative = [d.name for d in visible if d.iterative and draft.verb in d.tasks and d.name not in own]
    return f"; models with rounds: {familiar(iterative, 3)}" if iterative else ""
