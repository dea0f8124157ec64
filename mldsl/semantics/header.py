"""The header of the data against the columns that `features` declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from mldsl.diagnostics.diagnostic import Label
from mldsl.plan.model import ColumnPlan
from mldsl.semantics.draft import SourceDraft
from mldsl.semantics.features import Features
from mldsl.semantics.names import did_you_mean
from mldsl.semantics.scope import Scope

# The columns of each source, by its part: data, train, validation, test, users, items.
Header = Mapping[str, Sequence[str]]

# More absent columns than this are counted.
_NAMED = 5
# Sources that hold rows; the others are joined to them.
_ROWS = ("data", "train", "validation", "test")


def names_of(header: Header) -> list[str]:
    """All columns of the data, in its order."""
    return list(dict.fromkeys(name for names in header.values() for name in names))


def absent_columns(features: Features, header: Header, sources: Sequence[SourceDraft], scope: Scope) -> None:
    """MLP0413, all in one message for each source: declared columns that it does not have."""
    joined = {name for part, names in header.items() if part not in _ROWS for name in names}
    for part, names in header.items():
        if part not in _ROWS:
            continue
        present = set(names) | joined
        absent = [c for c in features.columns.values() if c.computed is None and c.name not in present]
        absent = [c for c in absent if c.name not in features.rows]
        if absent:
            _report(absent, list(names), _called(part, sources), scope)


def _called(part: str, sources: Sequence[SourceDraft]) -> str:
    """The source as messages name it: its first text argument, such as the name of a file."""
    for source in sources:
        if source.part == part and source.resolved.value is not None:
            values = [value for _, value in source.resolved.value.args]
            values = [item for value in values for item in (value if isinstance(value, tuple) else (value,))]
            texts = [value for value in values if isinstance(value, str) and value]
            return PurePath(texts[0]).name if texts else source.resolved.name
    return part


def _report(absent: list[ColumnPlan], names: list[str], source: str, scope: Scope) -> None:
    first = absent[0]
    shown = [f"`{column.name}`" for column in absent[:_NAMED]]
    rest = len(absent) - len(shown)
    listed = ", ".join(shown) + (f" and {rest} more" if rest else "")
    near = _other_delimiter(names) or did_you_mean(first.name, names)
    has = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    scope.findings.error(
        "MLP0413", f"{listed} {'is' if len(absent) == 1 else 'are'} not in `{source}`", first.span,
        labels=tuple(Label(column.span, "nor this") for column in absent[1:_NAMED] if column.span is not None),
        notes=(f"its columns: {has}",), help=near,
    )  # fmt: skip


def _other_delimiter(names: list[str]) -> str | None:
    """A single column whose name holds a delimiter is a header that was not parted."""
    signs = [sign for sign in ";\t|," if len(names) == 1 and sign in names[0]]
    written = signs[0].replace("\t", r"\t") if signs else ""
    return f'is the delimiter another one? write `delimiter = "{written}"`' if signs else None
