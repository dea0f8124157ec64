"""A step matches no column.

## What it does

Warns where a type such as `categorical` after `on` selects nothing.

## Why is this bad?

The step does nothing. Perhaps the columns have another type, or an earlier step has replaced them.

## Example

```mlp
mlp 1
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
}
transforms { one_hot on categorical }
model { ridge }
```

## Use instead

```mlp
mlp 1
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
  city: categorical
}
transforms { one_hot on categorical }
model { ridge }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft
from mldsl.semantics.frame import TYPE_WORDS, UNKNOWN_TYPE
from mldsl.syntax import ast


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Steps whose `on` is well-formed and picks nothing."""
    for move in draft.all_moves():
        if not isinstance(move.node, ast.Step) or move.on or move.leaks or move.before.blurred:
            continue
        if any(known.type == UNKNOWN_TYPE for known in move.before.inputs()):
            continue
        words = [part for part in ast.walk(move.node.on) if isinstance(part, ast.Ref) and part.dotted in TYPE_WORDS]
        if not words:
            continue  # a column that does not exist has been reported
        yield Diagnostic(
            "MLP0803", f"no input is `{words[0].dotted}` here, so this step does nothing", move.node.on.span,
            help="`mldsl plan` shows the columns at each step", severity="warning",
        )  # fmt: skip
