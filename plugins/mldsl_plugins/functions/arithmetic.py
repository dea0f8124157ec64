"""Arithmetic of one row.

Every function gives a missing value where an operand is missing, or where it has no value (`log(-1)`, `sqrt(-1)`).
`log(0)` is minus infinity, which MLP0411 reports when a column holds it.

    log(x) log1p(x) exp(x) sqrt(x)   natural logarithm, ln(1 + x) (exact near 0), e to the x, square root
    sin(x) cos(x)                    x in radians
    abs(x) sign(x)                   distance from 0; -1, 0 or 1
    round(x, digits = 0)             to that many decimals; halves go to the even neighbour, as in R and NumPy
    clip(x, low, high)               x, but at least `low` and at most `high`
    min(x, y, ...) max(x, y, ...)    of the values in this row; missing if one of them is

`min(coalesce(a, b), b)` and the like ignore missing values where that is wanted.
"""

from __future__ import annotations

import polars as pl

from mldsl.plugin import Component, Function, Operand, ParameterType, hookimpl

NUMBER = ("continuous", "integer")
INTEGER = ParameterType("int", optional=True)
BOUND = ParameterType("number")


def real(x: pl.Expr) -> pl.Expr:
    """In float64, so that no function works in the precision of what the source happens to hold."""
    return x.cast(pl.Float64)


def log(x: pl.Expr) -> pl.Expr:
    """Natural logarithm; missing below 0."""
    return real(x).log().fill_nan(None)


def log1p(x: pl.Expr) -> pl.Expr:
    """ln(1 + x); missing below -1."""
    return real(x).log1p().fill_nan(None)


def exp(x: pl.Expr) -> pl.Expr:
    """E to the x."""
    return real(x).exp()


def sqrt(x: pl.Expr) -> pl.Expr:
    """Square root; missing below 0."""
    return real(x).sqrt().fill_nan(None)


def sin(x: pl.Expr) -> pl.Expr:
    """Sine of radians."""
    return real(x).sin().fill_nan(None)


def cos(x: pl.Expr) -> pl.Expr:
    """Cosine of radians."""
    return real(x).cos().fill_nan(None)


def absolute(x: pl.Expr) -> pl.Expr:
    """Distance from 0."""
    return x.abs()


def sign(x: pl.Expr) -> pl.Expr:
    """-1, 0 or 1."""
    return x.sign().cast(pl.Int64)


def rounded(x: pl.Expr, digits: int | None = None) -> pl.Expr:
    """To `digits` decimals (negative: to tens, hundreds), halves to even."""
    if digits is not None and digits < 0:
        scale = 10.0**-digits
        return (real(x) / scale).round(mode="half_to_even") * scale
    return real(x).round(digits or 0, mode="half_to_even")


def clip(x: pl.Expr, low: float, high: float) -> pl.Expr:
    """Within both bounds."""
    return real(x).clip(low, high)


def least(*values: pl.Expr) -> pl.Expr:
    """The smallest, missing if one is."""
    return _known(values, pl.min_horizontal(values))


def greatest(*values: pl.Expr) -> pl.Expr:
    """The largest, missing if one is."""
    return _known(values, pl.max_horizontal(values))


def _known(values: tuple[pl.Expr, ...], result: pl.Expr) -> pl.Expr:
    return pl.when(pl.all_horizontal([value.is_not_null() for value in values])).then(result)


def _doc(summary: str, definition: str, example: str) -> str:
    return f"{summary}.\n\n{definition}\n\nMissing where an operand is missing. Example: `{example}`."


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    x = Operand("x", NUMBER)
    several = (x, Operand("other", NUMBER))
    return [
        Function("log", expression=log, operands=(x,), gives="continuous", also_known_as=("ln",), doc=_doc(
            "Natural logarithm", "ln x, for x > 0. log(0) is minus infinity (MLP0411); below 0 it is missing.",
            "log(fare + 1)")),
        Function("log1p", expression=log1p, operands=(x,), gives="continuous", doc=_doc(
            "Logarithm of one plus x", "ln(1 + x), exact for small x. log1p(-1) is minus infinity; below, missing.",
            "log1p(visits)")),
        Function("exp", expression=exp, operands=(x,), gives="continuous", doc=_doc(
            "Exponential", "e to the power x; infinite (MLP0411) above about 709.", "exp(-distance)")),
        Function("sqrt", expression=sqrt, operands=(x,), gives="continuous", doc=_doc(
            "Square root", "The y >= 0 with y * y = x; missing below 0.", "sqrt(area)")),
        Function("sin", expression=sin, operands=(x,), gives="continuous", doc=_doc(
            "Sine", "sin x, x in radians.", "sin(hour * 2 * 3.14159265 / 24)")),
        Function("cos", expression=cos, operands=(x,), gives="continuous", doc=_doc(
            "Cosine", "cos x, x in radians.", "cos(hour * 2 * 3.14159265 / 24)")),
        Function("abs", expression=absolute, operands=(x,), gives="same", doc=_doc(
            "Absolute value", "x without its sign, in the type and unit of x.", "abs(latitude)")),
        Function("sign", expression=sign, operands=(x,), gives="integer", doc=_doc(
            "Sign", "-1 below 0, 0 at 0, 1 above.", "sign(balance)")),
        Function("round", expression=rounded, operands=(x, Operand("digits", literal=INTEGER, optional=True)),
                 gives="continuous", doc=_doc(
            "Rounded number", "x to `digits` decimals (0 if left out; -2 rounds to hundreds). Halves go to the even "
            "neighbour: round(2.5) is 2, round(3.5) is 4.", "round(price, 2)")),
        Function("clip", expression=clip, operands=(x, Operand("low", literal=BOUND), Operand("high", literal=BOUND)),
                 gives="continuous", also_known_as=("clamp",), doc=_doc(
            "Number kept within bounds", "min(max(x, low), high).", "clip(age, 0, 100)")),
        Function("min", expression=least, operands=several, variadic=True, gives="common", also_known_as=("least",),
                 doc=_doc("Smallest of the values in this row", "min(x, y, ...), of two or more numbers. Nothing is "
                          "skipped: one missing value makes the result missing.", "min(first_offer, second_offer)")),
        Function("max", expression=greatest, operands=several, variadic=True, gives="common",
                 also_known_as=("greatest",), doc=_doc(
            "Largest of the values in this row", "max(x, y, ...), of two or more numbers. Nothing is skipped: one "
            "missing value makes the result missing.", "max(math, reading, writing)")),
    ]  # fmt: skip
