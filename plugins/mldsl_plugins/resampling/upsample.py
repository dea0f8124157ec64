"""Upsample: training rows of the smaller classes count several times, until the classes are even.

Every class but the largest counts ratio n_max rows, to the nearest, if it has fewer; n_max is the size of the largest
class. Rows are not copied: their weight grows by a whole number, evenly, so that the rows of a class count equally
often up to one; which of them count once more is drawn at random. A row of weight w counts as w rows.

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
    """Hyperparameters of upsampling."""

    ratio: float = param(
        1.0, gt=0, le=1, traced=True, search="0.1..1", also_known_as=("sampling_strategy", "over_ratio"),
        doc="Rows that a smaller class counts for each row of the largest class.",
    )  # fmt: skip


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be classes."""
    yield from check_classes(shape)


def resample(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> Examples:
    """How often each row counts."""
    label = examples.target
    assert label is not None
    mass = class_mass(examples, shape.classes)
    lacking = jnp.where(mass > 0, jnp.round(spec.ratio * mass.max() - mass), 0)
    return examples._replace(weight=examples.weight + deal(key, examples.weight, label, jnp.maximum(lacking, 0)))


@hookimpl
def mldsl_components() -> list[Component]:
    """Upsampling."""
    return [
        Transform(
            "upsample", Spec, resample=resample, check=check, tasks=("classify",), inputs=COLUMN_TYPES,
            missing="accepts", phase="train", snippet='transforms { upsample on "*" }',
            sources=("Japkowicz & Stephen 2002, doi:10.3233/IDA-2002-6504",
                     "Rosén 1997, doi:10.1016/S0378-3758(96)00186-3"),
            also_known_as=("RandomOverSampler", "oversample", "over_sample", "step_upsample"),
        )
    ]  # fmt: skip
