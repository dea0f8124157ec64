"""One pair of axes as SVG elements: where the frame lies, ticks and grid, and the marks inside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

import attrs

from mldsl.plugin.display import Panel, Series, Values
from mldsl.report.axis import Scale, shorten, spread, text_width
from mldsl.report.diagram import diagram_size, draw_diagram
from mldsl.report.field import cells_of, extent
from mldsl.report.format import plain
from mldsl.report.marks import (
    Drawn,
    at,
    cell_text_size,
    colour_key,
    draw,
    heatmap,
    label_height,
    label_size,
    labels_below,
)

SIZE = 12.0
_RIGHT = 12.0
_KEY = 30.0  # the key of a heatmap without numbers
_ORDER = {"bars": 0, "band": 2, "line": 3, "step": 3, "points": 4}


@attrs.frozen
class Axes:
    """Scales and the rectangle they draw in; names are those of category axes, else empty."""

    x: Scale
    y: Scale
    x_names: list[str]
    y_names: list[str]
    left: float
    right: float
    top: float
    bottom: float

    @property
    def step(self) -> float:
        """The width of one category."""
        return (self.right - self.left) / max(len(self.x_names), 1)


def panel_size(panel: Panel, count: int) -> tuple[float, float]:
    """Width and height: one panel is large, many are small; heatmaps and category lists grow with their rows."""
    if panel.diagram is not None:
        width, height = diagram_size(panel.diagram)
        return width, height + _top(panel)
    width, height = (560.0, 340.0) if count == 1 else (420.0, 280.0) if count in (2, 4) else (340.0, 230.0)
    if panel.heatmap is not None:
        rows, columns = len(panel.heatmap), max(len(panel.x_labels), 1)
        left = _room_for(panel.y_labels, width)
        longest = max((text_width(str(label), SIZE) for label in panel.x_labels), default=0.0)
        wide = max(58.0 if count == 1 else 46.0, min(longest + 10, 110.0))
        width = min(760.0 if count == 1 else width, max(220.0, left + _RIGHT + columns * wide))
        step = (width - left - _RIGHT) / columns
        tall = min(54.0 if rows <= 12 else 22.0, max(6.0 if columns > 12 else 22.0, step * 0.9))
        key = 0.0 if cell_text_size(panel, step, tall) else _KEY
        return width, _top(panel) + key + rows * tall + label_height(panel.x_labels, step) + _below(panel)
    if panel.square:
        return (440.0, 450.0) if count == 1 else (width, width + 10)
    if panel.y_kind == "category":
        tall = 34.0 if any(series.offset is not None for series in panel.series) else 22.0
        return width, _top(panel) + max(60.0, tall * len(_categories(panel, "y"))) + 24 + _below(panel)
    return width, height


def draw_panel(panel: Panel, size: tuple[float, float], hues: Mapping[str, int]) -> str:
    """Title, axes, grid and marks of a panel, without the surrounding element."""
    width, height = size
    out: list[str] = []
    if panel.title:
        out.append(_text(4, 16, shorten(panel.title, width - 8, SIZE), "t h", "start"))
    if panel.y:
        out.append(_text(4, _top(panel) - 14, shorten(panel.y, width - 8, SIZE), "s", "start"))
    if panel.diagram is not None:
        marks = draw_diagram(panel.diagram, hues)
        return "".join((*out, f'<g transform="translate(0 {at(_top(panel))})">', *marks, "</g>"))
    if panel.heatmap is not None:
        left, right, marks = _grid(panel, size)
    else:
        items = [_drawn(series, panel, hues) for series in panel.series]
        axes = _axes(panel, items, size)
        behind = [] if panel.field is None else cells_of(panel.field, axes.x, axes.y, hues)
        left, right, marks = axes.left, axes.right, behind + _ticks(panel, axes) + _marks(items, axes)
    out += marks
    if panel.x:
        out.append(_text((left + right) / 2, height - 8, shorten(panel.x, width - 16, SIZE), "s", "middle"))
    return "".join(out)


def _grid(panel: Panel, size: tuple[float, float]) -> tuple[float, float, list[str]]:
    """A heatmap with the names of its rows and columns."""
    width, height = size
    left, top = _room_for(panel.y_labels, width), _top(panel)
    step = (width - left - _RIGHT) / max(len(panel.x_labels), 1)
    bottom = height - label_height(panel.x_labels, step) - _below(panel)
    rows, out = max(len(panel.y_labels), 1), []
    if not cell_text_size(panel, step, (bottom - top) / rows):
        out += colour_key(panel, left, top - 4)
        top += _KEY
    tall = (bottom - top) / rows
    out += heatmap(panel, (left, top, width - left - _RIGHT, bottom - top))
    small = label_size(tall)
    for i, name in list(enumerate(panel.y_labels))[:: max(1, math.ceil(small / max(tall, 1)))]:
        y = top + (i + 0.5) * tall + small / 3
        out.append(_text(left - 8, y, shorten(str(name), left - 12, small), "s", "end", small))
    out += labels_below(panel.x_labels, lambda i: left + (i + 0.5) * step, step, bottom)
    return left, width - _RIGHT, out


def _axes(panel: Panel, items: Sequence[Drawn], size: tuple[float, float]) -> Axes:
    width, height = size
    x_names = _categories(panel, "x") if panel.x_kind == "category" else []
    y_names = _categories(panel, "y") if panel.y_kind == "category" else []
    x_range, y_range = _domain(panel, items, "x", x_names), _domain(panel, items, "y", y_names)
    x_log, y_log = panel.x_kind == "log", panel.y_kind == "log"
    top = _top(panel)
    below = label_height(x_names, (width - 60) / len(x_names)) if x_names else 24.0
    bottom = height - below - _below(panel)
    x_whole, y_whole = _whole(panel, items, "x"), _whole(panel, items, "y")
    y = Scale(*y_range, *((top, bottom) if y_names else (bottom, top)), y_log, y_whole)
    labels = [shorten(name, width * 0.4, SIZE) for name in y_names] or [text for _, text in _upright(y)]
    left = 12 + max((text_width(label, SIZE) for label in labels), default=0.0)
    right = width - _RIGHT
    if not x_names:  # half of the last label stands beyond the axis
        last = Scale(*x_range, 0, 1, x_log, x_whole).ticks(4)[-1:]
        right = width - max(_RIGHT, *(text_width(text, SIZE) / 2 + 4 for _, text in last), 0)
    if panel.square:
        side = min(right - left, bottom - top)
        right, bottom = left + side, top + side
        y = Scale(*y_range, bottom, top, y_log, y_whole)
    return Axes(Scale(*x_range, left, right, x_log, x_whole), y, x_names, y_names, left, right, top, bottom)


def _ticks(panel: Panel, axes: Axes) -> list[str]:
    """Grid lines along what is measured, labels, and the base line."""
    out = []
    if axes.y_names:
        for i, name in enumerate(axes.y_names):
            out.append(_text(axes.left - 8, axes.y(i) + 4, shorten(name, axes.left - 11, SIZE), "s", "end"))
    else:
        for value, text in _upright(axes.y):
            out.append(f'<path class="g" d="M{at(axes.left)} {at(axes.y(value))}H{at(axes.right)}"/>')
            out.append(_text(axes.left - 8, axes.y(value) + 4, text, "s", "end"))
    if axes.x_names:
        out += labels_below(axes.x_names, axes.x, axes.step, axes.bottom)
    else:
        for value, text in _fitting(axes.x, axes.right - axes.left):
            place = at(axes.x(value))
            if axes.y_names or panel.square:
                out.append(f'<path class="g" d="M{place} {at(axes.top)}V{at(axes.bottom)}"/>')
            else:
                out.append(f'<path class="a" d="M{place} {at(axes.bottom)}v4"/>')
            out.append(_text(axes.x(value), axes.bottom + 18, text, "s", "middle"))
    out.append(f'<path class="a" d="M{at(axes.left)} {at(axes.bottom)}H{at(axes.right)}"/>')
    return out


def _marks(items: Sequence[Drawn], axes: Axes) -> list[str]:
    bars = [item for item in items if item.series.mark == "bars"]
    grouped = bool(axes.x_names or axes.y_names)
    if grouped:
        room = (axes.bottom - axes.top) / len(axes.y_names) if axes.y_names else axes.step
    else:
        room = abs(axes.x(axes.x.low + _gap(bars)) - axes.x(axes.x.low)) if bars and not axes.x.log else 12.0
    out = []
    for item in sorted(items, key=lambda i: 1 if i.series.emphasis == "reference" else _ORDER[i.series.mark]):
        out += draw(item, axes.x, axes.y, _slot(item, bars, room, grouped=grouped))
    return out


def _slot(item: Drawn, bars: Sequence[Drawn], room: float, *, grouped: bool) -> tuple[float, float]:
    """Offset and width of a series' bars: side by side in a category, on top of each other in a histogram."""
    if not grouped:
        return 0.0, max(room - 1, 1.0)
    width = min(0.76 * room / max(len(bars), 1), 46.0)
    place = next((i for i, other in enumerate(bars) if other is item), 0)
    return (place - (len(bars) - 1) / 2) * width, max(width - 1, 1.0)


