"""Confidence intervals of metrics: the bootstrap over rows or groups, and the corrected t over folds.

A bootstrap replicate of rows is another weight vector for the same rows, so a metric with a thousand replicates is the
metric mapped over a matrix of weights. Counts are drawn on the host: drawing there is exact and quick, and leaves
nothing of it to compile. What metrics prepare (sorting, one-hot columns) is done once, also on the host; the one
compiled program holds no more than the metrics' sums, for a block of weight vectors at a time.

Sources: Efron 1979, doi:10.1214/aos/1176344552 (percentile intervals: 1981, doi:10.1214/aos/1176345638); Poisson counts
for many rows: Hanley & MacGibbon 2006, doi:10.1016/j.cmpb.2006.04.006; folds: Nadeau & Bengio 2003,
doi:10.1023/A:1024068626366.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from mldsl.contract import MetricView

LEVEL = 0.95
REPLICATES = 1000
# Above this many units each count is drawn by itself (Poisson) and the sum put right afterwards.
EXACT_UP_TO = 10_000
# Row visits that the replicates of one part may cost; with less than a fifth of them, ends of intervals get too rough.
_VISITS = 50_000_000
# Elements of a block of weight vectors: 16 MB in float32.
_BLOCK = 1 << 22


class Program(Protocol):
    """`Programs.call`: run a function compiled, told from others by its name and static facts."""

    def __call__(self, name: str, function: Callable[..., Any], static: object, *args: Any, x64: bool = False) -> Any:
        """The function's result."""
        ...


class Replicates(NamedTuple):
    """A block of r weight vectors: `counts` [r, n] (bytes where they can be) times `scale` [n] times `factor` [r]."""

    counts: np.ndarray
    scale: np.ndarray
    factor: np.ndarray


