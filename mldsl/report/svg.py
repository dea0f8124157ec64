"""Figures as SVG, written here rather than by a plotting library.

Why: importing one takes as long as the rest of a small run, its pictures cannot follow the page from light to dark,
and its files differ from one version to the next. These use CSS variables, are the same bytes for the same figure, and
carry a title and a description for those who cannot see them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from mldsl.plugin.display import Figure, Panel, Series
from mldsl.report.axis import Scale, shorten, spread, text_width
from mldsl.report.format import plain
from mldsl.report.marks import Drawn, at, category_labels, draw, heatmap
from mldsl.report.palette import DARK, DRAWING, HUES, LIGHT, variables

_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_SIZE = 12.0


def figure_svg(figure: Figure) -> str:
    """The whole figure as one file, with its own colours for light and dark."""
    columns = _columns(len(figure.panels))
    sizes = [panel_size(panel, len(figure.panels)) for panel in figure.panels]
    wide = max((w for w, _ in sizes), default=300)
    width = wide * min(columns, max(len(sizes), 1)) + 24
    body: list[str] = []
    y = 20.0
    title = escape(shorten(figure.title, width - 32, 15))
    body.append(f'<text class="t h" x="16" y="{at(y + 8)}" font-size="15">{title}</text>')
    y += 22
    hues = assign_hues(figure)
    for row in _legend_rows(legend(figure), width - 32):
        x = 16.0
        for name, hue, kind in row:
            body.append(_swatch(x, y + 8, hue, kind))
            body.append(f'<text class="t" x="{at(x + 24)}" y="{at(y + 12)}">{escape(name)}</text>')
            x += 24 + text_width(name, _SIZE) + 18
        y += 22
    for start in range(0, len(sizes), columns):
        row_sizes = sizes[start : start + columns]
        for i, panel in enumerate(figure.panels[start : start + columns]):
            body.append(
                f'<g transform="translate({at(12 + i * wide)} {at(y)})">{draw_panel(panel, row_sizes[i], hues)}</g>'
            )
        y += max(h for _, h in row_sizes)
    height = y + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {at(width)} {at(height)}" width="{at(width)}" '
        f'height="{at(height)}" role="img" aria-labelledby="title desc" font-size="{at(_SIZE)}">'
        f'<title id="title">{escape(figure.title)}</title><desc id="desc">{escape(figure.alt)}</desc>'
        f"<style>svg{{{variables(LIGHT)};font-family:{_FONT}}}"
        f"@media(prefers-color-scheme:dark){{svg{{{variables(DARK)}}}}}{DRAWING}</style>"
        f'<rect width="100%" height="100%" style="fill:var(--bg)"/>{"".join(body)}</svg>\n'
    )


def panel_svg(panel: Panel, count: int, hues: Mapping[str, int], alt: str) -> str:
    """One panel for the page, which gives the colours and sets `count` of them side by side."""
    width, height = panel_size(panel, count)
    return (
        f'<svg viewBox="0 0 {at(width)} {at(height)}" style="max-width:{at(width * 1.15)}px" role="img" '
        f'aria-label="{escape(alt)}" font-size="{at(_SIZE)}">{draw_panel(panel, (width, height), hues)}</svg>'
    )


def assign_hues(figure: Figure) -> dict[str, int]:
    """One hue for a name, the same in every panel; grey (0) for references and what is muted."""
    hues: dict[str, int] = {}
    used = 0
    for series in (s for panel in figure.panels for s in panel.series):
        if series.name in hues:
            continue
        if series.emphasis == "normal":
            used += 1
            hues[series.name] = (used - 1) % HUES + 1
        elif series.name:
            hues[series.name] = 0
    return hues


def legend(figure: Figure) -> list[tuple[str, int, str]]:
    """Name, hue and kind (mark, or `reference`) of what needs telling apart; empty where nothing does."""
    hues, seen = assign_hues(figure), {}
    for series in (s for panel in figure.panels for s in panel.series):
        if series.name and series.name not in seen:
            kind = "reference" if series.emphasis == "reference" else series.mark
            seen[series.name] = (series.name, hues[series.name], kind)
    return list(seen.values()) if len(seen) > 1 else []


def panel_size(panel: Panel, count: int) -> tuple[float, float]:
    """Width and height: one panel is large, many are small; heatmaps and category lists grow with their rows."""
    width = 560.0 if count == 1 else 420.0 if count in (2, 4) else 340.0
    height = 340.0 if count == 1 else 280.0 if count in (2, 4) else 230.0
    if panel.heatmap is not None:
        rows, columns = len(panel.heatmap), len(panel.heatmap[0]) if len(panel.heatmap) else 1
        cell_size = 58.0 if count == 1 else 46.0
        left = _left_of_labels(panel.y_labels, width)
        width = min(width, max(260.0, left + 16 + columns * max(cell_size, 44)))
        tall = min(cell_size, max(20.0, (width - left - 16) / columns))
        return width, min(900.0, 76 + rows * max(20.0, tall if rows < 12 else 22))
    if panel.square:
        return (440.0, 450.0) if count == 1 else (width, width + 10)
    if panel.y_kind == "category":
        return width, max(150.0, 74 + 20.0 * len(_categories(panel, "y")))
    return width, height


def draw_panel(panel: Panel, size: tuple[float, float], hues: Mapping[str, int]) -> str:
    """Title, axes, grid and marks of a panel, without the surrounding element."""
    width, height = size
    top = 12.0 + (20 if panel.title else 0) + (18 if panel.y else 0)
    bottom = height - (44 if panel.x else 26)
    out: list[str] = []
    if panel.title:
        out.append(f'<text class="t h" x="4" y="16">{escape(shorten(panel.title, width - 8, _SIZE))}</text>')
    if panel.y:
        y = 16 + (20 if panel.title else 0)
        out.append(f'<text class="s" x="4" y="{y}">{escape(shorten(panel.y, width - 8, _SIZE))}</text>')
    if panel.heatmap is not None:
        left = _left_of_labels(panel.y_labels, width)
        box = (left, top, width - left - 12, bottom - top)
        out += heatmap(panel, box) + _grid_labels(panel, box)
    else:
        left, marks = _draw_axes_and_marks(panel, (width, top, bottom), hues)
        out += marks
    if panel.x:
        middle = (left + width - 12) / 2
        out.append(
            f'<text class="s" x="{at(middle)}" y="{at(height - 8)}" text-anchor="middle">'
            f"{escape(shorten(panel.x, width - 16, _SIZE))}</text>"
        )
    return "".join(out)


def _draw_axes_and_marks(
    panel: Panel, frame: tuple[float, float, float], hues: Mapping[str, int]
) -> tuple[float, list[str]]:
    width, top, bottom = frame
    names = {
        axis: _categories(panel, axis) if kind == "category" else []
        for axis, kind in (("x", panel.x_kind), ("y", panel.y_kind))
    }
    items = [_drawn(s, names, hues) for s in panel.series]
    y_low, y_high = _domain(panel, items, "y", names["y"])
    y = Scale(y_low, y_high, bottom, top, panel.y_kind == "log")
    if names["y"]:
        y = Scale(y_low, y_high, top, bottom)
    y_ticks = y.ticks(max(2, round((bottom - top) / 48)))
    labels = [shorten(n, width * 0.4, _SIZE) for n in names["y"]] or [label for _, label in y_ticks]
    left = 12 + max((text_width(label, _SIZE) for label in labels), default=0.0)
    right = width - 12
    if panel.square:
        side = min(right - left, bottom - top)
        right = left + side
        y = Scale(y_low, y_high, top + side, top, y.log)
        bottom = top + side
    x = Scale(*_domain(panel, items, "x", names["x"]), left, right, panel.x_kind == "log")
    out = []
    if names["y"]:
        for i, label in enumerate(labels):
            out.append(
                f'<text class="s" x="{at(left - 8)}" y="{at(y(i) + 4)}" text-anchor="end">{escape(label)}</text>'
            )
    else:
        for value, label in y_ticks:
            out.append(f'<path class="g" d="M{at(left)} {at(y(value))}H{at(right)}"/>')
            out.append(
                f'<text class="s" x="{at(left - 8)}" y="{at(y(value) + 4)}" text-anchor="end">{escape(label)}</text>'
            )
    step = (right - left) / max(len(names["x"]), 1)
    if names["x"]:
        for i, label in category_labels(names["x"], step, _SIZE):
            out.append(
                f'<text class="s" x="{at(x(i))}" y="{at(bottom + 18)}" text-anchor="middle">{escape(label)}</text>'
            )
    else:
        sideways = names["y"] or panel.square
        for value, label in _fitting(x, right - left):
            if sideways:
                out.append(f'<path class="g" d="M{at(x(value))} {at(top)}V{at(bottom)}"/>')
            else:
                out.append(f'<path class="a" d="M{at(x(value))} {at(bottom)}v4"/>')
            out.append(
                f'<text class="s" x="{at(x(value))}" y="{at(bottom + 18)}" text-anchor="middle">{escape(label)}</text>'
            )
    out.append(f'<path class="a" d="M{at(left)} {at(bottom)}H{at(right)}"/>')
    slots = [item for item in items if item.series.mark == "bars"]
    room = (bottom - top) / max(len(names["y"]), 1) if names["y"] else step if names["x"] else _bar_step(slots, x)
    order = {"bars": 0, "band": 0, "line": 1, "step": 1, "points": 2}
    ranked = sorted(items, key=lambda item: (item.series.emphasis != "reference", order[item.series.mark]))
    for item in ranked:
        out += draw(item, x, y, _slot(item, slots, room, grouped=bool(names["x"] or names["y"])))
    return left, out


def _slot(item: Drawn, slots: Sequence[Drawn], room: float, *, grouped: bool) -> tuple[float, float]:
    """Offset and width of a series' bars: side by side in a category, on top of each other in a histogram."""
    if not grouped:
        return 0.0, max(room - 1, 1.0)
    width = min(0.76 * room / max(len(slots), 1), 46.0)
    place = slots.index(item) if item in slots else 0
    return (place - (len(slots) - 1) / 2) * width, max(width - 1, 1.0)


