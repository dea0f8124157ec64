"""Thin the majority: keep rows of every class with the probability that makes it `ratio` times the rarest one.

A row of weight w is kept or dropped as a whole. Only training rows are thinned; held-out rows keep their shares.

Shapes:  n rows, k classes. O(n) time.
Units:   none.
Errors:  none; without a target, or with one class, nothing is dropped.
Sources: Kubat & Matwin 1997, ICML (one-sided selection; here at random).
"""

from __future__ import annotations

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from mldsl.contract import Examples, Shape, tiny
from mldsl.plugin import COLUMN_TYPES, Component, Transform, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of thinning."""

    ratio: float = param(1.0, ge=1, traced=True, doc="Most rows of a class for each row of the rarest class.")


def resample(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> Examples:
    """Set the weight of the rows that are left out to 0; the number of rows stays."""
    weight, target = examples.weight, examples.target
    mass = jax.ops.segment_sum(weight, target, shape.classes)
    rarest = jnp.min(jnp.where(mass > 0, mass, jnp.inf))
    keep = spec.ratio * rarest / jnp.maximum(mass, tiny(mass))  # [k]
    kept = jax.random.uniform(key, weight.shape) < keep[target]
    return examples._replace(weight=jnp.where(kept, weight, 0))


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Transform(
            "thin_majority",
            Spec,
            resample=resample,
            inputs=COLUMN_TYPES,
            missing="accepts",
            phase="train",
            sources=["Kubat & Matwin 1997, ICML"],
        )
    ]
