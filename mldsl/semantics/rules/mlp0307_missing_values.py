"""Missing values reach a step or a model that refuses them.

## What it does

Follows every column declared with `?` through the transforms. `impute` removes the question mark; a column computed
from one that may be missing may be missing, too.

## Why is this bad?

Most algorithms have no meaning for an absent number. Dropping such rows in silence would change the question, and
filling them in silence would change the answer: the file says what is done.

## Example

```mlp
mlp 1
data { csv("titanic.csv") }
features {
  survived: binary as target
  age: continuous? in 0..100
}
model { logistic_regression }
```

## Use instead

```mlp
mlp 1
data { csv("titanic.csv") }
features {
  survived: binary as target
  age: continuous? in 0..100
}
transforms { impute(median) on age }
model { logistic_regression }
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mldsl.diagnostics.diagnostic import Diagnostic, Label
from mldsl.plugin.condition import in_words
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.arguments import Resolved, condition_holds
from mldsl.semantics.draft import Draft
from mldsl.semantics.flow import takes
from mldsl.semantics.frame import NUMERIC, UNKNOWN_TYPE, Known
from mldsl.semantics.rules._words import columns_text, familiar, listed

# More columns than this are named by their type.
_NAMED = 3


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Steps first, then the models behind them."""
    for move in draft.all_moves():
        refused = move.refused_missing()
        if refused and move.declaration is not None and move.resolved is not None:
            columns = [picked.known for picked in refused]
            yield _message(draft, move.declaration.name, columns, move.resolved, "step")
    for model in draft.learners() if "transforms" not in draft.lost else ():
        declaration = model.declaration
        if declaration is None or model.algorithm is None or _accepts(declaration, model.algorithm):
            continue
        found = [
            known for known in (model.matrix if model.design is None else model.design.sources())
            if known.state.missing and known.type != UNKNOWN_TYPE
            and (model.formula is not None or not declaration.accepts or takes(declaration.accepts, known.type))
        ]  # fmt: skip
        if found:
            yield _message(draft, declaration.name, found, model.algorithm, "model")


def _accepts(declaration: Declaration, resolved: Resolved) -> bool:
    """Whether the model takes missing values, as it is set."""
    if declaration.missing == "refuses":
        return False
    values = dict(resolved.value.args) if resolved.value is not None else {}
    return condition_holds(declaration.missing_if, values)


def _message(draft: Draft, name: str, columns: Sequence[Known], resolved: Resolved, what: str) -> Diagnostic:
    names = [known.name for known in columns]
    return Diagnostic(
        "MLP0307", f"`{name}` cannot work on missing values", resolved.span,
        label=f"{listed(names)} may still be missing here",
        labels=tuple(_origin(draft, known) for known in columns[:_NAMED] if known.origin is not None),
        help=_remedy(draft, columns, resolved, what),
    )  # fmt: skip


def _origin(draft: Draft, known: Known) -> Label:
    assert known.origin is not None
    declared = draft.features.columns.get(known.name)
    if declared is not None and declared.missing and declared.computed is None:
        return Label(known.origin, "declared with `?`")
    return Label(known.origin, "computed from what may be missing")


def _remedy(draft: Draft, columns: Sequence[Known], resolved: Resolved, what: str) -> str:
    numbers = [known for known in columns if known.type in NUMERIC]
    others = [known for known in columns if known.type not in NUMERIC]
    steps = [_step("median", numbers, "numeric")] if numbers else []
    steps += [_step("most_frequent", others, others[0].type)] if others else []
    where = "to `transforms`" if what == "model" else "before this step"
    help_text = f"add {' and '.join(steps)} {where}"
    own = resolved.declaration.missing_if if what == "model" and resolved.declaration is not None else ""
    if own:
        return f"{help_text}, or write {in_words(own)}, which leaves them out"
    if what == "model":
        accepting = [
            d.name for d in draft.components.visible("model")
            if d.missing == "accepts" and not d.missing_if and not d.follows and draft.verb in d.tasks
            and all(takes(d.accepts, known.type) for known in columns)
        ]  # fmt: skip
        accepting = [name for name in accepting if name != "constant"]  # a baseline is no remedy
        if accepting:
            help_text += f", or use a model that accepts missing values ({familiar(accepting, 2)})"
    return help_text


def _step(how: str, columns: Sequence[Known], word: str) -> str:
    on = columns_text([known.name for known in columns]) if len(columns) <= _NAMED else word
    return f"`impute({how}) on {on}`"
