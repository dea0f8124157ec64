"""What naive Bayes classifiers share: priors, counts by class, and Bayes' rule in logarithms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from mldsl.contract import (
    Examples,
    Inputs,
    Shape,
    Sparse,
    block_rows,
    least_of_blocks,
    sum_blocks,
    tiny,
)
from mldsl.plugin import Problem, Weights, param

LEAST = 1e-10  # what a smaller smoothing counts as, since a probability of 0 has no logarithm
Priors = Literal["learned", "uniform"] | Weights

priors_param = param(
    "learned", also_known_as=("prior", "fit_prior", "class_prior"),
    doc="Probability of each class before a row is seen: its share of the training rows, equal, or as given.",
)  # fmt: skip


# ---- priors ----------------------------------------------------------------------------------------------------------
def bind(spec: Any, classes: tuple[str, ...]) -> Any | list[Problem]:
    """`priors` by level as numbers by class."""
    if isinstance(spec.priors, str):
        return spec
    given: dict[str, float] = dict(spec.priors)
    if lacking := [level for level in classes if level not in given]:
        names = ", ".join(f'`"{level}"`' for level in lacking)
        return [Problem("priors", f"expected a probability for every class, found none for {names}")]
    return attrs.evolve(spec, priors=tuple(given[level] for level in classes))


def check(spec: Any, shape: Shape) -> Iterator[Problem]:
    """Priors must be a distribution over the classes."""
    if isinstance(spec.priors, str):
        return
    if len(spec.priors) != shape.classes:
        yield Problem("priors", f"expected {shape.classes} numbers (one for each class), found {len(spec.priors)}")
    elif abs(sum(spec.priors) - 1) > 1e-6:
        yield Problem("priors", f"expected numbers that add up to 1, found a sum of {sum(spec.priors):g}")


def log_prior(priors: str | tuple[float, ...], mass: Float[Array, " k"]) -> Float[Array, " k"]:
    """The logarithm of each class's prior; -inf for classes without rows, or of prior 0. Those left add up to 1."""
    if priors == "learned":
        share = mass
    else:
        given = np.ones(mass.shape[0]) if isinstance(priors, str) else np.asarray(priors)
        share = jnp.where(mass > 0, jnp.asarray(given, mass.dtype), 0)
    share = share / jnp.maximum(share.sum(), tiny(share))
    return jnp.where(share > 0, jnp.log(jnp.maximum(share, tiny(share))), -jnp.inf)


# ---- counts ----------------------------------------------------------------------------------------------------------
def class_sums(
    inputs: Inputs,
    weight: Float[Array, " n"],
    target: Int[Array, " n"],
    classes: int,
    of: Callable[[Array], Array] = lambda x: x,
) -> Float[Array, "k d"]:
    """sum over the rows i of class c of weight_i of(x_ij), for a dense matrix and for the entries of a sparse one.

    O(n d k) products of blocks, or O(entries) additions.
    """
    if isinstance(inputs, Sparse):
        return inputs._replace(value=of(inputs.value)).class_sums(weight, target, classes).T

    def block(w: Array, x: Array, t: Array) -> Array:
        return jnp.matmul(of_class(w, t, classes).T, of(x), precision="highest")

    return sum_blocks(block, weight, inputs, target, rows=block_rows(max(inputs.shape[1], classes)))


def of_class(weight: Float[Array, " n"], target: Int[Array, " n"], classes: int) -> Float[Array, "n k"]:
    """The weight of each row in the column of its class, 0 in the others."""
    return jnp.where(target[:, None] == jnp.arange(classes)[None], weight[:, None], 0)


def least_value(inputs: Inputs, weight: Float[Array, " n"]) -> Float[Array, " d"]:
    """The least value of each column among the rows that are there, 0 at most. O(n d), or O(entries)."""
    if isinstance(inputs, Sparse):

        def by_column() -> Array:
            here = jnp.where((weight[inputs.row] > 0) & (inputs.value < 0), inputs.value, 0)
            return jax.ops.segment_min(here, inputs.column, inputs.d).clip(max=0)

        none = jnp.zeros(inputs.d, inputs.value.dtype)
        return jax.lax.cond(jnp.any(inputs.value < 0), by_column, lambda: none)
    lowest = least_of_blocks(lambda w, x: jnp.min(jnp.where(w[:, None] > 0, x, jnp.inf), axis=0), weight, inputs)
    return jnp.minimum(lowest, 0)


