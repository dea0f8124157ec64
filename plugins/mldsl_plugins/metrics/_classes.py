"""Counts by class, and their averages over classes: what precision, recall and their relatives are made of."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import MetricView
from mldsl_plugins.metrics._rows import namespace, prepared, present, ratio, total, when_any

Average = Literal["macro", "micro", "weighted"]
AVERAGE_DOC = (
    "How the classes' values become one: macro (plain mean of the classes that occur), micro (from the summed counts) "
    "or weighted (by the rows of each class). Left out: the positive class alone, or macro where there is none."
)
POSITIVE_DOC = "Level that counts as positive; by default the last one of a binary target."

# Up to this many cells sums over one-hot rows are quicker than a scatter.
_WIDE = 64


def cells(view: MetricView, codes: Any, size: int) -> Any:
    """What `tally` needs to add up weights by code: one-hot rows [size, n] if few, else the codes [n].

    Codes outside 0..size-1 are left out.
    """
    xp = namespace(view)
    codes = xp.where((view.weight > 0) & (codes >= 0) & (codes < size), codes, size)
    if size > _WIDE:
        return codes.astype(xp.int32)
    return (codes[None, :] == xp.arange(size)[:, None]).astype(view.weight.dtype)


def tally(weight: Any, cell: Any, size: int) -> Any:
    """The sum of weights in each of `size` cells."""
    return total(weight, cell) if cell.ndim == 2 else jax.ops.segment_sum(weight, cell, size)


def prepare_confusion(spec: Any, view: MetricView) -> Any:
    """The cell of the confusion matrix of each row."""
    return cells(view, view.target * view.classes + view.prediction, view.classes**2)


def confusion(spec: Any, view: MetricView) -> Float[Array, "classes classes"]:
    """Weights by actual class (rows) and predicted class (columns)."""
    k = view.classes
    table: Array = tally(view.weight, prepared(prepare_confusion, spec, view), k * k).reshape(k, k)
    return table


class Counts(NamedTuple):
    """By class: rows rightly predicted to be of it, rows predicted to be of it, rows of it; and all rows."""

    hit: Float[Array, " classes"]
    predicted: Float[Array, " classes"]
    actual: Float[Array, " classes"]
    mass: Float[Array, ""]


def counts(spec: Any, view: MetricView) -> Counts:
    """Counts by class of a view."""
    table = confusion(spec, view)
    return Counts(jnp.diagonal(table), table.sum(axis=0), table.sum(axis=1), view.weight.sum())


def positive_class(view: MetricView) -> int | None:
    """The index of the positive class: the metric's own, the last one of two, or None."""
    return view.positive if view.positive is not None else (1 if view.classes == 2 else None)


def averaged(spec: Any, view: MetricView, numerator: Any, denominator: Any, count: Counts) -> Any:
    """One number of `numerator / denominator` [classes], a class's 0/0 being 0, as the Spec asks."""
    by_class = ratio(numerator, denominator)
    positive = positive_class(view)
    if spec.average == "micro":
        value = ratio(numerator.sum(), denominator.sum())
    elif spec.average == "weighted":
        value = ratio((count.actual * by_class).sum(), count.actual.sum())
    elif spec.average is None and positive is not None:
        value = by_class[positive]
    else:
        occurs = (count.actual + count.predicted) > 0
        value = ratio(jnp.where(occurs, by_class, 0).sum(), occurs.sum())
    return when_any(view.weight, value)


def class_scores(view: MetricView) -> Any:
    """[n, classes]: probabilities, or margins where the model has no probabilities."""
    if view.probability is not None:
        return view.probability
    if view.score.ndim == 2:
        return view.score
    return namespace(view).stack([-view.score, view.score], axis=1)


def of_target(view: MetricView, by_class: Any) -> Any:
    """The column of [n, classes] that belongs to each row's own class, [n]."""
    xp = namespace(view)
    own = xp.clip(xp.where(view.weight > 0, view.target, 0), 0, by_class.shape[1] - 1)
    return xp.take_along_axis(by_class, own[:, None].astype(xp.int32), axis=1)[:, 0]


def indicator(view: MetricView, index: int) -> Any:
    """1 for the rows of class `index`, else 0, [n]."""
    return present(view, view.target == index)
