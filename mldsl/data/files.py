"""Files of a source: paths and globs to files, bytes out of compressed ones, hashes, and how much memory there is.

Why it exists: every file source fails in the same ways (absent, a folder, unreadable), and each must be said once.
"""

from __future__ import annotations

import difflib
import glob
import gzip
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import polars as pl

from mldsl.data.context import Context, Facts, refuse
from mldsl.diagnostics import MldslError

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
COMPRESSION = 4  # text tables compress about this well; only estimates use it


def find_files(paths: str | Iterable[str], context: Context) -> list[tuple[str, Path]]:
    """The files that paths and globs name, as `(name as written, path)`; those of a glob sorted by name.

    Raises MLP0406, for all paths together, if a path or glob names nothing, a folder, or a file that cannot be opened.
    """
    found: list[tuple[str, Path]] = []
    problems = []
    for written in (paths,) if isinstance(paths, str) else tuple(paths):
        try:
            found.extend(_find(written, context.base))
        except _UnusableError as problem:
            problems.append(refuse("MLP0406", problem.message, help=problem.help).diagnostics[0])
    if problems:
        raise MldslError(*problems)
    if not found:
        raise refuse("MLP0406", "no file is named", help='write its path, e.g. `csv("data/iris.csv")`')
    return found


class _UnusableError(Exception):
    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.help = message, help


def _find(written: str, base: Path) -> list[tuple[str, Path]]:
    path = base / Path(written).expanduser()
    if path.is_dir():
        raise _UnusableError(
            f"`{written}` is a folder", help=f"name its files: `{written.rstrip('/')}/*{_usual_end(path)}`"
        )
    if path.is_file():
        return [(written, _openable(written, path))]
    if not any(sign in written for sign in "*?["):
        raise _UnusableError(f"`{written}` does not exist", help=_similar(written, path))
    # `root_dir` keeps signs of the folder that the pipeline is in out of the pattern.
    names = sorted(glob.glob(written, root_dir=base, recursive=True))
    files = [(name, base / name) for name in names if (base / name).is_file()]
    if not files:
        raise _UnusableError(f"no file matches `{written}`", help=_similar(written, path))
    return [(name, _openable(name, file)) for name, file in files]


def _openable(written: str, path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise _UnusableError(f"`{written}` cannot be read: {(error.strerror or str(error)).lower()}") from None


def _usual_end(folder: Path) -> str:
    ends = [entry.suffix for entry in _entries(folder) if entry.is_file() and entry.suffix]
    return max(set(ends), key=ends.count, default="")


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _similar(written: str, path: Path) -> str | None:
    """Did you mean a file of that folder? If the folder is missing, the nearest one that is not is said."""
    folder = path.parent
    if not folder.is_dir():
        while not folder.is_dir():
            missing, folder = folder, folder.parent
        return f"there is no folder `{missing.name}` in `{folder.name or folder}`; paths start at the file that is run"
    near = difflib.get_close_matches(path.name, [entry.name for entry in _entries(folder)], n=1, cutoff=0.6)
    if near:
        return f"did you mean `{Path(written).parent / near[0]}`?"
    return "paths start at the folder of the file that is run"


# ---- bytes -----------------------------------------------------------------------------------------------------------
def is_compressed(path: Path) -> bool:
    """Whether a file begins as gzip or zstd do; the name does not matter."""
    with path.open("rb") as file:
        return file.read(4).startswith((GZIP, ZSTD))


def read_bytes(name: str, path: Path) -> bytes:
    """All bytes of a file, decompressed if it is gzip or zstd. Raises MLP0406 if it is damaged."""
    data = path.read_bytes()
    try:
        if data.startswith(GZIP):
            return gzip.decompress(data)
        if data.startswith(ZSTD):
            return _zstd(data)
    except (OSError, EOFError, pl.exceptions.PolarsError, ValueError) as error:
        raise refuse("MLP0406", f"`{name}` is damaged: it does not decompress", f"{error}") from None
    return data


def read_start(name: str, path: Path, size: int = 1 << 20) -> bytes:
    """The first bytes of a file (decompressed), enough for a header."""
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith(ZSTD):
            return read_bytes(name, path)[:size]
        file.seek(0)
        if not start.startswith(GZIP):
            return file.read(size)
        try:
            return gzip.GzipFile(fileobj=file).read(size)
        except (OSError, EOFError) as error:
            raise refuse("MLP0406", f"`{name}` is damaged: it does not decompress", f"{error}") from None


def _zstd(data: bytes) -> bytes:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
    except ImportError:
        # Polars decompresses zstd but only gives lines of UTF-8; the last newline is put back.
        lines = pl.read_lines(data).to_series()
        return ("\n".join(lines.to_list()) + "\n").encode()
    return bytes(zstd.decompress(data))


def sha256(path: Path) -> str:
    """The hash of a file's bytes, read as a stream."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashed(path: Path) -> Callable[[], Facts]:
    """The `inspect` of a source whose format guards itself: only the hash."""
    return lambda: Facts(sha256(path))


def hashed_lines(name: str, path: Path, skipped: bytes = rb"[ \t\r]*") -> Callable[[], Facts]:
    """The `inspect` of a source that has one row a line: line numbers hold if no line is one of those it skips."""
    return lambda: Facts(sha256(path), lines=re.search(rb"(\A|\n)" + skipped + rb"\n", read_bytes(name, path)) is None)


def unreadable(name: str, form: str, error: Exception) -> MldslError:
    """What is wrong with a file of a binary format that cannot be read."""
    text = str(error).partition("\n")[0]
    if isinstance(error, pl.exceptions.DuplicateError):
        return refuse("MLP0409", f"`{name}` names a column twice", text, help="rename or remove one in the file")
    return refuse("MLP0406", f"`{name}` cannot be read as {form}", text, help="is it complete, and of this format?")


# ---- memory ----------------------------------------------------------------------------------------------------------
def available_memory() -> int | None:
    """Bytes that this process may still take, by the machine and by its container; None if neither says."""
    limits = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
    except OSError:
        with suppress(OSError, ValueError):
            limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    group = Path("/sys/fs/cgroup")
    try:  # what the kernel could drop at once (`inactive_file`) counts as used but is not
        used = int((group / "memory.current").read_text())
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["inactive_file"]
        limits.append(int((group / "memory.max").read_text()) - used + int(cached))
    except (OSError, ValueError, KeyError):  # no such file, or `max`: no limit
        pass
    return min(limits, default=None)
