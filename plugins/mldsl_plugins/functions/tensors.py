"""Columns gathered into one array for each row: pictures, sequences, vectors.

The columns are taken in the order of the file and leave the inputs. Values are float32; the array of a row is missing
where one of its columns is.

    image(columns, height, width, channels = 1)     [height, width, channels], row by row, channels together
    sequence(columns, channels = 1)                 [time, channels]: all channels of the first moment, then the next
    vector(columns)                                 [length]
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from mldsl.plugin import Component, Function, Operand, ParameterType, hookimpl


def image(columns: Sequence[pl.Expr], height: int, width: int, channels: int | None = None) -> pl.Expr:
    """One picture; ValueError if the columns do not fill it."""
    shape = (height, width, channels or 1)
    pixels = height * width * (channels or 1)
    if pixels != len(columns):
        raise ValueError(f"expected {height} x {width} x {channels or 1} = {pixels} columns, found {len(columns)}")
    return _gather(columns, shape)


def sequence(columns: Sequence[pl.Expr], channels: int | None = None) -> pl.Expr:
    """One sequence; ValueError if the columns are not a multiple of the channels."""
    if len(columns) % (channels or 1):
        raise ValueError(f"expected a multiple of {channels} columns (the channels), found {len(columns)}")
    return _gather(columns, (len(columns) // (channels or 1), channels or 1))


def vector(columns: Sequence[pl.Expr]) -> pl.Expr:
    """One vector."""
    return _gather(columns, (len(columns),))


def _gather(columns: Sequence[pl.Expr], shape: tuple[int, ...]) -> pl.Expr:
    numbers = [column.cast(pl.Float32) for column in columns]
    array = pl.concat_arr(numbers)
    if len(shape) > 1:
        array = array.reshape((-1, *shape))
    return pl.when(pl.all_horizontal([column.is_not_null() for column in columns])).then(array)


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    columns = Operand("columns", ("continuous", "integer"), columns=True)
    size, channels = ParameterType("int"), ParameterType("int", optional=True)
    rule = "Columns are taken in the order of the file and leave the inputs; missing where one of them is."
    return [
        Function("image", expression=image, gives="image", operands=(columns, Operand("height", literal=size),
                 Operand("width", literal=size), Operand("channels", literal=channels, optional=True)),
                 doc="Columns gathered into a picture.\n\n[height, width, channels] float32, row by row from the top, "
                     f"the channels of a pixel together. {rule} "
                     'Example: `photo = image("p*", height = 28, width = 28)`.'),
        Function("sequence", expression=sequence, gives="sequence", operands=(columns,
                 Operand("channels", literal=channels, optional=True)),
                 doc="Columns gathered into a sequence.\n\n[time, channels] float32, time-major: all channels of the "
                     f"first moment come first. {rule} "
                     'Example: `series = sequence("t*", channels = 6)`.'),
        Function("vector", expression=vector, gives="vector", operands=(columns,),
                 doc=f"Columns gathered into a vector.\n\n[length] float32. {rule} "
                     'Example: `embedding = vector("e*")`.'),
    ]  # fmt: skip
