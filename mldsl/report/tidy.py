"""Where the nodes of a tree stand, so that nothing overlaps and no room is wasted.

Reingold and Tilford 1981, doi:10.1109/TSE.1981.234519, for nodes of any breadth and number of children: subtrees are
shifted as near to each other as their outlines allow, and a parent stands in the middle of its children. A subtree
looks the same wherever it stands, and its mirror image is drawn as the mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.define
class _Subtree:
    """How far a subtree reaches on each level below its root, and where its children stand, all from the root."""

    low: list[float]
    high: list[float]


def depths(parents: Sequence[int]) -> list[int]:
    """The level of each node; a parent comes before its children, and roots have the parent -1."""
    found: list[int] = []
    for parent in parents:
        found.append(0 if parent < 0 else found[parent] + 1)
    return found


def tidy(parents: Sequence[int], breadths: Sequence[float], gap: float) -> list[float]:
    """The middle of each node across the levels, the leftmost edge being 0; children stand in their order.

    Nodes of one level are at least `gap` apart. `parents` as in `depths`, with one root.
    """
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(node)
    shapes: list[_Subtree] = [_Subtree([-b / 2], [b / 2]) for b in breadths]
    shift = [0.0] * len(parents)  # from the parent
    for node in reversed(range(len(parents))):
        placed: list[float] = []
        low: list[float] = []
        high: list[float] = []
        for child in children[node]:
            shape = shapes[child]
            near = [right + gap - left for right, left in zip(high, shape.low, strict=False)]
            place = max(near, default=0.0)
            low += [place + v for v in shape.low[len(low) :]]
            high[: len(shape.high)] = [place + v for v in shape.high]
            placed.append(place)
        if placed:
            middle = (placed[0] + placed[-1]) / 2
            for child, place in zip(children[node], placed, strict=True):
                shift[child] = place - middle
            shapes[node].low += [v - middle for v in low]
            shapes[node].high += [v - middle for v in high]
    places: list[float] = []
    for node, parent in enumerate(parents):
        places.append(shift[node] + (places[parent] if parent >= 0 else 0.0))
    least = min((p - b / 2 for p, b in zip(places, breadths, strict=True)), default=0.0)
    return [p - least for p in places]