def _gap(bars: Sequence[Drawn]) -> float:
    """The distance between neighbouring bars of a histogram."""
    return min((b - a for item in bars for a, b in pairwise(sorted(set(item.x)))), default=1.0)


def _drawn(series: Series, panel: Panel, hues: Mapping[str, int]) -> Drawn:
    def numbers(values: Values | None, axis: str, kind: str) -> list[float]:
        cells = () if values is None else values
        if kind == "category":
            names = {name: float(i) for i, name in enumerate(_categories(panel, axis))}
            off = [0.0] * len(cells) if series.offset is None else [float(v) for v in series.offset]
            return [names[str(plain(v))] + by for v, by in zip(cells, off, strict=True)]
        return [math.nan if v is None else float(v) for v in cells]

    both = series.low is not None and series.high is not None
    return Drawn(
        x=numbers(series.x, "x", panel.x_kind),
        y=numbers(series.y, "y", panel.y_kind),
        low=numbers(series.low, "", "") if both else [],
        high=numbers(series.high, "", "") if both else [],
        series=series,
        hue=hues.get(series.name, 1) if series.emphasis == "normal" else 0,
        name=series.name,
        horizontal=panel.y_kind == "category",
    )


def _categories(panel: Panel, axis: str) -> list[str]:
    seen: dict[str, None] = {}
    for series in panel.series:
        seen.update(dict.fromkeys(str(plain(v)) for v in getattr(series, axis)))
    return list(seen)


