"""Sharing rows out: how many of each stratum, which whole groups, where in time.

Pure functions of arrays; all randomness arrives as draws.
"""

from __future__ import annotations

import heapq

import numpy as np

_ROUNDS = 300  # of moving and exchanging groups
_EXCHANGED = 500  # groups; beyond, there are enough that moving single ones comes near
_LEAST = 1e-12
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
    """A bin for each group, Int[k]: the largest first, each into the bin with the fewest rows (Graham 1969).

    Groups of about the same size, within a factor of two, go by `ties`, so that other draws give other folds.
    """
    heap = [(0, index) for index in range(bins)]
    found = np.empty(len(sizes), np.int64)
    for index in _largest_first(sizes, ties):
        rows, bin_ = heapq.heappop(heap)
        found[index] = bin_
        heapq.heappush(heap, (rows + int(sizes[index]), bin_))
    return found


def _largest_first(sizes: np.ndarray, ties: np.ndarray) -> np.ndarray:
    return np.lexsort((ties, -np.frexp(np.maximum(sizes, 1).astype(float))[1]))


def balanced_groups(counts: np.ndarray, targets: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """A bin for each group, Int[k], so that each bin comes near its class counts and its number of rows.

    `counts` Int[k, c] are the rows of each class in each group, `targets` Float[b, c] those that each bin should have.
    What is made small is the sum of squares of what bins lack: of each class in shares of the class, and of all rows,
    which count as much as all classes together. Large groups first, each to the bin where that sum grows least; then
    groups are moved and exchanged while it falls. No bin stays empty while another has two groups.
    Cost: O(k b c), and O(k^2 c) for each exchange, of which few hundred are made at most and none beyond 500 groups.
    """
    totals = counts.sum(axis=0)
    scale = 1.0 / np.maximum(totals, 1)
    rows = np.sqrt(len(totals)) / max(int(totals.sum()), 1)

    def scaled(values: np.ndarray) -> np.ndarray:
        return np.column_stack([values * scale, values.sum(axis=1) * rows])

    sizes, lacking = scaled(counts.astype(float)), scaled(targets.astype(float))
    order = _largest_first(counts.sum(axis=1), ties)
    found = np.empty(len(counts), np.int64)
    for index in order:
        found[index] = int(np.argmax(np.round(lacking @ sizes[index], 12)))
        lacking[found[index]] -= sizes[index]
    _improve(found, sizes, lacking, order)
    for bin_ in range(len(targets)):
        if not (found == bin_).any():
            members = np.bincount(found, minlength=len(targets))
            movable = np.flatnonzero(members[found] > 1)
            if len(movable):
                found[movable[np.argmin(counts.sum(axis=1)[movable])]] = bin_
    return found


def _improve(found: np.ndarray, sizes: np.ndarray, lacking: np.ndarray, order: np.ndarray) -> None:
    """Move a group to another bin, or exchange two, while what bins lack falls; both arrays are changed in place."""
    for _ in range(_ROUNDS):
        of = found[order]
        size = sizes[order]
        # Moving g from a to b changes the sum of squares by 2 g . (g + lacking[a] - lacking[b]).
        gain = 2 * ((size * (size + lacking[of])).sum(axis=1)[:, None] - size @ lacking.T)
        gain[np.arange(len(order)), of] = 0.0
        first, to = np.unravel_index(int(np.argmin(gain)), gain.shape)
        if gain[first, to] < -_LEAST:
            _move(found, sizes, lacking, order[first], int(to))
            continue
        if len(order) > _EXCHANGED:
            return
        # Exchanging g in a and h in b moves g - h from a to b.
        own = (size * lacking[of]).sum(axis=1)
        square = (size * size).sum(axis=1)
        cross, other = size @ size.T, size @ lacking.T
        there = other[:, of]  # [g, h]: g . lacking[bin of h]
        swap = square[:, None] + square - 2 * cross + own[:, None] + own - there - there.T
        swap[of[:, None] == of] = 0.0
        one, two = np.unravel_index(int(np.argmin(swap)), swap.shape)
        if not swap[one, two] < -_LEAST:
            return
        a, b = int(of[one]), int(of[two])
        _move(found, sizes, lacking, order[one], b)
        _move(found, sizes, lacking, order[two], a)


def _move(found: np.ndarray, sizes: np.ndarray, lacking: np.ndarray, group: int, to: int) -> None:
    lacking[found[group]] += sizes[group]
    lacking[to] -= sizes[group]
    found[group] = to


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
