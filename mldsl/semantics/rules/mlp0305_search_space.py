"""A search leaves the declared range, or varies what it must not.

## What it does

Compares each line of `tune` with the range that the `param` declares and with what the arguments it reaches allow, and
refuses to vary what `data`, `features` or `split` depend on, and the seed.

## Why is this bad?

The range of a param is a promise about which values make sense; a search outside of it tries values that are errors
elsewhere. A score on other rows, or of another target, is no score of the same thing: trials could not be compared. And
where nothing that is trained depends on a param, every trial would be the same.
The seed decides about rows too: the best of a hundred seeds is the luckiest, and luck does not carry over to new rows.

## Example

```mlp
mlp 1
param k: integer = 3 in 2..10
data { csv("wine.csv") }
features { "*": continuous }
transforms { standardize on continuous }
model { k_means(clusters = $k) }
tune {
  search = grid
  $k in 2..20
}
```

## Use instead

```mlp
mlp 1
param k: integer = 3 in 2..20
data { csv("wine.csv") }
features { "*": continuous }
transforms { standardize on continuous }
model { k_means(clusters = $k) }
tune {
  search = grid
  $k in 2..20
}
```
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mldsl.diagnostics.diagnostic import Diagnostic, Label
from mldsl.plan.tuning import evaluate
from mldsl.plugin.wording import value_text
from mldsl.semantics.draft import Draft
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.semantics.params import RESERVED, Domain, within
from mldsl.semantics.reach import Use, arguments, derived, places, understood
from mldsl.source import Span
from mldsl.syntax import ast

_ROWS = ("data", "features", "split")


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Each domain against the range of its param, what it reaches, and the blocks it must leave alone."""
    if draft.tune is None:
        return
    reached, columns, sure = arguments(draft), derived(draft), understood(draft)
    for name, (domain, line) in draft.tune.domains.items():
        declared, node = draft.params[name].domain, draft.definitions.params.get(name)
        if declared is not None and not all(within(value, declared) for value in _ends(domain)):
            labels = (Label(node.domain.span, "declared here"),) if node is not None and node.domain is not None else ()
            yield Diagnostic(
                "MLP0305", f"the search space of `${name}` leaves its declared range", _range(line),
                label="searched here", labels=labels,
            )  # fmt: skip
        else:
            yield from _allowed(name, domain, line, reached.get(name, []), draft)
        if name in RESERVED:
            yield Diagnostic(
                "MLP0305", f"the {name} decides about rows and chance, and cannot be tuned", line.name_span,
                 help="`folds` and `repeats` of `split` show how much depends on chance",
            )  # fmt: skip
        elif (rows := _rows(draft, name, line)) is not None:
            yield rows
        elif sure and name not in reached and name not in columns:
            yield _nowhere(draft, name, line)


def _range(line: ast.Domain) -> Span:
    """The range itself, without the `log(...)` around it."""
    return line.value.args[0].span if isinstance(line.value, ast.Call) else line.value.span


def _ends(domain: Domain) -> tuple[float, ...]:
    return tuple(domain[1]) if domain[0] == "list" else (domain[1], domain[2])


def _allowed(name: str, domain: Domain, line: ast.Domain, uses: list[Use], draft: Draft) -> Iterator[Diagnostic]:
    """The search reaches values that an argument refuses; said once for each argument."""
    for use in uses:
        if use.computed and use.formula is None:
            yield Diagnostic(
                "MLP0305", f"`${name}` stands inside of `{use.parameter.name}`, where a search cannot vary it",
                line.name_span, label="searched here", labels=_used(use), help="write the value there, without `$`",
            )  # fmt: skip
        elif not use.computed:
            yield from _bounds(name, _ends(domain), line, use) or _words(name, domain, line, use, draft)
        elif use.formula is not None:
            yield from _bounds(name, _ends(domain), line, use)


