"""Figures as a few lines of text: curves in Braille dots, histograms as rows of blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from mldsl.plugin.display import Figure, Panel
from mldsl.report.axis import Scale, spread
from mldsl.report.field import map_of
from mldsl.report.format import number

_BLOCKS = " ▁▂▃▄▅▆▇█"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # Braille: four rows of two dots


def sketch(figure: Figure, width: int) -> list[str]:
    """Lines of text, or none where text would not help (heatmaps are tables already, many panels are too much)."""
    bars = [p for p in figure.panels if p.series and all(s.mark == "bars" for s in p.series)]
    if bars and len(bars) == len(figure.panels):
        counts = [p for p in bars if "category" not in (p.x_kind, p.y_kind)]
        name_width = max((len(_name(p)) for p in counts), default=0)
        lines = [f"{_name(p):<{name_width}}  {blocks([float(v) for v in p.series[0].y])}" for p in counts]
        return lines if all(len(line) <= width for line in lines) else []
    panel = figure.panels[0] if len(figure.panels) == 1 else None
    if panel is None or panel.heatmap is not None or "category" in (panel.x_kind, panel.y_kind):
        return []
    if panel.field is not None:
        return map_of(panel.field, panel.x, panel.y, min(width, 64), 16)
    if not any(s.mark in ("line", "step") and s.emphasis == "normal" for s in panel.series):
        return []
    return curves(panel, min(width, 64), 11)


def blocks(values: Sequence[float]) -> str:
    """One block a value, as tall as its share of the largest."""
    top = max((v for v in values if math.isfinite(v)), default=0.0)
    if top <= 0:
        return ""
    return "".join(_BLOCKS[math.ceil(8 * max(v, 0.0) / top)] if math.isfinite(v) else " " for v in values)


def curves(panel: Panel, width: int, height: int) -> list[str]:
    """The lines of a panel on a canvas of Braille characters with its ranges beside it."""
    runs = [
        [(float(a), float(b)) for a, b in zip(s.x, s.y, strict=True)]
        for s in panel.series
        if s.mark in ("line", "step")
    ]
    points = [p for run in runs for p in run if all(map(math.isfinite, p))]
    x_low, x_high = panel.x_range or spread([p[0] for p in points], panel.x_kind == "log", 0.0)
    y_low, y_high = panel.y_range or spread([p[1] for p in points], panel.y_kind == "log", 0.0)
    labels = {0: number(y_high, 3), height - 1: number(y_low, 3)}
    margin = max(map(len, labels.values())) + 1
    wide = 2 * (width - margin - 1)
    x = Scale(x_low, x_high, 0, wide - 1, panel.x_kind == "log")
    y = Scale(y_low, y_high, 4 * height - 1, 0, panel.y_kind == "log")
    grid = [[0] * (wide // 2) for _ in range(height)]
    for series, run in zip((s for s in panel.series if s.mark in ("line", "step")), runs, strict=True):
        pairs = list(pairwise(run))
        if series.mark == "step":
            pairs = [p for a, b in pairs for p in ((a, (b[0], a[1])), ((b[0], a[1]), b))]
        for a, b in pairs:
            if all(map(math.isfinite, (*a, *b))):
                _segment(grid, (x(a[0]), y(a[1])), (x(b[0]), y(b[1])), sparse=series.emphasis == "reference")
    lines = [
        f"{labels.get(i, ''):>{margin}}│{''.join(chr(0x2800 + cell) for cell in row)}".rstrip("⠀")
        for i, row in enumerate(grid)
    ]
    left, right = number(x_low, 3), number(x_high, 3)
    gap = max(1, wide // 2 - len(left) - len(right))
    middle = panel.x if len(panel.x) <= gap - 2 else ""
    lines.append(" " * margin + "└" + "─" * (wide // 2))
    lines.append(" " * (margin + 1) + left + f"{middle:^{gap}}" + right)
    return [f"{'':>{margin}} {panel.y}", *lines]


def _segment(grid: list[list[int]], a: tuple[float, float], b: tuple[float, float], *, sparse: bool) -> None:
    steps = max(1, math.ceil(max(abs(b[0] - a[0]), abs(b[1] - a[1]))))
    for i in range(0, steps + 1, 4 if sparse else 1):
        column = round(a[0] + (b[0] - a[0]) * i / steps)
        row = round(a[1] + (b[1] - a[1]) * i / steps)
        if 0 <= row < 4 * len(grid) and 0 <= column < 2 * len(grid[0]):
            grid[row // 4][column // 2] |= _DOTS[row % 4][column % 2]


def _name(panel: Panel) -> str:
    values = sorted({float(v) for v in panel.series[0].x})
    half = min((b - a for a, b in pairwise(values)), default=0.0) / 2
    if half == 0.5 and all(v.is_integer() for v in values):  # a bar for each whole number
        half = 0.0
    between = f"  {number(values[0] - half, 3)}..{number(values[-1] + half, 3)}" if values else ""
    return (panel.title or panel.x) + between
