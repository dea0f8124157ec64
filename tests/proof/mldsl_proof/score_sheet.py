"""Score sheet: one line of text for every metric of the model that is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from mldsl.plugin import Component, Exporter, ModelName, hookimpl, param


@attrs.frozen
class Spec:
    """Where to, and of which model."""

    path: str = param(doc="The file to write, relative to the pipeline.")
    model: ModelName = param("best", doc="Whose metrics.")


def export(spec: Spec, context: Any) -> list[Path]:
    """Write the sheet; what stood there is replaced in one step."""
    model = context.model(spec.model)
    lines = [
        f"{part} {name} {interval.value:.6f}"
        for part, metrics in context.record.models[model].metrics.items()
        for name, interval in metrics.items()
    ]
    return [context.write_file(context.path(spec.path), "\n".join([model, *lines, ""]))]


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [Exporter("score_sheet", Spec, export=export)]