def _domain(panel: Panel, items: Sequence[Drawn], axis: str, names: list[str]) -> tuple[float, float]:
    """What an axis covers: the given range, the categories, or the data with a margin; bars stand on 0."""
    given: tuple[float, float] | None = getattr(panel, f"{axis}_range")
    if given is not None:
        return given
    if names:
        return -0.5, len(names) - 0.5
    if panel.field is not None:
        return extent(getattr(panel.field, axis))
    log = getattr(panel, f"{axis}_kind") == "log"
    bars = [item for item in items if item.series.mark == "bars"]
    values = [v for item in items for v in getattr(item, axis)]
    if axis == ("x" if panel.y_kind == "category" else "y"):  # the axis that bars and errors run along
        values += [v for item in items for v in (*item.low, *item.high)]
        if bars and not log:
            low, high = spread([*values, 0.0], log, 0.05)
            return (0.0 if min(values, default=0.0) >= 0 else low), high
    elif bars and not log:
        low, high = min(values, default=0.0), max(values, default=1.0)
        return low - _gap(bars) / 2, high + _gap(bars) / 2
    edge_to_edge = axis == "x" and all(item.series.mark in ("line", "step", "band") for item in items)
    return spread(values, log, 0.0 if edge_to_edge else 0.05)


def _whole(panel: Panel, items: Sequence[Drawn], axis: str) -> bool:
    """Whether an axis shows whole numbers only, as of counts and years; 0 and 1 alone may be shares."""
    if panel.field is not None:
        return False
    values = [
        v
        for item in items
        if item.series.emphasis == "normal"
        for v in (*getattr(item, axis), *((*item.low, *item.high) if item.horizontal == (axis == "x") else ()))
        if math.isfinite(v)
    ]
    return all(v == round(v) for v in values) and any(abs(v) > 1 for v in values)


def _upright(y: Scale) -> list[tuple[float, str]]:
    return y.ticks(max(2, round(abs(y.end - y.start) / 48)))


def _fitting(x: Scale, width: float) -> list[tuple[float, str]]:
    """As many ticks as have room for their labels."""
    ticks: list[tuple[float, str]] = []
    for count in range(max(2, round(width / 64)), 0, -1):
        ticks = x.ticks(count)
        needed = max((text_width(text, SIZE) for _, text in ticks), default=0.0) + 12
        if all(abs(x(b[0]) - x(a[0])) >= needed for a, b in pairwise(ticks)):
            return ticks
    return ticks[:1]


def _top(panel: Panel) -> float:
    return 10.0 + (20 if panel.title else 0) + (20 if panel.y else 0)


def _below(panel: Panel) -> float:
    return 20.0 if panel.x else 2.0


def _room_for(labels: Sequence[str], width: float) -> float:
    return 16 + min(max((text_width(str(label), SIZE) for label in labels), default=0.0), width * 0.4)


def _text(x: float, y: float, text: str, kind: str, anchor: str, size: float = SIZE) -> str:
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    side += "" if size == SIZE else f' font-size="{at(size)}"'
    return f'<text class="{kind}" x="{at(x)}" y="{at(y)}"{side}>{escape(text)}</text>'
