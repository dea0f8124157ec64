"""The marks of a panel: lines, steps, points, bars, bands, error bars and heatmaps, as SVG elements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

import attrs

from mldsl.plugin.display import Panel, Series
from mldsl.report.axis import Scale, shorten, text_width
from mldsl.report.format import cell, number

Position = Callable[[float], float]
_SLANTED = 110.0  # the longest slanted label, in pixels
_STEEP = 15.0  # narrower labels stand on end
_FEW = 120  # points that are single elements, with their values to hover over; more become a few paths


@attrs.frozen
class Drawn:
    """A series with plain numbers: `low`, `high` are empty where there are none. `hue` is 1..8, or 0 for grey."""

    x: list[float]
    y: list[float]
    low: list[float]
    high: list[float]
    series: Series
    hue: int
    name: str
    horizontal: bool = False  # categories are on the vertical axis: bars and errors run sideways


def at(value: float) -> str:
    """A coordinate: a tenth of a pixel is finer than anyone sees."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def draw(item: Drawn, x: Position, y: Position, bar: tuple[float, float]) -> list[str]:
    """One series. `bar` is the offset and the width of its bars in pixels."""
    mark, out = item.series.mark, []
    if item.low and mark in ("line", "step", "band"):
        out.append(_band(item, x, y))
    if mark == "bars":
        out += _bars(item, x, y, bar)
    if item.low and mark in ("points", "bars"):
        out.append(_errors(item, x, y, bar[0] if mark == "bars" else 0))
    if mark == "points":
        out += _points(item, x, y)
        out += _names(item, x, y)
    if mark in ("line", "step"):
        reference = " r" if item.series.emphasis == "reference" else ""
        thin = " m" if item.series.emphasis == "muted" and not item.name else ""
        if reference and item.horizontal:  # a line across categories reaches from edge to edge
            last = len(item.y) - 1
            item = attrs.evolve(item, y=[v + (i == last) * 0.5 - (i == 0) * 0.5 for i, v in enumerate(item.y)])
        out.append(f'<path class="l k{item.hue}{reference}{thin}" d="{_path(item, x, y)}"/>')
    return out


def _path(item: Drawn, x: Position, y: Position) -> str:
    """A polyline; missing values break it, and points on a straight run are left out."""
    parts: list[str] = []
    last: tuple[float, float] | None = None
    for a, b in zip(item.x, item.y, strict=True):
        if not (math.isfinite(a) and math.isfinite(b)):
            last = None
            continue
        here = (round(x(a), 1), round(y(b), 1))
        if here == last:
            continue
        if last is None:
            parts.append(f"M{at(here[0])} {at(here[1])}")
        else:
            if item.series.mark == "step" and here[0] != last[0] and here[1] != last[1]:
                parts.append(f"H{at(here[0])}")
            parts.append(f"L{at(here[0])} {at(here[1])}")
        last = here
    return "".join(parts)


def _band(item: Drawn, x: Position, y: Position) -> str:
    rows = [r for r in zip(item.x, item.low, item.high, strict=True) if all(map(math.isfinite, r))]
    top = [f"{at(x(a))} {at(y(high))}" for a, _, high in rows]
    bottom = [f"{at(x(a))} {at(y(low))}" for a, low, _ in reversed(rows)]
    return f'<path class="b f{item.hue}" d="M{"L".join(top + bottom)}Z"/>' if rows else ""


def _bars(item: Drawn, x: Position, y: Position, bar: tuple[float, float]) -> list[str]:
    out, (offset, width) = [], bar
    for a, b in zip(item.x, item.y, strict=True):
        if not (math.isfinite(a) and math.isfinite(b)):
            continue
        if item.horizontal:
            ends, middle = sorted((x(0), x(a))), y(b) + offset
            box = (ends[0], middle - width / 2, max(ends[1] - ends[0], 0.5), width)
        else:
            ends, middle = sorted((y(0), y(b))), x(a) + offset
            box = (middle - width / 2, ends[0], width, max(ends[1] - ends[0], 0.5))
        value = number(a if item.horizontal else b)
        label = f"{item.name}: {value}" if item.name else value
        left, top, wide, tall = map(at, box)
        out.append(
            f'<rect class="f{item.hue}" x="{left}" y="{top}" width="{wide}" height="{tall}" opacity=".85">'
            f"<title>{escape(label)}</title></rect>"
        )
    return out


