"""The columns that a line can see, and which of them a column position picks (language 2, "Column positions")."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import attrs

from mldsl.plan.model import ColumnPlan, ColumnState
from mldsl.plugin.declaration import COLUMN_TYPES
from mldsl.semantics.findings import Findings
from mldsl.semantics.names import did_you_mean
from mldsl.source import Span
from mldsl.syntax import ast

UNKNOWN_TYPE = "unknown"  # what failed elsewhere: compatible with everything
NUMERIC = ("continuous", "integer")
_LISTED = 10  # columns that a message names
TYPE_WORDS = (*COLUMN_TYPES, "numeric")


def types_of(word: str) -> tuple[str, ...]:
    """The column types that a type word selects."""
    return NUMERIC if word == "numeric" else (word,)


def matches(glob: str, name: str) -> bool:
    """Whether a name fits a glob; `*` stands for anything, `?` for one character, `[ab]` for one of these."""
    if glob == "*" or glob == name:
        return True
    from fnmatch import fnmatchcase

    return fnmatchcase(name, glob)


@attrs.frozen(eq=False, repr=False)
class Known:
    """A column at one line. `origin` is where it was declared or made; `input` whether a model would get it."""

    state: ColumnState
    input: bool
    origin: Span | None = None

    @property
    def name(self) -> str:
        """Its name, or the glob that stands for several."""
        return self.state.name

    @property
    def type(self) -> str:
        """Its column type, or "unknown"."""
        return self.state.type


@attrs.frozen(eq=False, repr=False)
class Picked:
    """A column that a position named, and the place that named it."""

    known: Known
    span: Span

    @property
    def name(self) -> str:
        """The column's name."""
        return self.known.name


@attrs.frozen(eq=False, repr=False)
class Frame:
    """The columns present at one line, in order.

    `gone` are those that a step replaced, with the place that did it.

    `blurred` says that a line could not be read, so that a column may be missing here through no fault of the file.
    """

    columns: dict[str, Known] = attrs.field(factory=dict)
    gone: dict[str, Span | None] = attrs.field(factory=dict)
    blurred: bool = False

    @classmethod
    def of(cls, columns: Iterable[ColumnPlan], *, never_inputs: Iterable[str] = (), blurred: bool = False) -> Frame:
        """The columns of `features`, as they are read."""
        barred = set(never_inputs)
        known = {
            c.name: Known(
                ColumnState(c.name, c.type, c.missing, c.levels, c.pattern),
                c.role == "input" and c.name not in barred,
                c.span,
            )
            for c in columns
        }
        return cls(known, blurred=blurred)

    def __iter__(self) -> Iterator[Known]:
        """The columns in order."""
        return iter(self.columns.values())

    def find(self, name: str) -> Known | None:
        """The column of that name, or one that a glob may stand for."""
        if name in self.columns:
            return self.columns[name]
        for known in self.columns.values():
            if known.state.pattern and matches(known.name, name):
                return attrs.evolve(known, state=attrs.evolve(known.state, name=name, pattern=False))
        return None

    def inputs(self) -> list[Known]:
        """What a model would get, in order."""
        return [known for known in self.columns.values() if known.input]

    def states(self) -> tuple[ColumnState, ...]:
        """The inputs as the plan shows them."""
        return tuple(known.state for known in self.inputs())

    def without_types(self, names: Collection[str]) -> Frame:
        """The same columns, but these of unknown type: what is wrong about them is said elsewhere."""
        if not any(name in self.columns for name in names):
            return self
        columns = dict(self.columns)
        for name in names:
            if name in columns:
                state = attrs.evolve(columns[name].state, type=UNKNOWN_TYPE, missing=False, levels=None)
                columns[name] = attrs.evolve(columns[name], state=state)
        return attrs.evolve(self, columns=columns)

    def unknown(self, name: str, span: Span, findings: Findings, *, words: bool = False) -> None:
        """MLP0105 for a name that no column has."""
        if self.blurred:
            return
        notes: tuple[str, ...] = ()
        if name in self.gone:
            place = self.gone[name]
            notes = (f"line {place.line} replaced it" if place is not None else "an earlier step replaced it",)
        candidates = [known.name for known in self if not known.state.pattern]
        help_text = did_you_mean(name, [*candidates, *(TYPE_WORDS if words else ())])
        if help_text is None and not notes:
            listed = ", ".join(candidates[:_LISTED]) + (", ..." if len(candidates) > _LISTED else "")
            help_text = f"columns here: {listed}" if listed else "declare it in `features`"
        findings.error("MLP0105", f"unknown column `{name}`", span, notes=notes, help=help_text)


