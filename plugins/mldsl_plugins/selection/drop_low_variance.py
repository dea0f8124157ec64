"""Leave out columns that hardly vary: those whose variance among the training rows is at most a limit.

The variance is the population variance of the values present, weighted. At the limit 0, the default, only constant
columns go. Variances are in squared units, so a limit above 0 makes sense for columns that share a unit.

Shapes: n rows, d columns; O(n d) time.
Units:  the limit is in the square of the columns' unit.
Errors: all columns would go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Problem, Transform, hookimpl, param
from mldsl_plugins.scaling._columns import Groups, moments
from mldsl_plugins.selection import _columns as columns
from mldsl_plugins.selection._columns import Params


@attrs.frozen
class Spec:
    """Hyperparameters of leaving out columns of low variance."""

    at_most: float = param(
        0.0, ge=0, traced=True, doc="The largest variance of a column that is left out.",
        also_known_as=("threshold", "below"),
    )  # fmt: skip


class Info(NamedTuple):
    """The variance of each column."""

    variance: Float[Array, " d"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn which columns vary."""
    variance = moments(examples.inputs, examples.weight, Groups(None, 0)).variance[-1]
    return Params(columns.there(examples) & (variance > spec.at_most)), Info(variance)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem]:
    """Refuse to leave nothing."""
    largest = info.variance.max(initial=0)
    yield from columns.none_stays(
        info.variance > spec.at_most, "at_most", f"the largest variance is {float(largest):.4g}"
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """Leaving out columns that hardly vary."""
    return [
        Transform(
            "drop_low_variance", Spec, fit=fit, apply=columns.apply, remarks=remarks, inputs=columns.NUMBERS,
            missing="accepts", chooses=True, snippet="drop_low_variance on numeric",
            also_known_as=("VarianceThreshold", "drop_constant", "remove_zero_variance", "nearZeroVar"),
        )
    ]  # fmt: skip
