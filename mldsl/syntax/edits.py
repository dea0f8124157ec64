"""A text with repairs in it, which still knows where everything stood.

Why it exists: recovery blanks what is broken and inserts what is missing, parses again, and must show every later
message at its place in the file as it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import attrs


@attrs.frozen
class Edit:
    """Replace the characters from `start` up to `end` by `text`. `owner` is the statement or block it repairs."""

    start: int
    end: int
    text: str
    owner: object


class Patched:
    """A text under repair. Edits may touch but not overlap; blanking a stretch takes the edits in it along."""

    def __init__(self, original: str) -> None:
        self.original = original
        self.edits: list[Edit] = []

    def edit(self, start: int, end: int, text: str, owner: object) -> None:
        """Add a repair, unless it would overlap another. Insertions at one place stay in the order they came in."""
        if not any(start < other.end and other.start < end for other in self.edits):
            self.edits.append(Edit(start, end, text, owner))

    def blank(self, stretches: Iterable[tuple[int, int]], owners: Iterable[object] = ()) -> None:
        """Empty stretches that do not overlap; what `owners` were given as repairs is dropped, also at their ends."""
        empty = sorted(stretches)
        starts = [start for start, _ in empty]
        gone = {id(owner) for owner in owners}

        def hit(edit: Edit) -> bool:
            at = bisect_right(starts, edit.end) - 1  # the last that may reach into it
            return any(start < edit.end and edit.start < end for start, end in empty[max(at - 1, 0) : at + 1])

        self.edits = [edit for edit in self.edits if id(edit.owner) not in gone and not hit(edit)]
        self.edits += [Edit(start, end, " ", None) for start, end in empty]

    def apply(self) -> tuple[str, PlaceMap]:
        """The repaired text, and the way back."""
        if not self.edits:
            return self.original, PlaceMap([], [])
        pieces: list[str] = []
        done = length = 0
        starts: list[int] = []
        shifts: list[tuple[int, int, int]] = []
        for edit in sorted(self.edits, key=lambda edit: (edit.start, edit.end)):
            pieces += [self.original[done : edit.start], edit.text]
            length += edit.start - done
            starts.append(length)
            length += len(edit.text)
            shifts.append((edit.start, edit.end, length))
            done = edit.end
        pieces.append(self.original[done:])
        return "".join(pieces), PlaceMap(starts, shifts)


@attrs.frozen
class PlaceMap:
    """From offsets in a repaired text to offsets in the original.

    `starts` are where edits begin in the repaired text, `shifts` their `(start, end)` in the original and where they
    end in the repaired text.
    """

    starts: list[int]
    shifts: list[tuple[int, int, int]]

    def original(self, offset: int, *, ends: bool = False) -> int:
        """Where an offset stood. Inside an edit: its start, or its end for the end of a stretch."""
        index = bisect_right(self.starts, offset) - 1
        if index < 0:
            return offset
        start, end, over = self.shifts[index]
        if offset < over:
            return end if ends and offset > self.starts[index] else start
        return end + offset - over