def _bar_step(slots: Sequence[Drawn], x: Scale) -> float:
    gaps = [b - a for item in slots for a, b in zip(sorted(set(item.x)), sorted(set(item.x))[1:], strict=False)]
    return abs(x(x.low + min(gaps)) - x(x.low)) if gaps and not x.log else 20.0


def _drawn(series: Series, names: Mapping[str, list[str]], hues: Mapping[str, int]) -> Drawn:
    def numbers(values: Sequence[object], categories: list[str]) -> list[float]:
        if categories:
            return [float(categories.index(str(plain(v)))) for v in values]
        return [math.nan if v is None else float(v) for v in values]  # type: ignore[arg-type]

    low, high = series.low, series.high
    banded = low is not None and high is not None
    return Drawn(
        x=numbers(series.x, names["x"]),
        y=numbers(series.y, names["y"]),
        low=numbers(low, []) if banded and low is not None else [],
        high=numbers(high, []) if banded and high is not None else [],
        series=series,
        hue=hues.get(series.name, 0 if series.emphasis != "normal" else 1) if series.emphasis == "normal" else 0,
        name=series.name,
        horizontal=bool(names["y"]),
    )


def _categories(panel: Panel, axis: str) -> list[str]:
    seen: dict[str, None] = {}
    for series in panel.series:
        seen.update(dict.fromkeys(str(plain(v)) for v in getattr(series, axis)))
    return list(seen)