def _errors(item: Drawn, x: Position, y: Position, offset: float) -> str:
    parts = []
    for a, b, low, high in zip(item.x, item.y, item.low, item.high, strict=True):
        if not all(map(math.isfinite, (a, b, low, high))):
            continue
        if item.horizontal:
            parts.append(f"M{at(x(low))} {at(y(b) + offset)}H{at(x(high))}")
        else:
            parts.append(f"M{at(x(a) + offset)} {at(y(low))}V{at(y(high))}")
    hue = "x" if item.series.mark == "bars" else f"k{item.hue}"  # on a bar, its own hue would not show
    return f'<path class="e {hue}" d="{"".join(parts)}"/>'


def _points(item: Drawn, x: Position, y: Position) -> list[str]:
    rows = [(a, b) for a, b in zip(item.x, item.y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    if len(rows) <= _FEW:
        return [
            f'<circle class="f{item.hue}" cx="{at(x(a))}" cy="{at(y(b))}" r="3.5" opacity=".8">'
            f"<title>{escape(item.name + ': ' if item.name else '')}{number(a)}, {number(b)}</title></circle>"
            for a, b in rows
        ]
    # A path has one opacity however often it crosses itself, so several paths show where points crowd.
    layers: list[list[str]] = [[] for _ in range(12)]
    for i, (a, b) in enumerate(rows):
        layers[i % 12].append(f"M{at(x(a))} {at(y(b))}h0")
    return [f'<path class="p k{item.hue}" d="{"".join(layer)}"/>' for layer in layers]


def _names(item: Drawn, x: Position, y: Position) -> list[str]:
    """The labels of points, on the side where the picture has room, one above the other where they would collide."""
    middle = (x.start + x.end) / 2 if isinstance(x, Scale) else math.inf
    out: list[str] = []
    taken: list[tuple[float, float, float]] = []  # left, right, height
    for a, b, name in zip(item.x, item.y, item.series.labels, strict=False):
        if not (math.isfinite(a) and math.isfinite(b)):
            continue
        wide, left = text_width(str(name), 10), x(a) > middle
        start, height = (x(a) - 6 - wide if left else x(a) + 6), y(b) + 4
        while any(start < t[1] and t[0] < start + wide and abs(height - t[2]) < 10 for t in taken):
            height -= 3
        taken.append((start, start + wide, height))
        place = f'x="{at(start + wide if left else start)}" y="{at(height)}" text-anchor="{"end" if left else "start"}"'
        out.append(f'<text class="s" {place} font-size="10">{escape(str(name))}</text>')
    return out


def cell_text_size(panel: Panel, wide: float, tall: float) -> float:
    """The size of the numbers in the cells of a heatmap; 0 where they have no room, so that it needs a key."""
    size = min(13.0, tall * 0.5)
    if size >= 7:
        texts = [_cell(v, panel.cell_format, largest_of(panel)) for row in panel.heatmap or () for v in map(float, row)]
        longest = max((text_width(t, size) for t in texts), default=0.0)
        size = size if longest <= wide - 4 else size * (wide - 4) / longest
    return size if size >= 7 else 0.0


def largest_of(panel: Panel) -> float:
    """The largest size of a heatmap's values: what the strongest colour stands for."""
    return max((abs(float(v)) for row in panel.heatmap or () for v in row if math.isfinite(v)), default=0.0) or 1.0


def heatmap(panel: Panel, box: tuple[float, float, float, float]) -> list[str]:
    """Cells `left top width height` coloured by value, with the value in each where there is room.

    Values below 0 turn it into two hues around 0. The opacity of a hue is the value, so that both themes work.
    """
    rows: Sequence[Sequence[float]] = [[float(v) for v in row] for row in panel.heatmap or ()]
    left, top, width, height = box
    largest = largest_of(panel)
    wide, tall = width / max(len(rows[0]) if rows else 1, 1), height / max(len(rows), 1)
    size = cell_text_size(panel, wide, tall)
    gap = min(0.75, wide / 16)
    out = []
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            x, y = left + j * wide, top + i * tall
            names = [labels[k] for labels, k in ((panel.y_labels, i), (panel.x_labels, j)) if k < len(labels)]
            text = _cell(value, panel.cell_format, largest)
            label = escape(f"{' / '.join(map(str, names))}: {text}")
            strength = abs(value) / largest if math.isfinite(value) else 0.0
            out.append(
                f'<rect class="f{2 if value < 0 else 1}" x="{at(x + gap)}" y="{at(y + gap)}" '
                f'width="{at(wide - 2 * gap)}" height="{at(tall - 2 * gap)}" rx="{at(min(2.0, wide / 5))}" '
                f'fill-opacity="{_opacity(strength)}"><title>{label}</title></rect>'
            )
            if size:
                name = "on" if strength > 0.85 else "mid" if strength > 0.55 else ""
                colour = f' style="fill:var(--{name})"' if name else ""
                out.append(
                    f'<text class="t"{colour} x="{at(x + wide / 2)}" y="{at(y + tall / 2 + size * 0.35)}" '
                    f'font-size="{at(size)}" text-anchor="middle" pointer-events="none">{escape(text)}</text>'
                )
    return out


def _opacity(strength: float) -> str:
    return f"{at(100 * (0.04 + 0.96 * strength))}%"


def colour_key(panel: Panel, left: float, top: float) -> list[str]:
    """What the colours of a heatmap stand for, where its cells have no room for numbers."""
    largest = largest_of(panel)
    signed = any(float(v) < 0 for row in panel.heatmap or () for v in row)
    places = [i / 4 for i in range(-4 if signed else 0, 5)]
    out = []
    for i, place in enumerate(places):
        out.append(
            f'<rect class="f{2 if place < 0 else 1}" x="{at(left + 16 * i)}" y="{at(top)}" width="16" height="10" '
            f'fill-opacity="{_opacity(abs(place))}"/>'
        )
        if place in (-1, 0, 1):
            text = escape(_cell(place * largest, panel.cell_format, largest))
            out.append(
                f'<text class="s" x="{at(left + 16 * i + 8)}" y="{at(top + 22)}" font-size="10" '
                f'text-anchor="middle">{text}</text>'
            )
    return out


def _cell(value: float, form: str, largest: float) -> str:
    """What a heatmap's cell says: numbers of a size with two decimals, so that they compare at a glance."""
    if form == "number" and math.isfinite(value) and 0.01 <= largest < 100:
        return f"{value:.2f}".replace("-", "−").replace("−0.00", "0.00")
    return number(value, 3) if form == "number" else cell(value, form)


def labels_below(labels: Sequence[str], at_x: Position, step: float, top: float) -> list[str]:
    """The labels below a horizontal axis, each with `step` pixels: upright where they fit, slanted or on end where
    not, the narrowest in a smaller type, and every second one or fewer where even that has no room."""
    slanted, size = slants(labels, step), label_size(step)
    on_end = slanted and step < _STEEP
    every = max(1, math.ceil(size / step)) if on_end or not slanted else max(1, math.ceil(16 / step))
    out = []
    for i, label in list(enumerate(map(str, labels)))[::every]:
        place = f'x="{at(at_x(i))}" y="{at(top + 18)}" text-anchor="middle"'
        if on_end:
            x, y = at(at_x(i) + size / 3), at(top + 8)
            place = f'x="{x}" y="{y}" text-anchor="end" transform="rotate(-90 {x} {y})" font-size="{at(size)}"'
        elif slanted:
            x, y = at(at_x(i) + 4), at(top + 14)
            place = f'x="{x}" y="{y}" text-anchor="end" transform="rotate(-40 {x} {y})"'
        out.append(f'<text class="s" {place}>{escape(shorten(label, _SLANTED if slanted else 1e9, size))}</text>')
    return out


def label_size(step: float) -> float:
    """The type of labels that have `step` pixels across: smaller where all of them have room then."""
    return min(12.0, max(8.5, step * 0.92))


def slants(labels: Sequence[str], step: float) -> bool:
    """Whether the labels are too wide to stand side by side."""
    return any(text_width(str(label), 12) > step - 4 for label in labels)


def label_height(labels: Sequence[str], step: float) -> float:
    """How much room the labels below an axis need."""
    if not slants(labels, step):
        return 26.0
    size = label_size(step) if step < _STEEP else 12.0
    longest = min(max((text_width(str(label), size) for label in labels), default=0.0), _SLANTED)
    return 16 + longest if step < _STEEP else 22 + 0.643 * longest
