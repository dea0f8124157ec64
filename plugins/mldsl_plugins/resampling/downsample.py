"""Downsample: training rows of the larger classes are left out at random, until the classes are even.

Every class but the smallest keeps ratio n_min rows, to the nearest, if it has more; n_min is the size of the smallest
class. Rows are drawn without replacement, and what is left out has weight 0. A row of weight w counts as w rows: it
keeps a whole number of them, its share rounded down or up.

Held-out rows are never touched, so metrics are of the classes as they are. Probabilities are of the classes as they
were trained on: too high for the smaller ones, until `calibrate` corrects them.

Shapes:  n rows, k classes. O(n log n) time, O(n) memory.
Units:   none.
Errors:  a target that has no classes.
Sources: Japkowicz & Stephen 2002, doi:10.3233/IDA-2002-6504; draws: Rosén 1997, doi:10.1016/S0378-3758(96)00186-3.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import COLUMN_TYPES, Component, Problem, Transform, hookimpl, param
from mldsl_plugins.resampling._classes import check_classes, class_mass, deal


@attrs.frozen
class Spec:
    """Hyperparameters of downsampling."""

    ratio: float = param(
        1.0, ge=1, traced=True, search="1..10", also_known_as=("sampling_strategy", "under_ratio"),
        doc="Rows that a larger class keeps for each row of the smallest class.",
    )  # fmt: skip


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be classes."""
    yield from check_classes(shape)


def resample(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> Examples:
    """Weights of the rows that stay."""
    label = examples.target
    assert label is not None
    mass = class_mass(examples, shape.classes)
    smallest = jnp.min(jnp.where(mass > 0, mass, jnp.inf))
    wanted = jnp.round(spec.ratio * jnp.where(jnp.isfinite(smallest), smallest, 0))
    kept = deal(key, examples.weight, label, jnp.minimum(wanted, jnp.floor(mass)))
    return examples._replace(weight=jnp.where((mass > wanted)[label], kept, examples.weight))


@hookimpl
def mldsl_components() -> list[Component]:
    """Downsampling."""
    return [
        Transform(
            "downsample", Spec, resample=resample, check=check, tasks=("classify",), inputs=COLUMN_TYPES,
            missing="accepts", phase="train", snippet='transforms { downsample(ratio = 2) on "*" }',
            sources=("Japkowicz & Stephen 2002, doi:10.3233/IDA-2002-6504",
                     "Rosén 1997, doi:10.1016/S0378-3758(96)00186-3"),
            also_known_as=("RandomUnderSampler", "undersample", "under_sample", "step_downsample"),
        )
    ]  # fmt: skip
