"""A model does not take this column type.

## What it does

Compares the columns that reach a model with the types that it accepts.

## Why is this bad?

A linear model multiplies its inputs, so it cannot multiply a city. Nothing is encoded behind the reader's back, because
how it is done decides what the coefficients mean. The words of a text make a sparse matrix, which is not made dense for
a model that cannot take it as it is.

## Example

```mlp
mlp 1
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
  city: categorical
}
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

from mldsl.diagnostics.diagnostic import Diagnostic, Fix, Label
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.draft import Draft, ModelDraft
from mldsl.semantics.flow import takes
from mldsl.semantics.frame import Known
from mldsl.semantics.rules._insert import add_step
from mldsl.semantics.rules._words import columns_text, familiar, listed

# What turns each type into numbers, the first that is installed.
_REMEDIES = {
    "categorical": ("one_hot", "target_encode", "ordinal_encode"), "ordinal": ("one_hot",), "binary": (),
    "text": ("tfidf", "count_words", "hash_words"), "time": ("date_parts",),
}  # fmt: skip


def check(draft: Draft) -> Iterator[Diagnostic]:
    """One message for each model and each type that it does not take."""
    for model in draft.learners() if "transforms" not in draft.lost else ():
        declaration = model.declaration
        if (
            declaration is None
            or not declaration.accepts
            or model.formula is not None
            or _other_task(draft, declaration)
        ):
            continue
        refused: dict[str, list[Known]] = {}
        for known in model.matrix:
            if not takes(declaration.accepts, known.type):
                refused.setdefault(known.type, []).append(known)
        for type_, columns in refused.items():
            yield _message(draft, model, declaration, type_, columns)
        sparse = [known for known in model.matrix if known.state.sparse and known.type not in refused]
        if sparse and not declaration.sparse:
            yield _dense_only(draft, model, declaration, sparse)


def _other_task(draft: Draft, declaration: Declaration) -> bool:
    """Whether the model is wrong anyway (MLP0310)."""
    return draft.task is not None and draft.verb not in declaration.tasks


def _message(draft: Draft, model: ModelDraft, declaration: Declaration, type_: str, columns: list[Known]) -> Diagnostic:
    assert model.algorithm is not None
    names = [known.name for known in columns]
    help_text, fix = _remedy(draft, model, type_, names)
    labels = tuple(Label(known.origin, f"`{type_}`") for known in columns[:3] if known.origin is not None)
    return Diagnostic(
        "MLP0311", f"`{declaration.name}` does not take `{type_}` columns", model.algorithm.span,
        label=f"{listed(names)} would reach it", labels=labels, help=help_text, fix=fix,
    )  # fmt: skip


def _dense_only(draft: Draft, model: ModelDraft, declaration: Declaration, columns: list[Known]) -> Diagnostic:
    """A model that wants every cell, and columns of which only those that are not 0 are kept."""
    assert model.algorithm is not None
    visible = [d for d in draft.components.visible("model") if draft.verb in d.tasks and not d.follows]
    takers = [d.name for d in visible if d.sparse]
    ways = [f"use a model that takes them ({familiar(takers, 4)})"] if takers else []
    names = [known.name for known in columns]
    if draft.components.get("transform", "truncated_svd") is not None:
        ways.append(f"add `truncated_svd on {columns_text(names)}`, which makes a few dense columns of them")
    labels = tuple(Label(known.origin, "sparse") for known in columns[:3] if known.origin is not None)
    return Diagnostic(
        "MLP0311", f"`{declaration.name}` does not take sparse columns", model.algorithm.span,
        label=f"{listed(names)} would reach it", labels=labels,
        notes=("of a sparse column only what is not 0 is kept; dense, such a matrix may not fit in memory",),
        help=", or ".join(ways) or f"leave them out: `drop on {columns_text(names)}`",
    )  # fmt: skip


def _remedy(draft: Draft, model: ModelDraft, type_: str, names: list[str]) -> tuple[str | None, Fix | None]:
    step = next((name for name in _REMEDIES.get(type_, ()) if draft.components.get("transform", name)), None)
    if step is not None:
        help_text = f"add `{step} on {type_}` to `transforms`"
        fix = add_step(draft, model.whole or model, f"{step} on {type_}", safe=step == "one_hot")
        return help_text, fix
    if type_ == "id":
        return f"declare {listed(names)} `as key` to copy it to predictions, or `as ignore`", None
    visible = [d for d in draft.components.visible("model") if draft.verb in d.tasks and not d.follows]
    takers = [d.name for d in visible if type_ in d.accepts]
    if takers:
        return f"use a model that takes them ({familiar(takers, 3)}), or leave the columns out of `features`", None
    return "leave the columns out of `features`, or declare them `as ignore`", None
