"""The ways to part rows (`by = ...`): each takes rows out of a pool, and cuts a pool into folds.

One class for each way, all with the same two methods, so that test, validation, folds and the rows that stop a fold's
training are cut by the same rules (language 4.4, 3 to 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Protocol

import attrs
import numpy as np

from mldsl.data.allot import balanced_groups, even_groups, nearest_groups, quotas, tie_boundary
from mldsl.data.draws import draws

Amount = float | int  # a share, or a number of rows


class Way(Protocol):
    """How rows are parted. Pools and parts are sorted arrays of row numbers."""

    def take(self, pool: np.ndarray, amount: Amount, among: np.ndarray, path: str) -> tuple[np.ndarray, np.ndarray]:
        """The part taken out of `pool`, and what may still be trained on; rows in neither keep a distance.

        A share is one of the rows `among`. `path` names the draws.
        """

    def folds(self, pool: np.ndarray, count: int, path: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows held out and rows trained on, fold by fold."""


def rows_of(amount: Amount, base: int) -> int:
    """A share as a number of rows, the nearest; a number as it is."""
    return int(np.floor(amount * base + 0.5)) if isinstance(amount, float) else amount


def _without(pool: np.ndarray, taken: np.ndarray) -> np.ndarray:
    left = np.ones(int(pool.max(initial=-1)) + 1, bool)
    left[taken] = False
    rest: np.ndarray = pool[left[pool]]
    return rest