def _domain(panel: Panel, items: Sequence[Drawn], axis: str, names: list[str]) -> tuple[float, float]:
    given: tuple[float, float] | None = getattr(panel, f"{axis}_range")
    if given is not None:
        return given
    if names:
        return -0.5, len(names) - 0.5
    measured = "x" if panel.y_kind == "category" else "y"  # the axis that bars and errors run along
    values = [v for item in items for v in getattr(item, axis)]
    if axis == measured:
        values += [v for item in items for v in (*item.low, *item.high)]
        if any(item.series.mark == "bars" for item in items):
            values.append(0.0)
    log = getattr(panel, f"{axis}_kind") == "log"
    bars = any(item.series.mark == "bars" for item in items)
    if axis == "x" and bars and axis != measured:
        step = _bar_step([i for i in items if i.series.mark == "bars"], Scale(0.0, 1.0, 0.0, 1.0))
        finite = [v for v in values if math.isfinite(v)] or [0.0]
        return min(finite) - step / 2, max(finite) + step / 2
    low, high = spread(
        values, log, 0.0 if axis == "x" and all(i.series.mark in ("line", "step", "band") for i in items) else 0.05
    )
    if axis == measured and bars and not log:  # bars stand on 0
        low, high = (0.0 if low > -0.05 * (high - low) - 1e-12 and min(values) >= 0 else low), high
    return low, high


