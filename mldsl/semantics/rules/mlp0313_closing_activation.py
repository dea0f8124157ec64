"""A loss takes logits, and the network ends in an activation.

## What it does

Looks at the last layer of a network that is trained with a loss.

## Why is this bad?

Losses apply the last activation themselves, because together the two are stable in floating point. A closing `sigmoid`
or `softmax` would be applied twice: gradients vanish, and nothing fails.

## Example

```mlp
mlp 1
data { csv("iris.csv") }
features {
  species: categorical as target
  "*": continuous
}
network small {
  dense(16)
  relu
  dense(classes)
  softmax
}
model { neural_network(small, loss = cross_entropy) }
```

## Use instead

```mlp
mlp 1
data { csv("iris.csv") }
features {
  species: categorical as target
  "*": continuous
}
network small {
  dense(16)
  relu
  dense(classes)
}
model { neural_network(small, loss = cross_entropy) }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic, Fix, Label
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.draft import Draft
from mldsl.source import Span

_ACTIVATIONS = ("sigmoid", "softmax")


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Networks that a model with a loss is given, and that end in an activation of probabilities."""
    for model in draft.models if "network" not in draft.lost else ():
        declaration, algorithm = model.declaration, model.algorithm
        if declaration is None or algorithm is None or algorithm.value is None or not _has_loss(declaration):
            continue
        for parameter in declaration.parameters:
            name = algorithm.value.arg(parameter.name) if parameter.type.name == "network" else None
            layers = draft.layers.get(name, []) if isinstance(name, str) else []
            if len(layers) < 2 or layers[-1].name not in _ACTIVATIONS:
                continue
            last, previous = layers[-1].span, layers[-2].span
            line = Span(last.file, previous.end_line, previous.end_column, last.end_line, last.end_column)
            yield Diagnostic(
                "MLP0313", f"the loss of `{declaration.name}` takes logits, and `{name}` ends in `{layers[-1].name}`",
                last,
                labels=(Label(algorithm.span, "trained here"),), help=f"remove `{layers[-1].name}`", fix=Fix(line, ""),
            )  # fmt: skip


def _has_loss(declaration: Declaration) -> bool:
    return any(p.type.name == "component" and p.type.of == "loss" for p in declaration.parameters)
