"""Rows that belong together are split apart.

## What it does

Compares how rows are split with the roles `group` and `query`: all rows of one group, or of one query, must fall into
the same part. Where the parts are given, by sources of their own or by a part column, the rows are looked at when they
are read, and a group in two parts is a warning.

## Why is this bad?

Ten pictures of one patient are not ten independent patients. If some are trained on and others tested on, the model is
rewarded for recognising the patient, and its metrics promise more than a new patient will see.

## Example

```mlp
mlp 1
data { csv("scans.csv") }
features {
  patient: id as group
  malignant: binary as target
  "*": continuous
}
split {
  test = 20%
  by = stratified
}
model { logistic_regression }
```

## Use instead

```mlp
mlp 1
data { csv("scans.csv") }
features {
  patient: id as group
  malignant: binary as target
  "*": continuous
}
split {
  test = 20%
  by = group
}
model { logistic_regression }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft


def check(draft: Draft) -> Iterator[Diagnostic]:
    """A written `by` that does not keep groups together."""
    split = draft.split
    together = draft.role("group") or draft.role("query")
    if together is None or "by" not in split.spans or not split.known or "group" in split.plan.by:
        return
    held_out = "test" if split.plan.test else "held-out"
    remedy = "by = [group, time]" if "time" in split.plan.by else "by = group"
    yield Diagnostic(
        "MLP0302", f"rows of one `{together.name}` may land in both the training and the {held_out} data",
        split.spans["by"], notes=(f"`{together.name}` is declared `as {together.role}`",), help=f"write `{remedy}`",
    )  # fmt: skip
