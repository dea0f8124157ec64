"""Writing that is complete or absent, and failures of the disk as MLP0602."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mldsl.diagnostics import Diagnostic, MldslError

_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space, or write elsewhere with `--runs-dir`"),
    errno.EDQUOT: ("your disk quota is used up", "free some space, or write elsewhere with `--runs-dir`"),
    errno.EACCES: ("permission denied", "write elsewhere with `--runs-dir`, or change the folder's permissions"),
    errno.EPERM: ("permission denied", "write elsewhere with `--runs-dir`, or change the folder's permissions"),
    errno.EROFS: ("the file system is read-only", "write elsewhere with `--runs-dir`"),
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` raised inside into MLP0602, naming `path`, the reason and a remedy."""
    try:
        yield
    except OSError as error:
        reason, remedy = _REASONS.get(error.errno or 0, (error.strerror or str(error), None))
        raise MldslError(Diagnostic("MLP0602", f"`{path}` cannot be written: {reason}", help=remedy)) from error


def write_file(path: Path, content: bytes | str | Callable[[Path], None]) -> Path:
    """Write a file beside its place, then move it there in one step; makes the folder. A function is given the path."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
        try:
            if callable(content):
                content(beside)
            else:
                beside.write_bytes(content.encode() if isinstance(content, str) else content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    return path


def replace_folder(target: Path, fill: Callable[[Path], None]) -> Path:
    """Build a folder beside `target`, then put it in its place; the old one goes only once the new one is complete."""
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh, old = (target.with_name(f".{target.name}.{word}.{os.getpid()}") for word in ("new", "old"))
        for folder in (fresh, old):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            fresh.mkdir()
            fill(fresh)
            if target.exists():
                target.rename(old)
            try:
                fresh.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    return target


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
