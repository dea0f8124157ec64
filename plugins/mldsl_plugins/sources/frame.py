"""A table of the calling Python program, by name: Polars, pandas, PyArrow, or anything that speaks Arrow.

`mldsl.run("f.mlp", frames = {"customers": df})` serves `frame("customers")`; in a notebook, `%%mlp` finds the data
frames in scope. Types are treated as in `parquet`; a pandas column of mixed objects is read as text.

Errors: MLP0406 no such frame or not a table, MLP0409 duplicate column. Cost: a hash of the buffers; no copy.
"""

from __future__ import annotations

import difflib

import attrs
import polars as pl

from mldsl.data.context import Context, Facts, Scan, refuse
from mldsl.data.frames import sha256_of_frame, to_polars
from mldsl.plugin import Component, SourceComponent, hookimpl, param


@attrs.frozen
class Spec:
    """Settings of a frame source."""

    name: str = param(doc="The name under which the calling program gives the table.")


def scan(spec: Spec, context: Context) -> Scan:
    """The table, as one scan."""
    if spec.name not in context.frames:
        near = difflib.get_close_matches(spec.name, list(context.frames), n=1, cutoff=0.6)
        known = ", ".join(f"`{name}`" for name in context.frames)
        raise refuse(
            "MLP0406", f"the calling program gives no frame `{spec.name}`", *([f"it gives {known}"] if known else []),
            help=f"did you mean `{near[0]}`?" if near
            else f'call `mldsl.run(..., frames={{"{spec.name}": df}})`; the command line has no frames',
        )  # fmt: skip
    table = to_polars(spec.name, context.frames[spec.name])
    frame = table.lazy()
    return Scan(
        name=spec.name, columns=tuple(frame.collect_schema().names()), frame=frame,
        inspect=lambda: Facts(sha256_of_frame(table if isinstance(table, pl.DataFrame) else table.collect())),
    )  # fmt: skip


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    return [SourceComponent("frame", Spec, scan=scan, example=Spec("table"), snippet='data { frame("table") }')]
