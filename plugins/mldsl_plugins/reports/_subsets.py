"""Nested subsets of training rows: every smaller one is part of every larger one, so that steps compare like with like.

Classes keep their shares, and each has a row in every subset that has room for one. Rows of one group or query stay
together. Where folds train on earlier rows only, a smaller subset is the latest rows: as if collecting had begun later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mldsl.contract.views import ReportView
from mldsl_plugins.reports._columns import values


def subset_order(view: ReportView, fold: Any) -> np.ndarray:
    """The training rows of a fold (places), in the order in which they join: a subset is the first of them."""
    train = np.flatnonzero(fold.train)
    later = _time(view, fold)
    if later is not None:
        return np.asarray(train[np.argsort(-later[train], kind="stable")])
    random = np.random.Generator(np.random.PCG64([view.seed, fold.repeat, fold.index]))
    shuffled = random.permutation(train)
    units = _units(view)
    if units is not None:
        own = units[shuffled]
        _, first, group = np.unique(own, return_index=True, return_inverse=True)
        return np.asarray(shuffled[np.argsort(first[group], kind="stable")])  # groups in the order of their first rows
    if not view.levels or view.target is None:
        return shuffled
    _, code = np.unique(view.frame[view.target].cast(str).fill_null("").to_numpy(), return_inverse=True)
    return np.asarray(shuffled[np.argsort(_evenly(code[shuffled]), kind="stable")])


def _evenly(code: np.ndarray) -> np.ndarray:
    """Where each row comes if the rows of each class are spread evenly, the first of every class at the beginning."""
    place = np.zeros(len(code))
    for c in np.unique(code):
        mine = code == c
        place[mine] = np.arange(mine.sum()) / mine.sum()
    return place


def subset(order: np.ndarray, share: float, n: int, units: np.ndarray | None = None) -> np.ndarray:
    """The first `share` of the rows in `order`, at least one, as a mask Bool[n]; groups that are begun are whole."""
    count = max(1, round(share * len(order)))
    chosen = order[:count]
    mask = np.zeros(n, bool)
    mask[chosen] = True
    if units is not None:
        mask[order] |= np.isin(units[order], units[chosen[-1:]])
    return mask


def units_of(view: ReportView) -> np.ndarray | None:
    """What stays together, Int[n]; None where every row is for itself."""
    return _units(view)


def _units(view: ReportView) -> np.ndarray | None:
    for role in ("group", "query"):
        column = next((c for c in view.columns if c.role == role), None)
        if column is not None:
            return np.asarray(np.unique(view.frame[column.name].cast(str).fill_null(""), return_inverse=True)[1])
    return None


def _time(view: ReportView, fold: Any) -> np.ndarray | None:
    """What orders the rows, where this fold trains on earlier rows than it holds out: times, or the file's order."""
    column = next((c for c in view.columns if c.role == "time"), None)
    orders: Sequence[np.ndarray] = [np.arange(len(fold.train), dtype=float)]
    if column is not None:
        orders = [values(view.frame, column.name), *orders]
    for order in orders:
        if np.nanmax(order[fold.train]) <= np.nanmin(order[fold.held]):
            return np.nan_to_num(order, nan=-np.inf)
    return None
