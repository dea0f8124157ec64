"""What goes round as a point on a circle: sine and cosine, so that December lies beside January.

A value v of period p becomes sin(2 pi v / p) and cos(2 pi v / p). A linear model then fits any wave of that period, and
distances between rows are right across the turn of the year; `harmonics` adds waves that go round two, three times.

Shapes: n rows, d columns in, 2 d harmonics columns out. O(n d harmonics) time.
Units:  the period is in the unit of the column (12 for months, 7 for weekdays, 24 for hours).
Errors: none; a missing value stays missing.
Sources: Fourier 1822; Hyndman & Athanasopoulos 2021, Forecasting: Principles and Practice, section 7.4.
"""

from __future__ import annotations

import math

import attrs
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mldsl.plugin import Component, NamedColumn, Output, Transform, hookimpl, param

SEVERAL = "harmonics = 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"


@attrs.frozen
class Spec:
    """The period, and how many waves."""

    period: float = param(gt=0, doc="After how much the values begin anew: 12 for months.", traced=True)
    harmonics: int = param(1, ge=1, le=12, doc="How many waves: of the period, of half of it, of a third ...")


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """`column_sin`, `column_cos`; of further harmonics `column_sin_2`, `column_cos_2` ..."""
    return tuple(
        NamedColumn(f"{column.name}_{wave}{f'_{h + 1}' if h else ''}", "continuous", None, column.missing)
        for column in columns
        for h in range(spec.harmonics)
        for wave in ("sin", "cos")
    )


def apply(spec: Spec, params: None, inputs: Float[Array, "n d"]) -> Float[Array, "n outputs"]:
    """On the circle."""
    times = jnp.asarray(2 * math.pi * np.arange(1, spec.harmonics + 1), inputs.dtype)
    # The remainder first: sines of large numbers lose digits.
    share = jnp.remainder(inputs, spec.period) / spec.period
    angle = share[:, :, None] * times[None, None]
    waves = jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1)
    return waves.reshape(inputs.shape[0], -1)


@hookimpl
def mldsl_components() -> list[Component]:
    """Circles."""
    return [
        Transform(
            "cyclical", Spec, apply=apply, names=names, inputs=("continuous", "integer", "ordinal"), missing="accepts",
            outputs=(
                Output("{column}_sin", "continuous"), Output("{column}_cos", "continuous"),
                *(Output(f"{{column}}_{wave}_*", "continuous", only_if=SEVERAL) for wave in ("sin", "cos")),
            ),
            example=Spec(12.0), snippet="cyclical(period = 12) on mo_sold",
            also_known_as=("fourier", "sin_cos", "CyclicalFeatures", "periodic"),
        )
    ]  # fmt: skip
