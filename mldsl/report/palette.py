"""Colours of figures and page, light and dark.

Eight hues after Okabe and Ito (2008), apart for all common kinds of colour blindness, darkened for white paper and
lightened for dark screens so that lines keep a contrast of 3:1 with the background.
"""

from __future__ import annotations

from typing import Final

HUES: Final = 8
LIGHT: Final = {
    "bg": "#ffffff", "fg": "#1c2530", "soft": "#5c6875", "grid": "#e4e8ec", "axis": "#8d98a3", "on": "#ffffff",
    "mid": "#1c2530", "c1": "#0b6fb8", "c2": "#d55e00", "c3": "#00886b", "c4": "#b5539c", "c5": "#a67c00",
    "c6": "#3b9ed6", "c7": "#6657c4", "c8": "#66727d",
}  # fmt: skip
DARK: Final = {
    "bg": "#14191f", "fg": "#e6eaee", "soft": "#9aa6b2", "grid": "#2a323b", "axis": "#6b7783", "on": "#0d1116",
    "mid": "#0d1116", "c1": "#5fb0ee", "c2": "#f0873a", "c3": "#38c79f", "c4": "#e48bcb", "c5": "#e3bf4b",
    "c6": "#88cdf5", "c7": "#a99df2", "c8": "#a9b4be",
}  # fmt: skip


def variables(colours: dict[str, str]) -> str:
    """As CSS declarations."""
    return ";".join(f"--{name}:{value}" for name, value in colours.items())


_RULES: Final = {
    "t": "fill:var(--fg)",
    "s": "fill:var(--soft)",
    "h": "font-weight:600",
    "g": "stroke:var(--grid)",
    "a": "stroke:var(--axis)",
    "l": "fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round",
    "m": "stroke-width:1;opacity:.5",
    "r": "stroke-width:1.25;stroke-dasharray:5 4",
    "p": "fill:none;stroke-width:3.5;stroke-linecap:round;opacity:.4",
    "e": "fill:none;stroke-width:1.5",
    "x": "stroke:var(--fg)",
    "n": "fill:var(--bg);stroke:var(--axis)",
    "w": "fill:none;stroke:var(--axis);opacity:.5",
    "o": "paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round",
    "i": "font-style:italic",
    "b": "opacity:.18;stroke:none",
    "k0": "stroke:var(--axis)",
    "f0": "fill:var(--axis)",
    **{f"k{i}": f"stroke:var(--c{i})" for i in range(1, HUES + 1)},
    **{f"f{i}": f"fill:var(--c{i})" for i in range(1, HUES + 1)},
}


def drawing(scope: str = "svg") -> str:
    """The classes that drawings use: texts, grid, lines, points, error bars, bands, boxes, hues."""
    return "".join(f"{scope} .{name}{{{rule}}}" for name, rule in _RULES.items())
