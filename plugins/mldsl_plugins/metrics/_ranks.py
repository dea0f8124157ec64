"""Weights above a score: what ROC and precision-recall curves are made of, exact for ties.

For few rows the comparisons are one matrix, so that a thousand weight vectors are one matrix product; for many rows
scores are sorted once and each weight vector is added up in that order, in O(n).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl_plugins.metrics._classes import class_scores, positive_class
from mldsl_plugins.metrics._rows import namespace, ratio

# Comparisons held as matrices, all problems together: 4 MB in float32.
_DENSE = 1 << 20
_BLOCK = 64


class Ranking(NamedTuple):
    """Problems of two classes (p of them), each with its rows in some arrangement.

    `positive` [p, n] is 1 for the positive rows. Either `at_least` [p, n, n] (row i, j: the score of j is at least that
    of i; rows as in the view), or `row` [p, n] (the view's row at each place, by falling score) with `first` and `last`
    [p, n], the bounds of each place's ties. `defined` [p] is 0 where a score is not a number.
    """

    positive: Any
    defined: Any
    at_least: Any = None
    row: Any = None
    first: Any = None
    last: Any = None


def problems(spec: Any, view: MetricView) -> Ranking:
    """The problems of two classes that the Spec asks for: one for a positive class or `micro`, else one a class."""
    xp = namespace(view)
    there = view.weight > 0
    scores = xp.where(there[:, None], class_scores(view), 0)
    hit = (view.target[:, None] == xp.arange(view.classes)[None, :]) & there[:, None]
    positive = positive_class(view)
    if spec.average == "micro":
        return _sorted(xp, scores.reshape(1, -1), hit.reshape(1, -1), view)
    if spec.average is None and positive is not None:
        other = scores[:, 1 - positive] if view.probability is None and view.classes == 2 else 0
        scores, hit = (scores[:, positive] - other)[:, None], hit[:, positive : positive + 1]
    if scores.size * len(scores) <= _DENSE:
        return _dense(xp, scores.T, hit.T, view)
    return _sorted(xp, scores.T, hit.T, view)


def _defined(xp: Any, scores: Any, view: MetricView) -> Any:
    return (~xp.isnan(scores).any(axis=1)).astype(view.weight.dtype)


def _dense(xp: Any, scores: Any, hit: Any, view: MetricView) -> Ranking:
    at_least = (scores[:, None, :] >= scores[:, :, None]).astype(view.weight.dtype)
    return Ranking(hit.astype(view.weight.dtype), _defined(xp, scores, view), at_least=at_least)


def _sorted(xp: Any, scores: Any, hit: Any, view: MetricView) -> Ranking:
    n = scores.shape[1]
    order = xp.argsort(-scores, axis=1)
    value = xp.take_along_axis(scores, order, axis=1)
    place = xp.arange(n)[None, :]
    new = xp.concat([xp.ones_like(value[:, :1], dtype=bool), value[:, 1:] != value[:, :-1]], axis=1)
    if xp is jnp:
        first = jax.lax.cummax(jnp.where(new, place, 0), axis=1)
        bound = jnp.concat([new[:, 1:], jnp.ones_like(new[:, :1])], axis=1)
        last = jax.lax.cummin(jnp.where(bound, place, n), axis=1, reverse=True)
    else:
        first = xp.maximum.accumulate(xp.where(new, place, 0), axis=1)
        bound = xp.concat([new[:, 1:], xp.ones_like(new[:, :1])], axis=1)
        last = xp.minimum.accumulate(xp.where(bound, place, n)[:, ::-1], axis=1)[:, ::-1]
    repeats = n // view.weight.shape[0]  # `micro` lays the classes of a row side by side
    return Ranking(
        positive=xp.take_along_axis(hit, order, axis=1).astype(view.weight.dtype),
        defined=_defined(xp, scores, view),
        row=(order // repeats).astype(xp.int32),
        first=first.astype(xp.int32),
        last=last.astype(xp.int32),
    )


def arranged(ranking: Ranking, weight: Any) -> Any:
    """The weights of one problem's rows, in its arrangement."""
    return weight if ranking.row is None else weight[ranking.row]


def at_least(ranking: Ranking, weight: Any) -> Any:
    """For each row: the arranged weight of all rows that score at least as much."""
    if ranking.at_least is not None:
        return _product(weight, ranking.at_least.T)
    return cumulative(weight)[ranking.last]


def more_than(ranking: Ranking, weight: Any) -> Any:
    """For each row: the arranged weight of all rows that score more."""
    if ranking.at_least is not None:
        return weight.sum() - _product(weight, ranking.at_least)
    return (cumulative(weight) - weight)[ranking.first]


def _product(left: Any, right: Any) -> Any:
    return jnp.matmul(left, right, precision="highest")


def cumulative(x: Any) -> Any:
    """The running sum of x [n], in blocks: XLA's own takes long to compile, and twice as long to run, on a CPU."""
    n = x.shape[0]
    blocks = -(-n // _BLOCK)
    if blocks == 1:
        return _product(x, jnp.triu(jnp.ones((n, n), x.dtype)))
    table = jnp.pad(x, (0, blocks * _BLOCK - n)).reshape(blocks, _BLOCK)
    within = _product(table, jnp.triu(jnp.ones((_BLOCK, _BLOCK), x.dtype)))
    before = cumulative(within[:, -1]) - within[:, -1]
    return (within + before[:, None]).reshape(-1)[:n]


def over_problems(spec: Any, ranking: Ranking, weight: Any, measure: Callable[..., tuple[Any, Any]]) -> Any:
    """`measure(ranking, positive weight, negative weight) -> (value, defined)`, averaged over the defined problems."""

    def one(problem: Ranking, weight: Any) -> tuple[Any, Any, Any]:
        w = arranged(problem, weight)
        positive = w * problem.positive
        value, defined = measure(problem, positive, w - positive)
        return jnp.where(problem.defined > 0, value, jnp.nan), defined, positive.sum()

    if ranking.at_least is None:
        # Many rows: one weight vector and one problem at a time. XLA's gathers over a batch come out transposed and are
        # copied back, which takes three times as long on a CPU.
        alone = jax.custom_batching.sequential_vmap(one)
        value, defined, mass = jax.lax.map(lambda problem: alone(problem, weight), ranking)
    else:
        value, defined, mass = jax.vmap(one, in_axes=(0, None))(ranking, weight)
    share = mass if spec.average == "weighted" else jnp.ones_like(mass)
    share = jnp.where(defined, share, 0)
    return ratio(jnp.where(share > 0, share * value, 0).sum(), share.sum(), jnp.nan)
