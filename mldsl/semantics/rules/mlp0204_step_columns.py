"""A step does not work on this column type.

## What it does

Compares the type of every column that a step works on with the types that the step declares, and the operands of
operators and row functions with the types that these take. A step that takes or leaves whole rows, such as
`downsample`, works on all inputs: `on "*"`.

## Why is this bad?

A mean of cities or the logarithm of a date means nothing. Nothing is converted behind the reader's back: text is never
read as a number, and no condition counts as 0 or 1. Nor is a sparse matrix (the words of a text) made dense: centred,
its zeros would become numbers, and 50,000 texts times a million words do not fit in memory.

## Example

```mlp
mlp 1
data { csv("flats.csv") }
features {
  rent: continuous as target
  area: continuous
  city: categorical
}
transforms { standardize on [area, city] }
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
transforms {
  standardize on area
  one_hot on city
}
model { ridge }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic, Fix
from mldsl.plugin.declaration import COLUMN_TYPES
from mldsl.semantics.draft import Draft
from mldsl.semantics.flow import Move
from mldsl.semantics.frame import NUMERIC, matches
from mldsl.semantics.rules._words import columns_text, listed
from mldsl.syntax import ast


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Each place of `on` that picks columns which the step does not take."""
    for move in draft.all_moves():
        yield from _whole_rows(move)
        yield from _sparse(move)
        declaration, refused = move.declaration, move.refused()
        if declaration is None or not refused:
            continue
        for span in dict.fromkeys(picked.span for picked in refused):
            here = [picked for picked in refused if picked.span == span]
            types = list(dict.fromkeys(picked.known.type for picked in here))
            which = "which is" if len(here) == 1 else "which are"
            help_text = None
            if declaration.resamples:
                help_text = "write `on numeric`: other columns are taken over from the row itself"
            elif set(declaration.accepts) <= {*NUMERIC, "binary"} and types == ["categorical"]:
                help_text = "`one_hot` makes binary columns of a categorical one"
            yield Diagnostic(
                "MLP0204",
                f"`{declaration.name}` does not work on {listed([p.name for p in here])}, {which} {listed(types)}",
                span, notes=(f"it takes {', '.join(declaration.accepts)}",), help=help_text,
            )  # fmt: skip


def _sparse(move: Move) -> Iterator[Diagnostic]:
    """Steps that would make a sparse matrix dense, and computed columns that read one of its columns."""
    refused, declaration = move.refused_sparse(), move.declaration
    for span in dict.fromkeys(picked.span for picked in refused) if declaration is not None else ():
        names = [picked.name for picked in refused if picked.span == span]
        others = [picked.name for picked in move.on if picked.name not in {p.name for p in refused}]
        left = ", ".join(f"-{columns_text([name])}" for name in names)
        ways = "a line above the step that makes them sparse" if others else "a step that takes sparse columns"
        word = move.node.on.dotted if isinstance(move.node, ast.Step) and isinstance(move.node.on, ast.Ref) else ""
        yield Diagnostic(
            "MLP0204",
            f"`{declaration.name}` would make {listed(names)} dense, which {'is' if len(names) == 1 else 'are'} sparse",  # type: ignore[union-attr]
            span,
            notes=("of a sparse column only what is not 0 is kept; dense, such a matrix may not fit in memory",),
            help=f"write `on [{word}, {left}]`, or use {ways}" if word and others else f"leave them out, or use {ways}",
        )
    if declaration is not None and declaration.sparse and not declaration.selects:
        for picked in move.on:
            if picked.known.state.sparse and picked.name not in move.before.columns:
                whole = next(k.name for k in move.before if k.state.sparse and matches(k.name, picked.name))
                yield Diagnostic(
                    "MLP0204", f"`{declaration.name}` works on all columns of a sparse matrix, not on some of them",
                    picked.span, help=f'write `on "{whole}"`, after a line that leaves out the others with `keep`',
                )  # fmt: skip
    if isinstance(move.node, ast.Derive):
        for name, span in move.uses:
            known = move.before.find(name)
            if known is not None and known.state.sparse:
                yield Diagnostic(
                    "MLP0204", f"a computed column cannot read `{name}`, which is a column of a sparse matrix", span,
                    help="compute from the columns that it was made of, in a line above",
                )  # fmt: skip


def _whole_rows(move: Move) -> Iterator[Diagnostic]:
    """A step that changes how often rows count, whatever they hold, and an `on` that names some of their columns."""
    declaration = move.declaration
    if declaration is None or not isinstance(move.node, ast.Step) or move.before.blurred:
        return
    if not declaration.resamples or not set(COLUMN_TYPES) <= set(declaration.accepts):
        return
    named = {picked.name for picked in move.on}
    if named and (left := [known.name for known in move.before.inputs() if known.name not in named]):
        yield Diagnostic(
            "MLP0204", f"`{declaration.name}` works on whole rows, and {listed(left)} would be left out",
            move.node.on.span, help='write `on "*"`', fix=Fix(move.node.on.span, '"*"'),
        )  # fmt: skip
