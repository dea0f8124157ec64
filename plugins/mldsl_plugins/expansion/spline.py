"""B-splines of a column: smooth bumps whose weighted sum is a piecewise polynomial, so that a linear model can bend.

Between the least and the greatest value of the training rows lie `knots` knots, equally spaced or at quantiles (type 7,
weighted); beyond, the outer spacings are repeated. Of degree p, a column becomes knots + p - 1 splines (knots - 1 if
periodic), `age_spline1` first, each positive on p + 1 neighbouring intervals and 0 elsewhere; at each value they add up
to 1. So with the intercept of a model one of them is too many: the last is left out unless `bias`.

Beyond the training rows they stay constant, go on as straight lines, go on as polynomials, or repeat.

Shapes:  n rows, d columns; d (knots + p - 1) come out. O(n outputs) time and memory.
Units:   splines have none.
Errors:  fewer knots than a periodic spline of this degree needs.
Sources: de Boor 1972, doi:10.1016/0021-9045(72)90080-9; Eilers & Marx 1996, doi:10.1214/ss/1038425655.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Shape, weighted_quantile
from mldsl.plugin import Component, NamedColumn, Output, Problem, Transform, hookimpl, param
from mldsl_plugins.scaling import _columns as columns


@attrs.frozen
class Spec:
    """Hyperparameters of splines."""

    knots: int = param(
        5, ge=2, le=200, doc="How many knots.", search="3..12", simpler="smaller", also_known_as=("n_knots",)
    )
    degree: int = param(3, ge=0, le=7, doc="The degree of the polynomials.")
    place: Literal["uniform", "quantile"] = param("uniform", doc="Whether knots are equally spaced or at quantiles.")
    extrapolation: Literal["constant", "linear", "continue", "periodic"] = param(
        "constant", doc="What happens beyond the training rows."
    )
    bias: bool = param(
        False, doc="Whether the last spline stays, so that they add up to 1.", also_known_as=("include_bias",)
    )


class Params(NamedTuple):
    """All knots of each column, the outer ones included; and which outputs exist."""

    knot: Float[Array, "d all"]
    active: Bool[Array, " outputs"]


class Info(NamedTuple):
    """The knots between the least and the greatest value."""

    knot: Float[Array, "d knots"]


def per_column(spec: Spec) -> int:
    """How many splines a column becomes."""
    full = spec.knots - 1 + (0 if spec.extrapolation == "periodic" else spec.degree)
    return full - (not spec.bias)


def bind(spec: Spec, columns: tuple[NamedColumn, ...]) -> Spec | list[Problem]:
    """Refuse periods that are too short."""
    if spec.extrapolation == "periodic" and spec.knots <= spec.degree:
        return [Problem("knots", f"expected more than {spec.degree} (the degree) if periodic, found {spec.knots}")]
    if per_column(spec) < 1:
        return [Problem("knots", "expected at least 3 at degree 0 without `bias`, found 2")]
    return spec


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """`age_spline1`, `age_spline2`, ..."""
    return tuple(NamedColumn(f"{c.name}_spline{i + 1}", "continuous") for c in columns for i in range(per_column(spec)))


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Place the knots."""
    x, weight, p = examples.inputs, examples.weight, spec.degree
    share = jnp.linspace(0, 1, spec.knots, dtype=x.dtype)
    low, high = (line[-1] for line in columns.extremes(x, weight, columns.Groups(None, 0)))
    known = high >= low
    low, high = jnp.where(known, low, 0), jnp.where(known, high, 0)
    base = low[:, None] + (high - low)[:, None] * share[None, :]
    if spec.place == "quantile":
        base = jnp.where(known[:, None], weighted_quantile(x, weight, share).T, base)
    # A column that does not vary has an interval of length 1 about its value.
    base = jnp.where((high > low)[:, None], base.at[:, -1].set(high), low[:, None] - 0.5 + share[None, :])
    if spec.extrapolation == "periodic":
        period = (base[:, -1] - base[:, 0])[:, None]
        knot = jnp.concatenate([base[:, -(p + 1) : -1] - period, base, base[:, 1 : p + 1] + period], axis=1)
    else:
        first, last = (base[:, 1] - base[:, 0])[:, None], (base[:, -1] - base[:, -2])[:, None]
        steps = jnp.arange(1, p + 1, dtype=x.dtype)[None, :]
        knot = jnp.concatenate([base[:, :1] - first * steps[:, ::-1], base, base[:, -1:] + last * steps], axis=1)
    active = jnp.ones(x.shape[1], bool) if examples.active is None else examples.active
    return Params(knot, jnp.repeat(active, per_column(spec))), Info(base)


def basis(x: Float[Array, " n"], knot: Float[Array, " all"], degree: int) -> Float[Array, "n splines"]:
    """The splines of one column by de Boor's recurrence: on its interval each is a polynomial, which goes on beyond."""
    last = knot.shape[0] - degree - 2
    interval = jnp.clip(jnp.searchsorted(knot, x, side="right") - 1, degree, last)
    at = lambda offset: knot[interval + offset]  # noqa: E731
    value = [jnp.ones_like(x)]
    for j in range(1, degree + 1):
        raised = [jnp.zeros_like(x)] * (j + 1)
        for r in range(1, j + 1):
            right, left = at(r), at(r - j)
            width = right - left
            share = jnp.where(width > 0, value[r - 1] / jnp.where(width > 0, width, 1), 0)
            raised[r - 1] = raised[r - 1] + share * (right - x)
            raised[r] = share * (x - left)
        value = raised
    place = jnp.arange(knot.shape[0] - degree - 1)[None, :] - (interval - degree)[:, None]
    made = jnp.zeros(place.shape, x.dtype)
    for r, v in enumerate(value):
        made = jnp.where(place == r, v[:, None], made)
    return made


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n outputs"]:
    """The splines of every column."""
    p = spec.degree
    count = per_column(spec)

    def of(given: tuple[Array, Array]) -> Array:
        x, knot = given
        low, high = knot[p], knot[-p - 1]
        if spec.extrapolation == "periodic":
            folded = basis(low + jnp.mod(x - low, high - low), knot, p)
            made = folded[:, : spec.knots - 1]
            made = made.at[:, :p].add(folded[:, spec.knots - 1 :])
        elif spec.extrapolation == "continue":
            made = basis(x, knot, p)
        else:
            inside = jnp.clip(x, low, high)
            made = basis(inside, knot, p)
            if spec.extrapolation == "linear":
                ends = jnp.stack([low, high])
                _, slope = jax.jvp(lambda e: basis(e, knot, p), (ends,), (jnp.ones_like(ends),))
                made = made + (x - inside)[:, None] * jnp.where((x < low)[:, None], slope[:1], slope[1:])
        return made[:, :count]

    made = jax.lax.map(of, (inputs.T, params.knot))
    return jnp.moveaxis(made, 0, 1).reshape(inputs.shape[0], inputs.shape[1] * count)


@hookimpl
def mldsl_components() -> list[Component]:
    """Splines."""
    return [
        Transform(
            "spline", Spec, fit=fit, apply=apply, names=names, bind=bind,
            outputs=(Output("{column}_*", "continuous", "no"),), snippet="spline(knots = 6) on continuous",
            sources=("de Boor 1972, doi:10.1016/0021-9045(72)90080-9",
                     "Eilers & Marx 1996, doi:10.1214/ss/1038425655"),
            also_known_as=("SplineTransformer", "bs", "b_spline", "ns", "basis_spline"),
        )
    ]  # fmt: skip
