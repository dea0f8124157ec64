"""The abstract syntax: one class for each rule of the grammar, what was written and nothing more.

Why it exists: rules, plans and tools work on this instead of on text or on the parser's tree. Every node is frozen and
carries the place it came from (`span`); equality ignores places and spelling, so that a printed and reparsed program
equals the first. `kind` is the rule's name, as in the JSON form (`mldsl.syntax.json`). A node that was made by a
program rather than by the parser has the span `nowhere(file)`, whose line is 0.
"""

# ruff: noqa: RUF009  (`_place()` is a field, made anew for each class; the rule takes it for a shared default)
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from mldsl.source import Record, Span

EDITION = 1  # the newest edition of the language


def nowhere(file: str = "") -> Span:
    """The span of what was never text: line 0."""
    return Span(file, 0, 0, 0, 0)


def _place(of: str = "span") -> Any:
    """The span of a part that messages point at; where no one gives it, the span of the whole."""
    return attrs.field(eq=False, kw_only=True, default=attrs.Factory(lambda self: getattr(self, of), takes_self=True))


@attrs.frozen(eq=False, repr=False)
class Node(Record):
    """Anything with a place. Equality, hash and repr take the fields that carry meaning."""

    kind: ClassVar[str]

    span: Span = attrs.field(eq=False, kw_only=True)


# ---- expressions ------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class Number(Node):
    """`12  1_000  0.5  1e-3`: an int where neither point nor exponent is written. `text` is the spelling."""

    kind: ClassVar[str] = "number"

    value: int | float
    text: str = attrs.field(default="", eq=False, kw_only=True)


Dimension: TypeAlias = Literal["share", "duration", "size"]

# What each unit measures, and its factor to the base unit (a fraction, seconds, bytes): a number or a decimal exponent.
UNITS: dict[str, tuple[Dimension, float | str]] = {
    "%": ("share", "e-2"),
    "ms": ("duration", "e-3"),
    "s": ("duration", 1),
    "min": ("duration", 60),
    "h": ("duration", 3_600),
    "d": ("duration", 86_400),
    "w": ("duration", 604_800),
    "KB": ("size", "e3"),
    "MB": ("size", "e6"),
    "GB": ("size", "e9"),
}


@attrs.frozen(eq=False, repr=False)
class Quantity(Node):
    """`20%  30d  512MB`: `value` in the base unit (a fraction, seconds, bytes), `unit` as written."""

    kind: ClassVar[str] = "quantity"

    value: float
    unit: str
    text: str = attrs.field(default="", eq=False, kw_only=True)

    @property
    def dimension(self) -> Dimension:
        """What the unit measures."""
        return UNITS[self.unit][0]