def _fitting(x: Scale, width: float) -> list[tuple[float, str]]:
    """As many ticks as have room for their labels."""
    for count in range(max(2, round(width / 64)), 0, -1):
        ticks = x.ticks(count)
        needed = max((text_width(label, _SIZE) for _, label in ticks), default=0.0) + 14
        if len(ticks) < 2 or abs(x(ticks[1][0]) - x(ticks[0][0])) >= needed:
            return ticks
    return ticks[:1]


def _grid_labels(panel: Panel, box: tuple[float, float, float, float]) -> list[str]:
    left, top, width, height = box
    tall, out = height / max(len(panel.y_labels), 1), []
    for i, name in enumerate(panel.y_labels):
        y = top + (i + 0.5) * tall + 4
        label = shorten(str(name), left - 12, _SIZE)
        out.append(f'<text class="s" x="{at(left - 8)}" y="{at(y)}" text-anchor="end">{escape(label)}</text>')
    step = width / max(len(panel.x_labels), 1)
    for i, label in category_labels(panel.x_labels, step, _SIZE):
        x = left + (i + 0.5) * step
        out.append(
            f'<text class="s" x="{at(x)}" y="{at(top + height + 18)}" text-anchor="middle">{escape(label)}</text>'
        )
    return out


def _left_of_labels(labels: Sequence[str], width: float) -> float:
    return 16 + min(max((text_width(str(label), _SIZE) for label in labels), default=0.0), width * 0.4)


def _columns(count: int) -> int:
    return 1 if count == 1 else 2 if count in (2, 4) else 3


def _legend_rows(items: Sequence[tuple[str, int, str]], width: float) -> list[list[tuple[str, int, str]]]:
    rows: list[list[tuple[str, int, str]]] = []
    used = width
    for item in items:
        needed = 42 + text_width(item[0], _SIZE)
        if used + needed > width:
            rows.append([])
            used = 0.0
        rows[-1].append(item)
        used += needed
    return rows


def _swatch(x: float, y: float, hue: int, kind: str) -> str:
    if kind in ("line", "step", "reference"):
        return f'<path class="l k{hue}{" r" if kind == "reference" else ""}" d="M{at(x)} {at(y)}h16"/>'
    if kind == "points":
        return f'<circle class="f{hue}" cx="{at(x + 8)}" cy="{at(y)}" r="4"/>'
    return f'<rect class="f{hue}" x="{at(x + 2)}" y="{at(y - 5)}" width="12" height="10" rx="2"/>'
