"""Sharing rows out: how many of each stratum, which whole groups, where in time.

Pure functions of arrays; all randomness arrives as draws.
"""

from __future__ import annotations

import heapq

import numpy as np

EXACT_BITS = 1 << 30  # beyond it (128 MB of reachable sums) groups are chosen greedily


def quotas(sizes: np.ndarray, want: int, limits: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """How many of each stratum, Int[k]: in proportion to `sizes`, `want` in all, at most `limits`.

    The method of largest remainders: every number is within 1 of its exact share unless a limit is in the way.
    Equal remainders go by `ties`.
    """
    exact = want * sizes / max(int(sizes.sum()), 1)
    counts = np.minimum(np.floor(exact).astype(np.int64), limits)
    order = np.lexsort((ties, counts - exact))  # largest remainder first
    while (short := want - int(counts.sum())) > 0:
        room = order[counts[order] < limits[order]][:short]
        if not len(room):
            break
        counts[room] += 1
    return np.asarray(counts)


def nearest_groups(sizes: np.ndarray, want: int) -> np.ndarray:
    """Which groups to take, Bool[k], so that their rows are as near to `want` as whole groups allow.

    At least one is taken and at least one is left. `sizes` come in random order, and earlier ones are preferred.
    Exact by the reachable sums (O(k want / 64)); greedy where that table would be too large, which is then at most half
    of the smallest group left out away.
    """
    chosen = np.zeros(len(sizes), bool)
    if len(sizes) < 2:
        return chosen
    listed = [int(size) for size in sizes]
    cap = max(2 * want, min(listed)) + 1
    if cap * len(listed) > EXACT_BITS:
        return _filled(listed, want)
    mask = (1 << (cap + 1)) - 1
    reachable = [1]
    for size in listed:
        reachable.append((reachable[-1] | (reachable[-1] << size)) & mask)
    total = _nearest_bit(reachable[-1], want, sum(listed))
    for index in range(len(listed), 0, -1):
        if not reachable[index - 1] >> total & 1:  # not without this one
            chosen[index - 1] = True
            total -= listed[index - 1]
    return chosen


def _filled(sizes: list[int], want: int) -> np.ndarray:
    """Groups in their order as long as they fit, and then the smallest of the others if that comes nearer."""
    chosen = np.zeros(len(sizes), bool)
    room = want
    for index, size in enumerate(sizes):
        if size <= room:
            chosen[index] = True
            room -= size
    others = np.flatnonzero(~chosen)
    if len(others):
        smallest = others[np.argmin(np.array(sizes)[others])]
        if not chosen.any() or abs(room - sizes[smallest]) < room:
            chosen[smallest] = True
    return chosen


def _nearest_bit(sums: int, want: int, everything: int) -> int:
    """The reachable sum nearest to `want`, neither 0 nor all rows."""
    for distance in range(max(want, everything) + 1):
        for total in (want - distance, want + distance):
            if 0 < total < everything and sums >> total & 1:
                return total
    raise AssertionError("a single group is always reachable")


def even_groups(sizes: np.ndarray, bins: int, ties: np.ndarray) -> np.ndarray:
    """A bin for each group, Int[k]: the largest first, each into the bin with the fewest rows (Graham 1969)."""
    heap = [(0, index) for index in range(bins)]
    found = np.empty(len(sizes), np.int64)
    for index in np.lexsort((ties, -sizes)):
        rows, bin_ = heapq.heappop(heap)
        found[index] = bin_
        heapq.heappush(heap, (rows + int(sizes[index]), bin_))
    return found


def balanced_groups(counts: np.ndarray, targets: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """A bin for each group, Int[k], so that each bin comes near its class counts.

    `counts` Int[k, c] are the rows of each class in each group, `targets` Float[b, c] those that each bin should have.
    Largest groups first, each to the bin that lacks its classes most, in shares of the class. No bin stays empty while
    another has two groups.
    """
    scale = 1.0 / np.maximum(counts.sum(axis=0), 1)
    lacking = targets.astype(float)
    found = np.empty(len(counts), np.int64)
    for index in np.lexsort((ties, -counts.sum(axis=1))):
        found[index] = int(np.argmax(lacking @ (counts[index] * scale)))
        lacking[found[index]] -= counts[index]
    for bin_ in range(len(targets)):
        if not (found == bin_).any():
            members = np.bincount(found, minlength=len(targets))
            movable = np.flatnonzero(members[found] > 1)
            if len(movable):
                found[movable[np.argmin(counts.sum(axis=1)[movable])]] = bin_
    return found


def tie_boundary(values: np.ndarray, place: int) -> int:
    """The cut nearest to `place` in sorted `values` that does not part equal ones; 0 or n if all are equal."""
    n = len(values)
    if place <= 0 or place >= n or values[place - 1] != values[place]:
        return place
    left = int(np.searchsorted(values, values[place], "left"))
    right = int(np.searchsorted(values, values[place], "right"))
    if left == 0 or right == n:
        return right if left == 0 else left
    return left if place - left <= right - place else right