@attrs.frozen(eq=False)
class Strata:
    """Random rows, with equal shares of each stratum: one stratum is `random`, classes are `stratified`, users `user`.

    `stratum` Int[n]. `keep_one`: each stratum keeps a row to train on, so that no user becomes unknown. A number of
    rows counts for each stratum if `each`, else for all together.
    """

    seed: int
    stratum: np.ndarray
    keep_one: bool = False
    each: bool = False

    def take(self, pool: np.ndarray, amount: Amount, among: np.ndarray, path: str) -> tuple[np.ndarray, np.ndarray]:
        """Random rows of each stratum."""
        counts = self.counts(pool, amount, among, path)
        order = self.shuffled(pool, path)
        ordered = self.stratum[order]
        place = np.arange(len(order)) - np.searchsorted(ordered, ordered, "left")  # within its stratum
        taken = np.sort(order[place < counts[ordered]])
        return taken, _without(pool, taken)

    def counts(self, pool: np.ndarray, amount: Amount, among: np.ndarray, path: str) -> np.ndarray:
        """How many rows of each stratum to take, Int[k]."""
        k = int(self.stratum.max(initial=-1)) + 1
        here = np.bincount(self.stratum[pool], minlength=k)
        limits = np.maximum(here - 1, 0) if self.keep_one else here
        if self.each and not isinstance(amount, float):
            return np.minimum(limits, amount)
        # Shares are of all rows, so that cutting one part first does not shift the classes of the next.
        sizes = np.bincount(self.stratum[among], minlength=k)
        return quotas(sizes, rows_of(amount, len(among)), limits, draws(self.seed, f"{path}/ties", k))

    def shuffled(self, pool: np.ndarray, path: str) -> np.ndarray:
        """The pool by stratum, in random order within each."""
        random = draws(self.seed, path, len(self.stratum))[pool]
        order: np.ndarray = pool[np.lexsort((random, self.stratum[pool]))]
        return order

    def folds(self, pool: np.ndarray, count: int, path: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows dealt out in turn: folds, and each stratum in them, differ by one row at most."""
        order = self.shuffled(pool, path)
        for index in range(count):
            held = np.sort(order[index::count])
            yield held, _without(pool, held)


@attrs.frozen(eq=False)
class Groups:
    """Whole groups: `unit` Int[n] says which. With `stratum`, groups are chosen so that class shares stay near."""

    seed: int
    unit: np.ndarray
    stratum: np.ndarray | None = None

    def take(self, pool: np.ndarray, amount: Amount, among: np.ndarray, path: str) -> tuple[np.ndarray, np.ndarray]:
        """Random groups with about that many rows."""
        units, member, sizes = self._units(pool)
        want = rows_of(amount, len(among))
        random = self._draws(path, units)
        if self.stratum is None:
            order = np.argsort(random, kind="stable")
            chosen = np.zeros(len(units), bool)
            chosen[order] = nearest_groups(sizes[order], want)
        else:
            counts = self._class_counts(member, pool, len(units))
            total = counts.sum(axis=0)
            share = want / max(len(pool), 1)
            chosen = balanced_groups(counts, np.stack([total * share, total * (1 - share)]), random) == 0
        taken = pool[chosen[member]]
        return taken, _without(pool, taken)

    def folds(self, pool: np.ndarray, count: int, path: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Whole groups, folds as even as they allow; fewer groups than folds leave folds empty."""
        units, member, sizes = self._units(pool)
        random = self._draws(path, units)
        if self.stratum is None:
            fold = even_groups(sizes, count, random)
        else:
            counts = self._class_counts(member, pool, len(units))
            fold = balanced_groups(counts, np.tile(counts.sum(axis=0) / count, (count, 1)), random)
        for index in range(count):
            held = pool[fold[member] == index]
            yield held, _without(pool, held)

    def _units(self, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        units, member, sizes = np.unique(self.unit[pool], return_inverse=True, return_counts=True)
        return units, member, sizes

    def _draws(self, path: str, units: np.ndarray) -> np.ndarray:
        drawn: np.ndarray = draws(self.seed, path, int(self.unit.max(initial=-1)) + 1)[units]
        return drawn

    def _class_counts(self, member: np.ndarray, pool: np.ndarray, units: int) -> np.ndarray:
        assert self.stratum is not None
        classes = int(self.stratum.max(initial=-1)) + 1
        flat = np.bincount(member * classes + self.stratum[pool], minlength=units * classes)
        counts: np.ndarray = flat.reshape(units, classes)
        return counts


@attrs.frozen(eq=False)
class Later:
    """The last rows in time, training on earlier ones only.

    `time` Float[n] in seconds (or row numbers). Rows of the same time stay together, except where a number of rows is
    asked for. With `unit`, whole groups by the time of their first row; rows of earlier groups that are not earlier
    than every held-out row are not trained on. `gap` is a distance to what is held out, in rows (int) or seconds.
    """

    time: np.ndarray
    unit: np.ndarray | None = None
    gap: float | int | None = None

    def take(self, pool: np.ndarray, amount: Amount, among: np.ndarray, path: str) -> tuple[np.ndarray, np.ndarray]:
        """The last rows."""
        order, key = self._ordered(pool)
        cut = len(order) - rows_of(amount, len(among))
        if isinstance(amount, float) or self.unit is not None:
            cut = tie_boundary(key, max(cut, 0))
        taken, rest = np.sort(order[max(cut, 0) :]), np.sort(order[: max(cut, 0)])
        return taken, self._earlier(rest, taken)

    def folds(self, pool: np.ndarray, count: int, path: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """`count` + 1 blocks in order of time; each but the first is held out once, after all before it."""
        order, key = self._ordered(pool)
        cuts = [tie_boundary(key, round(len(order) * i / (count + 1))) for i in range(1, count + 1)] + [len(order)]
        for start, end in pairwise(cuts):
            held = np.sort(order[start:end])
            yield held, self._earlier(np.sort(order[:start]), held)

    def _ordered(self, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pool in order of time, and what must not be parted: equal times, or whole groups."""
        time = self.time[pool]
        if self.unit is None:
            order = np.argsort(time, kind="stable")
            return pool[order], time[order]
        _, member = np.unique(self.unit[pool], return_inverse=True)
        first = np.full(int(member.max(initial=-1)) + 1, np.inf)
        np.minimum.at(first, member, time)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))
        order = np.lexsort((time, rank[member]))
        return pool[order], rank[member][order]

    def _earlier(self, rest: np.ndarray, held: np.ndarray) -> np.ndarray:
        if not len(held) or not len(rest):
            return rest
        start = self.time[held].min()
        kept = np.ones(len(rest), bool)
        if self.unit is not None:
            kept &= self.time[rest] < start
        if isinstance(self.gap, float):
            kept &= start - self.time[rest] >= self.gap
        rest = rest[kept]
        if self.gap and not isinstance(self.gap, float):
            latest = rest[np.argsort(self.time[rest], kind="stable")]
            rest = np.sort(latest[: max(len(latest) - self.gap, 0)])
        return rest


@attrs.frozen(eq=False)
class EachUserLater:
    """Each user's last rows, training on that user's earlier ones. Every user keeps a row to train on."""

    strata: Strata
    time: np.ndarray
    gap: float | int | None = None

    def take(self, pool: np.ndarray, amount: Amount, among: np.ndarray, path: str) -> tuple[np.ndarray, np.ndarray]:
        """The last rows of each user."""
        counts = self.strata.counts(pool, amount, among, path)
        order, user, place, size = self._ordered(pool)
        taken = place >= size - counts[user]
        return np.sort(order[taken]), self._earlier(order, user, taken)

    def folds(self, pool: np.ndarray, count: int, path: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each user's rows in `count` + 1 blocks of time; a block is held out after that user's blocks before it."""
        order, user, place, size = self._ordered(pool)
        block = place * (count + 1) // size
        for index in range(1, count + 1):
            upto = block <= index
            held = block[upto] == index
            yield np.sort(order[upto][held]), self._earlier(order[upto], user[upto], held)

    def _ordered(self, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Rows by user and time, and for each its user, its place among the user's rows and their number."""
        users = self.strata.stratum[pool]
        order = np.lexsort((self.time[pool], users))
        user = users[order]
        start = np.searchsorted(user, user, "left")
        return pool[order], user, np.arange(len(order)) - start, np.searchsorted(user, user, "right") - start

    def _earlier(self, order: np.ndarray, user: np.ndarray, held: np.ndarray) -> np.ndarray:
        """What is left to train on, `gap` away from the user's first row held out."""
        rest = ~held
        if isinstance(self.gap, float):
            start = np.full(int(user.max(initial=-1)) + 1, np.inf)
            np.minimum.at(start, user[held], self.time[order][held])
            rest = rest & (start[user] - self.time[order] >= self.gap)
        elif self.gap:
            # Rows are in order of time, so the distance in rows is a difference of places.
            first = np.full(int(user.max(initial=-1)) + 1, len(order) + self.gap)
            place = np.arange(len(order))
            np.minimum.at(first, user[held], place[held])
            rest = rest & (first[user] - place > self.gap)
        return np.sort(order[rest])
