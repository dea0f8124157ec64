"""Writing a table of rows in the form that the ending of its path names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.record.disk import write_file


def _writers() -> dict[str, Callable[[Any, Path], Any]]:
    def arrow(frame: Any, path: Path) -> None:
        frame.write_ipc(path, compression="zstd")

    def lines(frame: Any, path: Path) -> None:
        frame.write_ndjson(path)

    return {
        ".csv": lambda frame, path: frame.write_csv(path),
        ".parquet": lambda frame, path: frame.write_parquet(path),
        ".arrow": arrow,
        ".feather": arrow,
        ".ipc": arrow,
        ".jsonl": lines,
        ".ndjson": lines,
    }


def writer_for(path: Path, shown: str = "") -> Callable[[Any, Path], Any]:
    """The function that writes a Polars frame in the form of the path's ending; MLP0602 for any other ending."""
    write = _writers().get(path.suffix.lower())
    if write is None:
        raise MldslError(
            Diagnostic(
                "MLP0602",
                f"`{shown or path}` has no ending that a table can be written in",
                help="end it with " + ", ".join(f"`{ending}`" for ending in _writers()),
            )
        )
    return write


def write_frame(frame: Any, path: Path) -> Path:
    """Write a Polars frame, complete or not at all; what stood there is replaced in one step."""
    write = writer_for(path)
    return write_file(path, lambda target: write(frame, target))
