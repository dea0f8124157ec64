"""A param is never used.

## What it does

Finds params of this file that no other line names. `seed` is always used. Nothing is said while part of a file could
not be read, nor of params that come with an include: those may be for others.

## Why is this bad?

`-p` and `tune` would vary it, and nothing would change. Mostly a `$` was forgotten where the value is meant.

## Example

```mlp
mlp 1
param l2: number = 0.1 in 0..10
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
}
model { ridge(l2 = 0.1) }
```

## Use instead

```mlp
mlp 1
param l2: number = 0.1 in 0..10
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
}
model { ridge(l2 = $l2) }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft
from mldsl.semantics.params import RESERVED


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Params of the file itself that nothing reads."""
    if not draft.parsed:
        return
    tuned = draft.tune.domains if draft.tune is not None else {}  # MLP0305 says it of these
    for name, node in draft.definitions.params.items():
        if name in draft.used_params or name in tuned or name in RESERVED or node.span.file != draft.file:
            continue
        yield Diagnostic(
            "MLP0801", f"param `{name}` is never used", node.name_span,
            help=f"write `${name}` where it is meant, or remove it",
            severity="warning",
        )  # fmt: skip
