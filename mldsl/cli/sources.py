"""Reading the pipeline files that a command is given, byte for byte but for the encoding."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.source import Source

STDIN = "<stdin>"


def read_source(path: Path) -> Source:
    """A file, or standard input for `-`, line ends as they are; `MldslError` (MLP0406, MLP0407) if it is not text."""
    name = STDIN if str(path) == "-" else str(path)
    try:
        data = sys.stdin.buffer.read() if name == STDIN else path.read_bytes()
        return Source(name, data.decode("utf-8"), None if name == STDIN else path)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        note = f"line {line}: the byte 0x{error.object[error.start]:02x} cannot stand there"
        found = Diagnostic("MLP0407", f"`{name}` is not UTF-8 text", notes=(note,), help="save the file as UTF-8")
        raise MldslError(found) from error
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise MldslError(Diagnostic("MLP0406", f"`{name}` cannot be read: {reason}")) from error


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """The files among `paths`, and the pipelines below the folders, sorted.

    Hidden folders are left out, and so are the copies that runs keep: a record is not to be rewritten.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*.mlp")):
            inside = found.relative_to(path).parts[:-1]
            if not any(part.startswith(".") for part in inside) and not (found.parent / "run.json").exists():
                yield found
