"""The predictions of the held-out rows as a table: source, row, part, keys, model, target, prediction, probabilities.

The ending of the path chooses the form: `.csv`, `.parquet`, `.arrow` (or `.feather`, `.ipc`), `.jsonl` (or `.ndjson`).
The file is replaced in one step. Rows count from 0 in their source.

Errors:  another ending, a full disk, a folder at that path (MLP0602).
"""

from __future__ import annotations

import attrs

from mldsl.plugin import Component, Exporter, ModelName, hookimpl, param
from mldsl.record.export import ExportContext
from mldsl.record.frames import writer_for


@attrs.frozen
class Spec:
    """Where to, and of which model."""

    path: str = param(doc="File to write, relative to the pipeline file; the ending chooses the form.")
    model: ModelName | None = param(
        None, doc="Model whose predictions to write; by default all, in the column `model`."
    )


def export(spec: Spec, context: ExportContext) -> list[str]:
    """Write the file; gives its path as it is written in the pipeline."""
    import polars as pl

    path = context.path(spec.path)
    write = writer_for(path, spec.path)
    frame = pl.read_parquet(context.run / "predictions.parquet")
    if spec.model is not None:
        frame = frame.filter(pl.col("model") == context.model(spec.model))

    context.write_file(path, lambda target: write(frame, target))
    return [spec.path]


@hookimpl
def mldsl_components() -> list[Component]:
    """The exporter."""
    return [Exporter("predictions", Spec, export=export, snippet='export { predictions("out/segments.csv") }')]
