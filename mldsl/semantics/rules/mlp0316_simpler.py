"""`one_standard_error` has nothing to choose by.

## What it does

Asks of `choose = one_standard_error` for the two things it needs: a standard error, which takes scores on several
folds, and a tuned param of which it is known what makes a simpler model. Components declare that: of `l2` larger is
simpler, of `clusters` smaller (`mldsl doc NAME` says so). A list of other values is read as ordered, simplest first.

## Why is this bad?

The rule takes the simplest setting whose score is within one standard error of the best. Where nothing is known to be
simpler, or a single score has no error, it could only take the best, and the file would promise something else.

## Example

```mlp
mlp 1
param q: number = 0.5 in 0..1
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
}
model { constant(quantile(q = $q)) }
tune {
  search = grid
  choose = one_standard_error
  $q in 0.1..0.9
}
```

## Use instead

```mlp
mlp 1
param l2: number = 1 in 0..1000
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
}
model { ridge(l2 = $l2) }
tune {
  search = grid
  choose = one_standard_error
  $l2 in log(0.001..1000)
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft
from mldsl.semantics.reach import simpler, understood
from mldsl.semantics.rules._words import listed


def check(draft: Draft) -> Iterator[Diagnostic]:
    """The standard error, and what is simpler."""
    tune = draft.tune
    if tune is None or tune.choose != "one_standard_error" or not tune.domains:
        return
    span = tune.choose_span or tune.node.keyword_span
    split = draft.split.plan
    one_part = split.validation or "validation" in split.separate
    if draft.split.known and not split.folds and (one_part or (draft.target is None and draft.task is not None)):
        rows = "one validation part" if one_part else "all rows at once"
        yield Diagnostic(
            "MLP0316", "`one_standard_error` needs folds", span,
            notes=(f"a score on {rows} has no standard error",),
            help="add `folds = 5` to `split`, or write `choose = best`",
        )  # fmt: skip
    orders = any(domain[0] == "list" for domain, _ in tune.domains.values())
    if understood(draft) and not orders and not simpler(draft):
        names = [f"${name}" for name in tune.domains]
        which = f"{listed(names)} {'is' if len(names) == 1 else 'are'}"
        yield Diagnostic(
            "MLP0316", "`one_standard_error` cannot tell which setting is simpler", span,
            notes=(f"no component says of what {which} given to whether larger or smaller is simpler",),
            help="list the values in order, `$param in [simplest, ...]`, or write `choose = best`",
        )  # fmt: skip
