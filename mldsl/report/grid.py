"""Tables as lines of text that fit a terminal: headings wrap first, then texts are cut, then columns are left out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import attrs

_GAP = 2
_SHORTEST = 14  # texts are not cut below this


@attrs.frozen
class Lines:
    """Heading and body of a table, and how many columns had no room."""

    head: list[str]
    rule: str
    body: list[str]
    left_out: int


def width_of(text: str) -> int:
    """Columns of a terminal that a text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)


def fit(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[bool], width: int) -> Lines:
    """Lay out a table in at most `width` columns (more only where a single column is wider)."""
    cells = [max((width_of(row[i]) for row in rows), default=0) for i in range(len(header))]
    wanted = [max(c, width_of(h)) for c, h in zip(cells, header, strict=True)]
    if _total(wanted) > width:
        wanted = [max(c, *map(width_of, h.split(" "))) for c, h in zip(cells, header, strict=True)]
    while _total(wanted) > width:
        texts = [i for i in range(len(wanted)) if left[i] and wanted[i] > _SHORTEST]
        if not texts:
            break
        longest = max(texts, key=lambda i: wanted[i])
        wanted[longest] = max(_SHORTEST, wanted[longest] - (_total(wanted) - width))
    shown = len(wanted)
    while shown > 1 and _total(wanted[:shown]) > width:
        shown -= 1
    wanted = wanted[:shown]
    headings = [_wrapped(h, w) for h, w in zip(header, wanted, strict=False)]
    tall = max(map(len, headings), default=1)
    head = [
        _line([([""] * (tall - len(h)) + h)[k] for h in headings], wanted, left) for k in range(tall)
    ]  # the last line of every heading stands on the rule
    columns = [_apart([row[i] for row in rows], w) for i, w in enumerate(wanted)]
    body = [_line(row, wanted, left) for row in zip(*columns, strict=True)]
    return Lines(head, "─" * _total(wanted), body, len(header) - shown)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * max(len(widths) - 1, 0)


def _line(cells: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    padded = []
    for cell, width, is_left in zip(cells, widths, left, strict=False):
        space = " " * max(0, width - width_of(cell))
        padded.append(cell + space if is_left else space + cell)
    return (" " * _GAP).join(padded).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    """The words of a heading on as many lines as they need."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return [_cut(line, width) for line in lines]


def _apart(texts: Sequence[str], width: int) -> list[str]:
    """The texts of a column cut at their ends; from their middles where ends tell apart what beginnings do not."""
    cut = [_cut(text, width) for text in texts]
    if len(set(cut)) == len(set(texts)):
        return cut
    inner = [_cut_inside(text, width) for text in texts]
    return inner if len(set(inner)) > len(set(cut)) else cut


def _cut_inside(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    head, tail = text[: width // 3], text[width // 3 :]
    while tail and width_of(head) + width_of(tail) > width - 1:
        tail = tail[1:]
    return _cut(f"{head}…{tail}", width)


def _cut(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    while text and width_of(text) > width - 1:
        text = text[:-1]
    return text + "…"