def pick(node: ast.Expr, frame: Frame, findings: Findings) -> list[Picked]:
    """The columns that an expression in a column position names, in its order, each once."""
    items = list(node.items) if isinstance(node, ast.List) else [node]
    chosen: dict[str, Picked] = {}
    excluded: set[str] = set()
    for item in items:
        if isinstance(item, ast.Negate):
            excluded.update(picked.name for picked in _pick_one(item.operand, frame, findings))
        else:
            for picked in _pick_one(item, frame, findings):
                chosen.setdefault(picked.name, picked)
    if items and all(isinstance(item, ast.Negate) for item in items):
        findings.error(
            "MLP0201", "there is nothing to leave these columns out of", node.span,
            help='name what to take first: `["*", -x]` or `[numeric, -x]`',
        )  # fmt: skip
    return [picked for name, picked in chosen.items() if name not in excluded]


def _pick_one(node: ast.Arg, frame: Frame, findings: Findings) -> list[Picked]:
    match node:
        case ast.Ref(name=(name,)) | ast.Column(name=name):
            if isinstance(node, ast.Ref) and name in TYPE_WORDS and name not in frame.columns:
                return [Picked(known, node.span) for known in frame.inputs() if known.type in types_of(name)]
            found = frame.find(name)
            if found is not None:
                return [Picked(found, node.span)]
            frame.unknown(name, node.span, findings, words=isinstance(node, ast.Ref))
        case ast.String():
            return _pick_glob(node, frame, findings)
        case ast.List():
            return [picked for item in node.items for picked in _pick_one(item, frame, findings)]
        case _:
            findings.error(
                "MLP0201", "expected columns here", node.span,
                help='a column, a type such as `numeric`, a glob such as `"x*"`, or a list of these',
            )  # fmt: skip
    return []


def _pick_glob(node: ast.String, frame: Frame, findings: Findings) -> list[Picked]:
    found = [Picked(known, node.span) for known in frame.inputs() if overlap(node.value, known)]
    if not found and not frame.blurred:
        findings.error(
            "MLP0105", f'no input matches `"{node.value}"`', node.span,
            help=did_you_mean(node.value, (known.name for known in frame if not known.state.pattern)),
        )  # fmt: skip
    # A narrower glob than the declared one: `on "pixel_*"` where features say `"*"`.
    return [
        Picked(attrs.evolve(p.known, state=attrs.evolve(p.known.state, name=node.value)), p.span)
        if p.known.state.pattern and not matches(node.value, p.name) else p
        for p in found
    ]  # fmt: skip


def overlap(glob: str, known: Known) -> bool:
    """Whether a glob takes a column, or may take some of those that a declared glob stands for."""
    if not known.state.pattern:
        return matches(glob, known.name)
    other = known.name
    if glob == other or matches(glob, other) or matches(other, glob):
        return True
    # Two patterns share a name only if their fixed beginnings and ends agree as far as both go.
    head, tail = glob.split("*", 1)[0], glob.rsplit("*", 1)[-1]
    other_head, other_tail = other.split("*", 1)[0], other.rsplit("*", 1)[-1]
    heads = head.startswith(other_head) or other_head.startswith(head)
    return heads and (tail.endswith(other_tail) or other_tail.endswith(tail))
