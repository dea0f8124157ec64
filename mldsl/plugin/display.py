"""Tables and figures as data: what every report computes, and what every renderer (text, CSV, SVG, HTML) draws.

Arrays are held, never touched, so this module imports no array library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol

import attrs


class Values(Protocol):
    """A sequence or a one-dimensional array of cells or coordinates."""

    def __len__(self) -> int:
        """How many."""

    def __iter__(self) -> Iterator[Any]:
        """One after the other."""


@attrs.frozen
class Column:
    """A column of a table: its name, its cells (numbers, texts, None), how to print them, its unit.

    `format` is "text", "integer", "number" (4 significant digits), "share" (percent) or "p" (a p-value). `depth` says
    of each cell of text how far it is set in, where rows are the nodes of a tree; files hold the cells as they are.
    """

    name: str
    values: Values
    format: Literal["text", "integer", "number", "share", "p"] = "number"
    unit: str = ""
    depth: Sequence[int] = ()


@attrs.frozen
class Table:
    """Named columns of equal length. `name` tells several tables of one report apart ("" for the first)."""

    title: str
    columns: Sequence[Column]
    name: str = ""
    note: str = ""


@attrs.frozen
class Series:
    """One line, cloud, set of bars or band of a figure: `y` over `x`; `low` and `high` draw a band or error bars.

    They run along `y`, or along `x` where `y` holds categories: then bars and error bars lie on their side. `labels`
    stand beside points, one each; keep them to a few. `offset` moves points off their category, by shares (-0.5..0.5)
    of its room, so that many can be told apart. Lines that are muted and have no name are thin: there may be many.
    """

    x: Values
    y: Values
    name: str = ""
    low: Values | None = None
    high: Values | None = None
    mark: Literal["line", "step", "points", "bars", "band"] = "line"
    emphasis: Literal["normal", "muted", "reference"] = "normal"
    labels: Sequence[str] = ()
    offset: Values | None = None


@attrs.frozen
class Field:
    """A plane of cells behind the marks of a panel: in each the name that holds there, and how strongly.

    `x`, `y` are the middles of evenly spaced cells; `which[j][i]` is the place in `names` of what holds at y[j] and
    x[i], `strength[j][i]` (0..1) how strongly. A name has the hue of the series of that name.
    """

    x: Values
    y: Values
    which: Sequence[Sequence[int]]
    strength: Sequence[Sequence[float]]
    names: Sequence[str]


@attrs.frozen
class Box:
    """A node of a `Diagram`: `head` in strong type, `lines` below it, and a bar of `shares` in the hues of the names.

    `parent` is the place of a box before this one, -1 for the root; `edge` stands at the line from there, which is the
    thicker the nearer `flow` (0..1) is to 1. `which`, a place in the diagram's names, and `strength` (0..1) colour the
    box, unless it is -1. `more` says what is left out below it. `title` is shown when the mouse rests on the box.
    """

    head: str
    lines: Sequence[str] = ()
    parent: int = -1
    edge: str = ""
    flow: float = 0.0
    shares: Sequence[float] = ()
    which: int = -1
    strength: float = 0.0
    more: str = ""
    title: str = ""


@attrs.frozen
class Diagram:
    """A tree of boxes, in place of axes; `names` have a hue each. The renderer lays it out."""

    boxes: Sequence[Box]
    names: Sequence[str] = ()


@attrs.frozen
class Panel:
    """One pair of axes, or a diagram. `x_kind`/`y_kind`: "number", "log", "category". `square` keeps equal scales."""

    x: str
    y: str
    series: Sequence[Series] = ()
    title: str = ""
    x_kind: Literal["number", "log", "category"] = "number"
    y_kind: Literal["number", "log", "category"] = "number"
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    square: bool = False
    heatmap: Sequence[Sequence[float]] | None = None  # rows over columns; labels are x_labels and y_labels
    x_labels: Sequence[str] = ()
    y_labels: Sequence[str] = ()
    cell_format: Literal["integer", "number", "share"] = "number"
    field: Field | None = None  # behind the series, on axes of numbers
    diagram: Diagram | None = None


@attrs.frozen
class Figure:
    """One or more panels side by side. `name` tells several figures of one report apart ("" for the first).

    `alt` says in a sentence what the picture shows, for those who cannot see it.
    """

    title: str
    panels: Sequence[Panel]
    alt: str
    name: str = ""


@attrs.frozen
class ReportOutput:
    """What a report gives: tables, figures, sentences of plain words, warnings."""

    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