@attrs.frozen(eq=False, repr=False)
class String(Node):
    """A quoted text, unescaped. `raw` says that it was written between triple quotes."""

    kind: ClassVar[str] = "string"

    value: str
    raw: bool = attrs.field(default=False, eq=False, kw_only=True)
    text: str = attrs.field(default="", eq=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Column(Node):
    """A column by its name. In an expression it was in backticks (a bare name is a `Ref`)."""

    kind: ClassVar[str] = "column"

    name: str
    quoted: bool = attrs.field(default=True, eq=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class ParamRef(Node):
    """`$lr`; `name` is without the dollar."""

    kind: ClassVar[str] = "param_ref"

    name: str


@attrs.frozen(eq=False, repr=False)
class Ref(Node):
    """A bare name, perhaps dotted: what it names depends on the position (language 4.2)."""

    kind: ClassVar[str] = "ref"

    name: tuple[str, ...]

    @property
    def dotted(self) -> str:
        """The name as written."""
        return ".".join(self.name)


@attrs.frozen(eq=False, repr=False)
class Call(Node):
    """`name(args)` inside an expression. `trailing_comma` keeps one argument per line, as the author wrote it."""

    kind: ClassVar[str] = "call"

    name: tuple[str, ...]
    args: tuple[Arg, ...] = ()
    trailing_comma: bool = attrs.field(default=False, eq=False, kw_only=True)
    name_span: Span = _place()

    @property
    def dotted(self) -> str:
        """The name as written."""
        return ".".join(self.name)


@attrs.frozen(eq=False, repr=False)
class List(Node):
    """`[a, b]`, or a map `["x" = 1]` when its items are `Named`."""

    kind: ClassVar[str] = "list"

    items: tuple[Arg, ...] = ()
    trailing_comma: bool = attrs.field(default=False, eq=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Range(Node):
    """`low..high`, inclusive at both ends."""

    kind: ClassVar[str] = "range"

    low: Expr
    high: Expr


@attrs.frozen(eq=False, repr=False)
class Binary(Node):
    """Arithmetic: `+ - * /`."""

    kind: ClassVar[str] = "binary"

    op: str
    left: Expr
    right: Expr
    op_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class Negate(Node):
    """`-operand`."""

    kind: ClassVar[str] = "negate"

    operand: Expr


@attrs.frozen(eq=False, repr=False)
class Power(Node):
    """`left ^ right`; binds to the right."""

    kind: ClassVar[str] = "power"

    left: Expr
    right: Expr


@attrs.frozen(eq=False, repr=False)
class Compare(Node):
    """`== != < <= > >=`, never chained."""

    kind: ClassVar[str] = "compare"

    op: str
    left: Expr
    right: Expr
    op_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class And(Node):
    """`left and right`."""

    kind: ClassVar[str] = "and"

    left: Expr
    right: Expr


@attrs.frozen(eq=False, repr=False)
class Or(Node):
    """`left or right`."""

    kind: ClassVar[str] = "or"

    left: Expr
    right: Expr


@attrs.frozen(eq=False, repr=False)
class Not(Node):
    """`not operand`."""

    kind: ClassVar[str] = "not"

    operand: Expr


@attrs.frozen(eq=False, repr=False)
class Interaction(Node):
    """`left:right`, meaningful only inside a formula."""

    kind: ClassVar[str] = "interaction"

    left: Expr
    right: Expr


@attrs.frozen(eq=False, repr=False)
class Formula(Node):
    """`left ~ right`, or `~ right` where the target is taken as it is."""

    kind: ClassVar[str] = "formula"

    left: Expr | None
    right: Expr


@attrs.frozen(eq=False, repr=False)
class Named(Node):
    """`key = value` among arguments: the key is a `Ref` of one name for an argument, else the key of a map."""

    kind: ClassVar[str] = "named"

    key: Ref | String | Number | Column
    value: Expr

    @property
    def name(self) -> str | None:
        """The argument's name; None where the key is a value of a map."""
        return self.key.name[0] if isinstance(self.key, Ref) else None


Expr: TypeAlias = (
    Number | Quantity | String | Column | ParamRef | Ref | Call | List | Range
    | Binary | Negate | Power | Compare | And | Or | Not | Interaction | Formula
)  # fmt: skip
Arg: TypeAlias = Expr | Named


# ---- parts of statements ----------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class Component(Node):
    """A thing a plugin provides, `name(args)`; a line of a block, or the head of a step or metric."""

    kind: ClassVar[str] = "component"

    name: tuple[str, ...]
    args: tuple[Arg, ...] = ()
    trailing_comma: bool = attrs.field(default=False, eq=False, kw_only=True)
    name_span: Span = _place()

    @property
    def dotted(self) -> str:
        """The name as written."""
        return ".".join(self.name)


@attrs.frozen(eq=False, repr=False)
class Type(Node):
    """A column's or param's type: `continuous`, `binary("no", "yes")`, with `?` if values may be missing."""

    kind: ClassVar[str] = "type"

    name: str
    args: tuple[Arg, ...] = ()
    missing: bool = False
    trailing_comma: bool = attrs.field(default=False, eq=False, kw_only=True)
    name_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class Columns(Node):
    """The left side of a feature: column names, and strings, which are globs."""

    kind: ClassVar[str] = "columns"

    items: tuple[Column | String, ...]


# ---- lines of blocks --------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class Setting(Node):
    """`name = value`, a word of the language with its value."""

    kind: ClassVar[str] = "setting"

    name: str
    value: Expr
    name_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class Feature(Node):
    """`columns: type = value in range as role`; `value` computes the column from others of its row."""

    kind: ClassVar[str] = "feature"

    columns: Columns
    type: Type
    value: Expr | None = None
    range: Expr | None = None
    role: str | None = None
    doc: str | None = None
    role_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class Step(Node):
    """`component on columns` of `transforms`."""

    kind: ClassVar[str] = "step"

    component: Component
    on: Expr


@attrs.frozen(eq=False, repr=False)
class Derive(Node):
    """`name = value` of `transforms`: a column computed from others of its row."""

    kind: ClassVar[str] = "derive"

    name: str
    value: Expr
    doc: str | None = None
    name_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class Domain(Node):
    """`$name in value` of `tune`."""

    kind: ClassVar[str] = "domain"

    name: str
    value: Expr
    name_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class Metric(Node):
    """`component >= bound as role`; the comparison makes it a gate."""

    kind: ClassVar[str] = "metric"

    component: Component
    op: str | None = None
    bound: Expr | None = None
    role: str | None = None
    op_span: Span = _place()
    role_span: Span = _place()


# ---- items of a file --------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class Use(Node):
    """`use plugin "1.2"`."""

    kind: ClassVar[str] = "use"

    name: tuple[str, ...]
    version: str | None = None
    doc: str | None = None
    name_span: Span = _place()
    version_span: Span = _place()

    @property
    def dotted(self) -> str:
        """The name as written."""
        return ".".join(self.name)


@attrs.frozen(eq=False, repr=False)
class Include(Node):
    """`include "shared/base.mlp"`."""

    kind: ClassVar[str] = "include"

    path: str
    doc: str | None = None
    path_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class Param(Node):
    """`param name: type = default in domain`."""

    kind: ClassVar[str] = "param"

    name: str
    type: Type
    default: Expr | None = None
    domain: Expr | None = None
    doc: str | None = None
    name_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class _Block(Node):
    """What all blocks share. `keyword_span` is the place of the opening word, for messages about the whole block."""

    doc: str | None = attrs.field(default=None, kw_only=True)
    keyword_span: Span = _place()


@attrs.frozen(eq=False, repr=False)
class _NamedBlock(_Block):
    """A block that may have a name; `name_span` is the keyword's place where there is none."""

    name: str | None = attrs.field(default=None, kw_only=True)
    name_span: Span = _place("keyword_span")


@attrs.frozen(eq=False, repr=False)
class Data(_Block):
    """`data { ... }`."""

    kind: ClassVar[str] = "data"

    body: tuple[Component | Setting, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Features(_Block):
    """`features { ... }`."""

    kind: ClassVar[str] = "features"

    body: tuple[Feature, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Transforms(_NamedBlock):
    """`transforms name { ... }`."""

    kind: ClassVar[str] = "transforms"

    body: tuple[Step | Derive, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Network(_NamedBlock):
    """`network name { ... }`; it always has a name."""

    kind: ClassVar[str] = "network"

    body: tuple[Component, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Split(_Block):
    """`split { ... }`."""

    kind: ClassVar[str] = "split"

    body: tuple[Setting, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Model(_NamedBlock):
    """`model name { ... }`."""

    kind: ClassVar[str] = "model"

    body: tuple[Component | Setting, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Tune(_Block):
    """`tune { ... }`."""

    kind: ClassVar[str] = "tune"

    body: tuple[Setting | Domain, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Metrics(_Block):
    """`metrics { ... }`."""

    kind: ClassVar[str] = "metrics"

    body: tuple[Metric, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Report(_Block):
    """`report { ... }`."""

    kind: ClassVar[str] = "report"

    body: tuple[Component, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Export(_Block):
    """`export { ... }`."""

    kind: ClassVar[str] = "export"

    body: tuple[Component, ...] = ()


Block: TypeAlias = (
    Data | Features | Transforms | Network | Split | Model | Tune | Metrics | Report | Export
)  # fmt: skip
Line: TypeAlias = Component | Setting | Feature | Step | Derive | Domain | Metric
Item: TypeAlias = Use | Include | Param | Block


@attrs.frozen
class Comment:
    """A comment as written, `#` included. `own_line` says that nothing but spaces stands before it."""

    text: str
    span: Span
    own_line: bool


@attrs.frozen
class Program:
    """One file. `edition` is None where the line is absent. Comments are kept for the printer and for no one else.

    `lost` has the kinds of items (`features`, `param`...) of which something did not parse: what such an item defines
    may be missing here, so that nobody should call its names unknown.
    """

    items: tuple[Item, ...]
    edition: int | None = None
    file: str = attrs.field(default="", eq=False)
    edition_span: Span | None = attrs.field(default=None, eq=False)
    comments: tuple[Comment, ...] = attrs.field(default=(), eq=False)
    lost: frozenset[str] = attrs.field(default=frozenset(), eq=False)

    def of(self, *kinds: type[Node]) -> tuple[Item, ...]:
        """The items of these classes, in the order of the file."""
        return tuple(item for item in self.items if isinstance(item, kinds))


def children(node: Node) -> Iterator[Node]:
    """The nodes directly inside `node`, in the order of its fields."""
    for field in attrs.fields(type(node)):
        value = getattr(node, field.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, Node))


def walk(node: Node) -> Iterator[Node]:
    """`node` and all nodes inside it, parents first, in the order of the text."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))
