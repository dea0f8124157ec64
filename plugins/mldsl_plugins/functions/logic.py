"""Choices and missing values of one row.

is_missing(x)                     whether x is missing; never missing itself
coalesce(x, y, ...)               the first that is not missing
null_if(x, value)                 x, but missing where it equals `value` (999, "unknown")
one_of(x, a, b, ...)              whether x equals one of them
if_else(condition, yes, no)       `yes` where the condition holds, `no` where it does not, missing where unknown
"""

from __future__ import annotations

from functools import reduce

import polars as pl

from mldsl.plugin import Component, Function, Operand, hookimpl

SCALARS = ("continuous", "integer", "binary", "categorical", "ordinal", "text", "id", "time")


def is_missing(x: pl.Expr) -> pl.Expr:
    """Whether it is missing."""
    return x.is_null()


def coalesce(*values: pl.Expr) -> pl.Expr:
    """The first that is not missing."""
    return pl.coalesce(values)


def null_if(x: pl.Expr, value: pl.Expr) -> pl.Expr:
    """Missing where equal."""
    return pl.when((x == value).fill_null(False)).then(None).otherwise(x)


def one_of(x: pl.Expr, *values: pl.Expr) -> pl.Expr:
    """Whether equal to one."""
    return reduce(lambda a, b: a | b, [x == value for value in values])


def if_else(condition: pl.Expr, yes: pl.Expr, no: pl.Expr) -> pl.Expr:
    """One or the other."""
    return pl.when(condition).then(yes).when(~condition).then(no)


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    x = Operand("x", SCALARS)
    return [
        Function("is_missing", expression=is_missing, operands=(x,), gives="binary", missing="no",
                 also_known_as=("is_null", "isna", "is_na"),
                 doc="Whether a value is missing.\n\nTrue or false, never missing: "
                     "`where = not is_missing(age)` keeps the rows that have an age."),
        Function("coalesce", expression=coalesce, operands=(x, Operand("other", SCALARS)), variadic=True,
                 gives="common", missing="all", also_known_as=("fillna", "if_null", "ifnull"),
                 doc="First value that is not missing.\n\nOf two or more, from left to right; missing only where all "
                     "are. Example: `coalesce(home_phone, work_phone)`, `coalesce(children, 0)`."),
        Function("null_if", expression=null_if, operands=(x, Operand("value", SCALARS)), gives="same", missing="yes",
                 also_known_as=("na_if", "nullif"),
                 doc="Value that counts as missing where it equals another.\n\nFor codes that mean `not known`. "
                     "Example: `null_if(income, 999)`."),
        Function("one_of", expression=one_of, operands=(x, Operand("value", SCALARS)), variadic=True, gives="binary",
                 also_known_as=("is_in", "isin"),
                 doc="Whether a value is one of several.\n\nMissing where the value is missing. "
                     'Example: `one_of(port, "Cherbourg", "Southampton")`.'),
        Function("if_else", expression=if_else, operands=(Operand("condition", ("binary",)), Operand("yes", SCALARS),
                 Operand("no", SCALARS)), gives="common", also_known_as=("ifelse", "iif", "where"),
                 doc="One of two values, by a condition.\n\n`yes` where the condition holds, `no` where it does not, "
                     "missing where the condition is (it compared something missing). "
                     "Example: `if_else(delay > 15, 1, 0)`."),
    ]  # fmt: skip