def _bounds(name: str, ends: Sequence[Any], line: ast.Domain, use: Use) -> list[Diagnostic]:
    """The first value of the domain of which the argument becomes one that it does not allow."""
    for end in ends:
        value = end if use.formula is None else evaluate(use.formula, {name: end})
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if use.parameter.allows(value) and not math.isnan(value):
            continue
        allowed = use.parameter.bounds()
        note = f"for `${name} = {value_text(end)}` it would be {'nothing' if math.isnan(value) else value_text(value)}"
        return [
            Diagnostic(
                "MLP0305", f"the search space of `${name}` leaves what `{use.parameter.name}` of `{use.owner}` allows",
                _range(line), label=f"allowed: {allowed}" if allowed and not use.computed else "searched here",
                labels=_used(use) if use.computed else (),
                notes=(f"allowed: {allowed}; {note}" if allowed else note,) if use.computed else (),
            )
        ]  # fmt: skip
    return []


def _words(name: str, domain: Domain, line: ast.Domain, use: Use, draft: Draft) -> Iterator[Diagnostic]:
    """Names of a list that the argument does not know, or that need arguments of their own."""
    items = line.value.items if isinstance(line.value, ast.List) else ()
    owner, type_ = f"`{use.parameter.name}` of `{use.owner}`", use.parameter.type
    for word, item in zip(domain[1] if items else (), items, strict=True):
        if not isinstance(word, str) or draft.params[name].type != "choice":
            continue
        if type_.name == "enum":
            choices = {choice.name: choice.parameters for choice in type_.choices}
        elif type_.name == "component" and type_.of is not None:
            choices = {d.name: d.parameters for d in draft.components.visible(type_.of)}
        else:
            continue
        if word not in choices:
            yield Diagnostic(
                "MLP0203", f"`{word}` is not a value of {owner}", item.span, label="searched here",
                labels=_used(use), help=did_you_mean(word, list(choices)) or one_of(choices),
            )  # fmt: skip
        elif lacking := [parameter.name for parameter in choices[word] if parameter.required]:
            yield Diagnostic(
                "MLP0115", f"`{word}` needs `{lacking[0]}`, which a search cannot give", item.span,
                label="searched here", labels=_used(use), help="leave it out of the list",
            )  # fmt: skip


def _used(use: Use) -> tuple[Label, ...]:
    return (Label(use.span, "used here"),) if use.span is not None else ()


def _rows(draft: Draft, name: str, line: ast.Domain) -> Diagnostic | None:
    """What decides which rows and columns there are is fixed while a search runs."""
    for block, span in places(draft, name):
        if block in _ROWS:
            return Diagnostic(
                "MLP0305", f"`${name}` decides about rows or columns and cannot be tuned", line.name_span,
                label="searched here", labels=(Label(span, f"used in `{block}`"),),
                help="trials on different data cannot be compared; compare such runs with `mldsl compare`",
            )  # fmt: skip
    return None


def _nowhere(draft: Draft, name: str, line: ast.Domain) -> Diagnostic:
    """Nothing that is trained depends on the param: every trial would be the same."""
    found = next(places(draft, name), None)
    if found is None:
        return Diagnostic(
            "MLP0305", f"`${name}` is used nowhere, so every trial would be the same", line.name_span,
            label="searched here", help=f"write `${name}` as an argument of a step or of an algorithm",
        )  # fmt: skip
    return Diagnostic(
        "MLP0305", f"`${name}` reaches no transform and no algorithm, so every trial would train the same",
        line.name_span, label="searched here", labels=(Label(found[1], f"used in `{found[0]}`"),),
        help=_INSTEAD.get(found[0], "search what steps and algorithms are given"),
    )  # fmt: skip


_INSTEAD = {
    "threshold": "`threshold = maximize(METRIC)` chooses the threshold on held-out rows",
    "stop_when": "give `stop_when` a number; it finds the number of rounds by itself",
}
