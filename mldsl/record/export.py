"""What an exporter is given: the finished parts of the run folder, the record, and safe ways to write outside of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.record import artifact
from mldsl.record.disk import write_file
from mldsl.record.model import RunRecord


@attrs.frozen
class ExportContext:
    """The run as exporters see it.

    `run` is the folder with `models/`, `predictions.parquet` and the reports; `base` is the folder of the pipeline
    file, which relative paths start from.
    """

    run: Path
    record: RunRecord
    base: Path

    def path(self, text: str) -> Path:
        """A path of the file, absolute."""
        return (self.base / Path(text).expanduser()).absolute()

    def model(self, name: str) -> str:
        """The model that a name means: `best` is the best one, unless a model is called so."""
        if name in self.record.models:
            return name
        if name == "best" and self.record.best is not None:
            return self.record.best
        known = ", ".join(self.record.models)
        raise MldslError(Diagnostic("MLP0112", f"there is no model `{name}` to export", notes=(f"models: {known}",)))

    def write_file(self, path: Path, content: bytes | str | Callable[[Path], None]) -> Path:
        """Write a file, complete or not at all; what stood there is replaced in one step."""
        if path.is_dir():
            raise MldslError(Diagnostic("MLP0602", f"`{path}` is a folder; `export` needs the name of a file"))
        return write_file(path, content)

    def copy_artifact(self, model: str, target: Path) -> list[Path]:
        """Copy a model's artifact to `target`, which must be absent, empty or an artifact: nothing else is replaced."""
        source = self.run / "models" / model
        artifact.verify(source)

        def fill(folder: Path) -> None:
            for file in sorted(source.iterdir()):
                shutil.copyfile(file, folder / file.name)

        artifact.replace(target, fill)
        return sorted(target.iterdir())
