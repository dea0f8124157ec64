"""A tree of boxes as SVG: from above to below where there is room, else from left to right, where rows are short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import attrs

from mldsl.plugin.display import Box, Diagram
from mldsl.report.axis import shorten, text_width
from mldsl.report.marks import at
from mldsl.report.tidy import depths, tidy

_HEAD, _TEXT = 12.0, 11.0
_STRONG_TYPE = 1.12  # how much wider strong type runs
_PAD = 10.0
_LINE = 16.0
_BAR = 7.0
_WIDEST = 220.0  # of a box
_NARROWEST = 84.0
_PAGE = 880.0  # what a page has room for
_GAP = 14.0  # between neighbours
_FALL = 46.0  # between levels from above to below, where the edges have their words
_MARGIN = 4.0
_FAINT, _FULL = 0.10, 0.46  # opacity of a box's colour, behind its text


@attrs.frozen
class _Placed:
    """A box with its rectangle."""

    box: Box
    left: float
    top: float
    width: float
    height: float


@attrs.frozen
class _Layout:
    """All boxes, whether levels go down, and the size of the whole."""

    placed: list[_Placed]
    down: bool
    width: float
    height: float


def diagram_size(diagram: Diagram) -> tuple[float, float]:
    """Width and height in pixels."""
    layout = _lay_out(diagram)
    return layout.width, layout.height


def draw_diagram(diagram: Diagram, hues: Mapping[str, int]) -> list[str]:
    """Edges first, then the boxes on them, then the words of the edges."""
    layout = _lay_out(diagram)
    edges, words = [], []
    for placed in layout.placed:
        if placed.box.parent >= 0:
            parent = layout.placed[placed.box.parent]
            edges.append(_edge(parent, placed, layout))
            words.append(_words(placed, layout))
    return [*edges, *(_box(p, diagram, hues) for p in layout.placed), *words]


def _lay_out(diagram: Diagram) -> _Layout:
    boxes = diagram.boxes
    down = _placed(boxes, down=True)
    return down if down.width <= _PAGE else _placed(boxes, down=False)


def _placed(boxes: Sequence[Box], *, down: bool) -> _Layout:
    parents = [box.parent for box in boxes]
    level = depths(parents)
    wide, tall = [_width(box) for box in boxes], [_height(box) for box in boxes]
    if down:  # the words of an edge stand above their box
        wide = [max(w, text_width(box.edge, _TEXT) + 8) for w, box in zip(wide, boxes, strict=True)]
    count = max(level, default=0) + 1
    along = tall if down else wide  # in the direction of the levels
    deep = [max(a for a, of in zip(along, level, strict=True) if of == k) for k in range(count)]
    falls = [_FALL] * count
    if not down:  # boxes of a level are of one width, and the words of their edges stand before them
        wide = [deep[k] for k in level]
        words = [
            max(
                (text_width(w, _TEXT) for b, of in zip(boxes, level, strict=True) if of == k for w in _lines(b)),
                default=0,
            )
            for k in range(count)
        ]
        falls = [30.0 + w for w in words[1:]] + [0.0]
    starts = [_MARGIN + sum(deep[:k]) + sum(falls[:k]) for k in range(count)]
    across = tidy(parents, wide if down else tall, _GAP if down else 10.0)
    placed = []
    for i, box in enumerate(boxes):
        middle, start = across[i] + _MARGIN, starts[level[i]]
        left, top = (middle - wide[i] / 2, start) if down else (start, middle - tall[i] / 2)
        placed.append(_Placed(box, left, top, wide[i], tall[i]))
    width = max((p.left + p.width for p in placed), default=0.0) + _MARGIN
    height = max((p.top + p.height for p in placed), default=0.0) + _MARGIN
    return _Layout(placed, down, width, height)


def _width(box: Box) -> float:
    texts = [
        *((line, _HEAD * _STRONG_TYPE) for line in _head(box)),
        *((line, _TEXT) for line in (*box.lines, box.more)),
    ]
    widest = max(text_width(text, size) for text, size in texts)
    return min(max(widest + 2 * _PAD, _NARROWEST), _WIDEST)


def _head(box: Box) -> list[str]:
    """The head on as many lines as it needs."""
    lines: list[str] = []
    for word in box.head.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, _HEAD * _STRONG_TYPE) <= _WIDEST - 2 * _PAD:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _height(box: Box) -> float:
    rows = len(_head(box)) + len(box.lines) + bool(box.more)
    return 2 * 7.0 + _LINE * rows - 3 + (_BAR + 5 if box.shares else 0)


def _edge(parent: _Placed, child: _Placed, layout: _Layout) -> str:
    width = 1.2 + 5.0 * min(max(child.box.flow, 0.0), 1.0)
    if layout.down:
        x0, y0 = parent.left + parent.width / 2, parent.top + parent.height
        x1, y1 = child.left + child.width / 2, child.top
        bend = y0 + (y1 - y0) * 0.45
        path = f"M{at(x0)} {at(y0)}C{at(x0)} {at(bend)} {at(x1)} {at(y0 + (y1 - y0) * 0.1)} {at(x1)} {at(y1)}"
    else:
        x0, y0 = parent.left + parent.width, parent.top + parent.height / 2
        x1, y1 = child.left, child.top + child.height / 2
        turn = x0 + 26.0
        path = f"M{at(x0)} {at(y0)}C{at(x0 + 16)} {at(y0)} {at(x0 + 10)} {at(y1)} {at(turn)} {at(y1)}H{at(x1)}"
    return f'<path class="w" stroke-width="{at(width)}" d="{path}"/>'


def _lines(box: Box) -> list[str]:
    """The words of an edge one below the other, as they stand beside a box."""
    return box.edge.split(", ") if box.edge else []


def _words(child: _Placed, layout: _Layout) -> str:
    """What an edge says, near the box that it leads to, with the background around it."""
    if not child.box.edge:
        return ""
    if layout.down:
        place = f'x="{at(child.left + child.width / 2)}" y="{at(child.top - 9)}" text-anchor="middle"'
        return f'<text class="s o" {place} font-size="{at(_TEXT)}">{escape(child.box.edge)}</text>'
    middle = child.top + child.height / 2 + 4
    return "".join(
        f'<text class="s o" x="{at(child.left - 8)}" y="{at(middle + 13 * i)}" text-anchor="end" '
        f'font-size="{at(_TEXT)}">{escape(line)}</text>'
        for i, line in enumerate(_lines(child.box))
    )


def _box(placed: _Placed, diagram: Diagram, hues: Mapping[str, int]) -> str:
    box, left, top = placed.box, placed.left, placed.top
    rectangle = f'x="{at(left)}" y="{at(top)}" width="{at(placed.width)}" height="{at(placed.height)}" rx="6"'
    out = ["<g>", f"<title>{escape(box.title)}</title>" if box.title else ""]
    dashes = ' stroke-dasharray="4 3"' if box.more else ""
    edge = dashes if box.which < 0 else ' style="stroke:none"'
    out.append(f'<rect class="n" {rectangle}{edge}/>')
    if box.which >= 0:
        hue = hues.get(diagram.names[box.which], 1)
        opacity = _FAINT + (_FULL - _FAINT) * min(max(box.strength, 0.0), 1.0)
        out.append(f'<rect class="f{hue} k{hue}" {rectangle}{dashes} fill-opacity="{opacity:.2f}"/>')
    y = top + 2.0
    room = placed.width - 2 * _PAD
    for line in _head(box):
        y += _LINE
        out.append(_text(left + _PAD, y, shorten(line, room + 1, _HEAD * _STRONG_TYPE), "t h", _HEAD))
    for line in box.lines:
        y += _LINE
        out.append(_text(left + _PAD, y, shorten(line, room + 1, _TEXT), "t", _TEXT))
    if box.shares:
        y += 7.0
        out += _bar(box, left + _PAD, y, room, diagram, hues)
        y += _BAR - 2
    if box.more:
        out.append(_text(left + _PAD, y + _LINE, shorten(box.more, room + 1, _TEXT), "s i", _TEXT))
    return "".join((*out, "</g>"))


def _bar(box: Box, left: float, top: float, width: float, diagram: Diagram, hues: Mapping[str, int]) -> list[str]:
    """The shares side by side, with a hair of background between them."""
    total, x, out = sum(box.shares), left, []
    for name, share in zip(diagram.names, box.shares, strict=True):
        part = width * share / total if total > 0 else 0.0
        if part >= 0.3:
            out.append(
                f'<rect class="f{hues.get(name, 1)}" x="{at(x)}" y="{at(top)}" width="{at(max(part - 0.8, 0.3))}" '
                f'height="{at(_BAR)}" rx="1.5"><title>{escape(name)}: {100 * share:.1f}%</title></rect>'
            )
        x += part
    return out


def _text(x: float, y: float, text: str, kind: str, size: float) -> str:
    return f'<text class="{kind}" x="{at(x)}" y="{at(y)}" font-size="{at(size)}">{escape(text)}</text>'