def negative(info: Any, shape: Shape) -> Iterator[Problem]:
    """What `remarks` says of counts below 0, naming the column that is farthest below."""
    least = np.asarray(info.counts.least)
    below = np.flatnonzero(least < 0)
    if len(below):
        worst = int(least.argmin())
        more = f", and in {len(below) - 1} more columns" if len(below) > 1 else ""
        remedy = "columns of any numbers suit `gaussian_naive_bayes`, and `min_max_scale` leaves nothing below 0"
        if worst >= len(shape.columns):
            remedy = "words that are counted are never below 0: `tfidf`, or `hash_words(signs = false)`"
        yield Problem(shape.name_of(worst), f"expected counts (0 or more), found {least[worst]:.4g}{more}; {remedy}")


# ---- Bayes' rule -----------------------------------------------------------------------------------------------------
def product(inputs: Inputs, by_class: Float[Array, "k d"]) -> Float[Array, "n k"]:
    """inputs by_class', O(n d k) or O(entries k)."""
    if isinstance(inputs, Sparse):
        return inputs.matmul(by_class.T)
    return jnp.matmul(inputs, by_class.T, precision="highest")


def log_posterior(joint: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """log p(c | x) from log p(c, x); where no class is possible all are alike."""
    possible = jnp.any(joint > -jnp.inf, axis=1, keepdims=True)
    return jax.nn.log_softmax(jnp.where(possible, joint, 0), axis=1)


def explained(info: Any, prior: Float[Array, " k"], evidence: Float[Array, ""] | None) -> Any:
    """The Info with the sums over the rows of log p(c | x) and log p(x), if the latter is known."""
    if evidence is None:
        return info
    mass = info.counts.mass
    with_prior = info.log_likelihood + jnp.sum(jnp.where(mass > 0, mass * jnp.where(jnp.isfinite(prior), prior, 0), 0))
    return info._replace(log_posterior=with_prior - evidence, log_evidence=evidence)


def log_evidence(joint: Float[Array, "n k"], weight: Float[Array, " n"]) -> Float[Array, ""]:
    """sum_i weight_i log sum_c p(c, x_i); rows of weight 0 are not heard."""
    each = jax.nn.logsumexp(joint, axis=1)
    there = (weight > 0) & (each > -jnp.inf)
    return jnp.dot(weight, jnp.where(there, each, 0))


def evidence_of(
    inputs: Inputs, weight: Float[Array, " n"], joint: Callable[[Inputs], Float[Array, "n k"]], classes: int
) -> Float[Array, ""] | None:
    """`log_evidence` of all rows, block by block; None where they are sparse.

    Counting costs an addition for each entry, the evidence one for each entry and class: twenty classes would make
    learning ten times as slow.
    """
    if isinstance(inputs, Sparse):
        return None
    rows = block_rows(max(inputs.shape[1], classes))
    return sum_blocks(lambda w, x: log_evidence(joint(x), w), weight, inputs, rows=rows)


def smoothed(
    count: Float[Array, "k d"],
    out_of: Float[
        Array,
        (
            k  # d
        ),
    ],
    smoothing: Any,
    ways: Any,
) -> Array:
    """(count + s) / (out_of + s ways), s the smoothing, `LEAST` at least."""
    s = jnp.maximum(jnp.asarray(smoothing, count.dtype), LEAST)
    return (jnp.maximum(count, 0) + s) / (jnp.maximum(out_of, 0) + s * ways)


def parts(examples: Examples) -> tuple[Inputs, Array, Array, Array]:
    """Inputs, loss weights, targets and active columns."""
    inputs, target = examples.inputs, examples.target
    assert target is not None
    d = inputs.d if isinstance(inputs, Sparse) else inputs.shape[1]
    active = jnp.ones(d, bool) if examples.active is None else examples.active
    return inputs, examples.loss_weight(), target, active
