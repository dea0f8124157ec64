"""Rows in order of time are split in another way.

## What it does

Warns where a column is declared `as time` and `by` says something else. Where the parts are given, by sources of their
own or by a part column, it warns of rows to train on that are later than those held out.

## Why is this bad?

Whoever uses the model knows the past only. With rows of all times in training, it is tested on what it has partly seen:
yesterday's price says nearly all about today's. Sometimes that is what is wanted; then the role `time` is not needed.

## Example

```mlp
mlp 1
data { csv("demand.csv") }
features {
  day: time as time
  sold: continuous as target
  price: continuous
}
split {
  test = 20%
  by = random
}
model { ridge }
```

## Use instead

```mlp
mlp 1
data { csv("demand.csv") }
features {
  day: time as time
  sold: continuous as target
  price: continuous
}
split {
  test = 20%
  by = time
}
model { ridge }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft


def check(draft: Draft) -> Iterator[Diagnostic]:
    """A written `by` without time, beside a column that has the role."""
    split, time = draft.split, draft.role("time")
    if time is None or "by" not in split.spans or not split.known or {"time", "order"} & set(split.plan.by):
        return
    remedy = "by = [group, time]" if "group" in split.plan.by else "by = time"
    yield Diagnostic(
        "MLP0315", "some rows to train on may be later than rows to test on", split.spans["by"],
        notes=(f"`{time.name}` is declared `as time`",), help=f"write `{remedy}`", severity="warning",
    )  # fmt: skip
