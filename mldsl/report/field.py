"""A plane of coloured cells behind the marks of a panel, as SVG and as characters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mldsl.plugin.display import Field, Values
from mldsl.report.format import number

_LEVELS = 6  # of strength, so that neighbouring cells join
_FAINT, _STRONG = 0.06, 0.42  # opacity, below the points that stand on it
_SIGNS = "·▒█░▓○●◆"


def extent(middles: Values) -> tuple[float, float]:
    """From edge to edge of cells with these middles."""
    places = [float(v) for v in middles]
    half = (places[-1] - places[0]) / max(len(places) - 1, 1) / 2 or 0.5
    return places[0] - half, places[-1] + half


def cells_of(
    field: Field, x: Callable[[float], float], y: Callable[[float], float], hues: Mapping[str, int]
) -> list[str]:
    """One path for each name and level of strength; cells of a row that are alike are one rectangle."""
    across, up = _edges(field.x, x), _edges(field.y, y)
    paths: dict[tuple[int, int], list[str]] = {}
    for j, row in enumerate(field.which):
        kinds = [(int(which), _level(float(strength))) for which, strength in zip(row, field.strength[j], strict=True)]
        start = 0
        for i in range(1, len(kinds) + 1):
            if i < len(kinds) and kinds[i] == kinds[start]:
                continue
            left, right, top, bottom = across[start], across[i], up[j + 1], up[j]
            paths.setdefault(kinds[start], []).append(f"M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}z")
            start = i
    step = (_STRONG - _FAINT) / _LEVELS
    return [
        f'<path class="f{hues.get(field.names[which], 0)}" fill-opacity="{_FAINT + step * level:.2f}" '
        f'shape-rendering="crispEdges" d="{"".join(parts)}"/>'
        for (which, level), parts in sorted(paths.items())
    ]


def _edges(middles: Values, place: Callable[[float], float]) -> list[float]:
    low, high = extent(middles)
    count = len(middles)
    return [round(place(low + (high - low) * i / count), 1) for i in range(count + 1)]


def _level(strength: float) -> int:
    return round(_LEVELS * min(max(strength, 0.0), 1.0))


def map_of(field: Field, x: str, y: str, width: int, height: int) -> list[str]:
    """The names as characters, each with a sign of its own, which the last line explains; none where there are more."""
    if len(field.names) > len(_SIGNS):
        return []
    (left, right), (low, high) = extent(field.x), extent(field.y)
    labels = {0: number(high, 3), height - 1: number(low, 3)}
    margin = max(map(len, labels.values())) + 1
    wide = width - margin - 1
    lines = [f"{'':>{margin}} {y}"]
    for row in range(height):
        of_row: Sequence[int] = field.which[_nearest(height - 1 - row, height, len(field.y))]
        signs = (_SIGNS[int(of_row[_nearest(column, wide, len(field.x))])] for column in range(wide))
        lines.append(f"{labels.get(row, ''):>{margin}}│{''.join(signs)}")
    first, last = number(left, 3), number(right, 3)
    gap = max(1, wide - len(first) - len(last))
    lines.append(" " * margin + "└" + "─" * wide)
    lines.append(" " * (margin + 1) + first + f"{x if len(x) <= gap - 2 else '':^{gap}}" + last)
    lines.append(" " * (margin + 1) + "  ".join(f"{_SIGNS[i]} {name}" for i, name in enumerate(field.names)))
    return lines


def _nearest(place: int, of: int, count: int) -> int:
    return min(int((place + 0.5) / of * count), count - 1)
