"""Figures as SVG, written here rather than by a plotting library.

Why: importing one takes as long as the rest of a small run, its pictures cannot follow the page from light to dark,
and its files differ from one version to the next. These use CSS variables, are the same bytes for the same figure, and
carry a title and a description for those who cannot see them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from mldsl.plugin.display import Figure, Panel
from mldsl.report.axis import shorten, text_width
from mldsl.report.marks import at
from mldsl.report.palette import DARK, HUES, LIGHT, drawing, variables
from mldsl.report.panel import SIZE, draw_panel, panel_size

_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


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
            x += 24 + text_width(name, SIZE) + 18
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
        f'height="{at(height)}" role="img" aria-labelledby="title desc" font-size="{at(SIZE)}">'
        f'<title id="title">{escape(figure.title)}</title><desc id="desc">{escape(figure.alt)}</desc>'
        f"<style>svg{{{variables(LIGHT)};font-family:{_FONT}}}"
        f"@media(prefers-color-scheme:dark){{svg{{{variables(DARK)}}}}}{drawing()}</style>"
        f'<rect width="100%" height="100%" style="fill:var(--bg)"/>{"".join(body)}</svg>\n'
    )


def panel_svg(panel: Panel, count: int, hues: Mapping[str, int], alt: str) -> str:
    """One panel for the page, which gives the colours and sets `count` of them side by side."""
    width, height = panel_size(panel, count)
    kind, shown = "", f"{at(width)}px"
    if panel.diagram is not None:  # smaller where the page is narrow, but so that texts stay readable
        kind, shown = ' class="diagram"', f"max(min(100%,{at(width)}px),{at(0.78 * width)}px)"
    return (
        f'<svg{kind} viewBox="0 0 {at(width)} {at(height)}" style="width:{shown}" role="img" '
        f'aria-label="{escape(alt)}" font-size="{at(SIZE)}">{draw_panel(panel, (width, height), hues)}</svg>'
    )


def assign_hues(figure: Figure) -> dict[str, int]:
    """One hue for a name, the same in every panel; grey (0) for references and what is muted."""
    hues: dict[str, int] = {}
    used = 0
    for name in _boxed(figure):
        used += 1
        hues[name] = (used - 1) % HUES + 1
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
    hues = assign_hues(figure)
    seen = {name: (name, hues[name], "bars") for name in _boxed(figure)}
    for series in (s for panel in figure.panels for s in panel.series):
        if series.name and series.name not in seen:
            kind = "reference" if series.emphasis == "reference" else series.mark
            seen[series.name] = (series.name, hues[series.name], kind)
    return list(seen.values()) if len(seen) > 1 else []


def _boxed(figure: Figure) -> list[str]:
    """What the boxes of diagrams are coloured by."""
    return list(dict.fromkeys(name for p in figure.panels if p.diagram is not None for name in p.diagram.names))


def _columns(count: int) -> int:
    return 1 if count == 1 else 2 if count in (2, 4) else 3


def _legend_rows(items: Sequence[tuple[str, int, str]], width: float) -> list[list[tuple[str, int, str]]]:
    rows: list[list[tuple[str, int, str]]] = []
    used = width
    for item in items:
        needed = 42 + text_width(item[0], SIZE)
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