def replicates_for(rows: int) -> int:
    """How many replicates a part of so many rows gets: 1,000 up to 50,000 rows, falling to 200 at 250,000.

    The ends of an interval from 200 replicates scatter by about a tenth of its half-width, which for so many rows is
    far below what anybody decides on; a thousand would cost more than the fit.
    """
    return int(min(REPLICATES, max(REPLICATES // 5, _VISITS // max(rows, 1))))


# ---- drawing ---------------------------------------------------------------------------------------------------------


def replicate_weights(
    key: np.ndarray, weight: np.ndarray, groups: np.ndarray | None = None, replicates: int = REPLICATES
) -> Iterator[Replicates]:
    """The weights themselves as the first vector, then `replicates` bootstrap replicates, in blocks of equal size.

    Without groups: counts of a multinomial sample of sum(w) draws, row i with probability w_i / sum(w), so that a row
    of weight 2 is two rows. Up to 10,000 rows of weight 1 this is exact; beyond, and for other weights, each row's
    count is Poisson(w_i), scaled to the same sum, which differs by a share of 1 / sum(w) in variance. With groups
    (codes [n]): whole groups are drawn, as many as there are, and a row counts as often as its group was drawn.

    The last block is filled up with further replicates. Equal keys (uint32[2]) give equal bits on every machine.
    """
    n, present = len(weight), weight > 0
    rows = replicates + 1
    size = min(rows, max(1, _BLOCK // max(1, n)))
    random = np.random.Generator(np.random.SFC64(np.asarray(key, np.uint32)))
    draw, scale = _drawer(random, weight, present, groups)
    for start in range(0, rows, size):
        counts, factor = draw(size)
        if start == 0:
            counts[0], factor[0] = _as_they_are(counts.dtype, weight, present), 1
        yield Replicates(counts, scale, factor.astype(weight.dtype))


def _as_they_are(dtype: Any, weight: np.ndarray, present: np.ndarray) -> np.ndarray:
    # Small integer counts multiply the weights; counts in the weights' own type replace them.
    return present.astype(dtype) if dtype == np.uint8 else weight


_Drawn = tuple[np.ndarray, np.ndarray]


def _drawer(
    random: np.random.Generator, weight: np.ndarray, present: np.ndarray, groups: np.ndarray | None
) -> tuple[Callable[[int], _Drawn], np.ndarray]:
    """A function that draws r vectors of counts [r, n] with their factors [r]; and what counts are multiplied by."""
    if groups is not None:
        codes, of_row = np.unique(groups[present], return_inverse=True)
        unit = np.zeros(len(weight), np.intp)
        unit[present] = of_row
        return lambda r: (_spread(_units(random, len(codes), r)[0], present, unit), np.ones(r)), weight
    if (weight[present] == 1).all():
        place = np.flatnonzero(present)

        def rows(r: int) -> _Drawn:
            counts, factor = _units(random, len(place), r)
            if len(place) == len(weight):
                return counts, factor
            out = np.zeros((r, len(weight)), np.uint8)
            out[:, place] = counts
            return out, factor

        return rows, weight

    def poisson(r: int) -> _Drawn:
        # Of float32 in any case, so that models of either precision draw the same counts and can be compared.
        counts = random.poisson(weight.astype(np.float32), (r, len(weight))).astype(weight.dtype)
        return counts, _to_sum(counts.sum(axis=1, dtype=np.float64), float(weight.sum(dtype=np.float64)))

    return poisson, present.astype(weight.dtype)


def _spread(counts: np.ndarray, present: np.ndarray, unit: np.ndarray) -> np.ndarray:
    spread: np.ndarray = counts[:, unit] if counts.shape[1] else np.zeros((len(counts), len(unit)), np.uint8)
    spread[:, ~present] = 0
    return spread


def _to_sum(drawn: np.ndarray, wanted: float) -> np.ndarray:
    factor: np.ndarray = np.divide(wanted, drawn, out=np.ones_like(drawn), where=drawn > 0)
    return factor


def _units(random: np.random.Generator, units: int, r: int) -> _Drawn:
    """How often each of so many units is drawn in r samples of their own number: [r, units] and a factor [r]."""
    if units <= EXACT_UP_TO:
        drawn = random.integers(0, max(units, 1), (r, units), dtype=np.int32)
        drawn += (np.arange(r, dtype=np.int32) * units)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=r * units).reshape(r, units)
        return np.minimum(counts, 255).astype(np.uint8), np.ones(r)
    # Poisson(1) by the inverse of its distribution function, in steps of 1 / 65536: four counts a random word.
    bits = random.integers(0, 2**64 - 1, (r, -(-units // 4)), dtype=np.uint64, endpoint=True)
    counts = _POISSON[bits.view(np.uint16)[:, :units]]
    return counts, _to_sum(counts.sum(axis=1, dtype=np.float64), float(units))


def _poisson_table() -> np.ndarray:
    """The count that belongs to each 16-bit number."""
    below = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(12)])
    table: np.ndarray = np.searchsorted(below, (np.arange(65536) + 0.5) / 65536).astype(np.uint8)
    return table


_POISSON = _poisson_table()


# ---- evaluating ------------------------------------------------------------------------------------------------------


def prepare_views(metrics: Sequence[tuple[Any, Any]], views: Sequence[MetricView]) -> list[MetricView]:
    """Each view with what its metric prepares (on the host if the view's arrays are NumPy's)."""
    return [
        view if component.prepare is None else attrs.evolve(view, prepared=component.prepare(spec, view))
        for (component, spec), view in zip(metrics, views, strict=True)
    ]


def replicated(
    metrics: Sequence[tuple[Any, Any]],
    views: Sequence[MetricView],
    key: np.ndarray,
    call: Program,
    *,
    static: object = None,
    groups: np.ndarray | None = None,
    replicates: int = REPLICATES,
    x64: bool = False,
) -> np.ndarray:
    """Every metric of the same rows, and under each bootstrap replicate of them: [1 + replicates, metrics].

    `metrics` are pairs (component, Spec), `views` one each, of NumPy arrays and one weight; `call` is `Programs.call`
    and `static` what else tells the program apart. Equal keys, weights and groups give equal replicates, so that the
    columns of two models are paired. Time O(replicates n) per metric, memory O(n + 4M numbers).
    """
    weight = views[0].weight
    views = prepare_views(metrics, [attrs.evolve(view, weight=weight) for view in views])
    leaves, tree = jax.tree.flatten(tuple(attrs.evolve(view, weight=None) for view in views))
    # Views share most of their arrays; each is handed over once.
    order: dict[int, int] = {}
    places = tuple(order.setdefault(id(leaf), len(order)) for leaf in leaves)
    shared = [next(leaf for leaf in leaves if id(leaf) == wanted) for wanted in order]

    def judge(shared: Any, counts: Any, scale: Any, factor: Any) -> Any:
        seen = jax.tree.unflatten(tree, [shared[place] for place in places])

        def one(count: Any, factor: Any) -> Any:
            replicate = count.astype(scale.dtype) * scale * factor
            return jnp.stack([
                component.metric(spec, attrs.evolve(view, weight=replicate)).astype(scale.dtype)
                for (component, spec), view in zip(metrics, seen, strict=True)
            ])  # fmt: skip

        return jax.vmap(one)(counts, factor)

    names = tuple((component.name, repr(spec)) for component, spec in metrics)
    facts = (static, names, places, str(tree))
    blocks = replicate_weights(key, weight, groups, replicates)
    values = [np.asarray(call("intervals", judge, facts, shared, *block, x64=x64)) for block in blocks]
    return np.concatenate(values)[: replicates + 1]


def intervals(
    metrics: Sequence[tuple[Any, Any]], views: Sequence[MetricView], key: np.ndarray, call: Program, **options: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every metric with its 95 % percentile interval: value, low, high, each [metrics]; arguments of `replicated`.

    Replicates where a metric is undefined (one class, say) are left out of its interval; a value that is undefined has
    none.
    """
    return percentiles(replicated(metrics, views, key, call, **options))


def percentiles(values: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values [1 + replicates, metrics], the first row of the data itself: value, low and high [metrics], type 7."""
    value, drawn = values[0].astype(np.float64), np.sort(values[1:].astype(np.float64), axis=0)  # NaN sorts last
    defined = (~np.isnan(drawn)).sum(axis=0)
    low, high = (_quantile(drawn, defined, q) for q in ((1 - level) / 2, (1 + level) / 2))
    known = ~np.isnan(value) & (defined > 0)
    return value, np.where(known, low, np.nan), np.where(known, high, np.nan)


def _quantile(drawn: np.ndarray, defined: np.ndarray, q: float) -> np.ndarray:
    place = q * np.maximum(defined - 1, 0)
    below = np.floor(place).astype(int)
    column = np.arange(drawn.shape[1])
    lower, upper = drawn[below, column], drawn[np.minimum(below + 1, np.maximum(defined - 1, 0)), column]
    step = place - below
    # Without a step nothing is subtracted, so that infinite values stay infinite.
    even = (step == 0) | (lower == upper)
    between: np.ndarray = np.where(even, lower, lower + step * np.where(even, 0, upper - np.where(even, 0, lower)))
    return between


# ---- folds -----------------------------------------------------------------------------------------------------------


def fold_interval(values: np.ndarray, train_share: float, level: float = LEVEL) -> tuple[float, float]:
    """The corrected resampled t interval (95 %, or of another level) of a metric's mean over folds and repeats.

    `values` are the metric on each held-out fold, `train_share` the share of rows that each was trained on. NaN for
    fewer than two folds.
    """
    error = corrected_error(values, train_share)
    if math.isnan(error):
        return math.nan, math.nan
    from scipy.special import stdtrit  # takes 0.1 s to import, and runs without folds have no use for it

    mean, half = float(np.mean(values)), float(stdtrit(len(values) - 1, (1 + level) / 2)) * error
    return mean - half, mean + half


def corrected_error(values: np.ndarray, train_share: float) -> float:
    """The standard error of a mean over folds and repeats; NaN for fewer than two folds.

    Training sets overlap, so the variance of the mean is taken as (1/J + (1 - share) / share) s^2.
    """
    if len(values) < 2 or not 0 < train_share < 1:
        return math.nan
    return math.sqrt((1 / len(values) + (1 - train_share) / train_share) * float(np.var(values, ddof=1)))
