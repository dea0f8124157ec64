"""The fitted pipeline as a folder that `mldsl predict`, `mldsl evaluate` and `mldsl.load` take.

The folder holds `manifest.json`, `params.safetensors` and `info.safetensors`: transforms and model, no pickle, nothing
that is executed on loading. It is replaced in one step if it was an artifact before; anything else at that path is left
as it is, and the export refused.

Errors:  a path that holds something other than an artifact, a full disk (MLP0602).
"""

from __future__ import annotations

import attrs

from mldsl.plugin import Component, Exporter, ModelName, hookimpl, param
from mldsl.record.export import ExportContext


@attrs.frozen
class Spec:
    """Where to, and which model."""

    path: str = param(doc="Folder to write, relative to the pipeline file.")
    model: ModelName = param("best", doc="Model to export; `best` has the best primary metric.")


def export(spec: Spec, context: ExportContext) -> list[str]:
    """Copy the model's artifact; gives the folder as it is written in the file."""
    context.copy_artifact(context.model(spec.model), context.path(spec.path))
    return [spec.path]


@hookimpl
def mldsl_components() -> list[Component]:
    """The exporter."""
    return [Exporter("artifact", Spec, export=export, snippet='export { artifact("out/titanic", model = best) }')]
