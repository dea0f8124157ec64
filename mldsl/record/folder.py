"""The run folder: built under `runs/.partial/<content hash>/`, then moved to its name in one step: complete or absent.

Checkpoints live in the partial folder, so that the next run of the same content with `--resume` finds them.
"""

from __future__ import annotations

import os
import re
import shutil
from datetime import datetime
from pathlib import Path

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.record.disk import writing


@attrs.define
class Partial:
    """A run folder in the making, held by a lock. `path` is where everything is written."""

    path: Path
    runs_dir: Path
    content_hash: str
    _lock: int | None = None

    def run_id(self, name: str, now: datetime | None = None) -> str:
        """A free name for the finished folder: `<time>-<name>-<hash>`, with `-2`, `-3` ... if it is taken."""
        return run_id(self.runs_dir, name, self.content_hash, now)

    def finish(self, run_id: str) -> Path:
        """Move the folder to `runs/<run_id>/` in one step and let the lock go."""
        target = self.runs_dir / run_id
        with writing(target):
            if target.exists():
                raise FileExistsError(None, "a run of this name exists")
            self.path.rename(target)
        self.release()
        return target

    def discard(self) -> None:
        """Remove the folder: the run failed, and there is nothing to resume."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Let the lock go and leave the folder, with its checkpoints, for `--resume`."""
        if self._lock is not None:
            self._lock_path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
        for folder in (self.runs_dir / ".partial", self.runs_dir):  # nothing half-written stays: not even folders
            try:
                folder.rmdir()
            except OSError:
                break

    @property
    def _lock_path(self) -> Path:
        return self.path.with_name(self.path.name + ".lock")


def start(runs_dir: Path, content_hash: str, *, resume: bool = False) -> Partial:
    """Begin a run folder for a content hash (of file, data and versions).

    What an interrupted run of the same content left is kept if `resume`, else cleared. MLP0602 if the folder cannot be
    written, or if another process is at this very run.
    """
    runs_dir = runs_dir.absolute()
    partial = Partial(runs_dir / ".partial" / content_hash, runs_dir, content_hash)
    with writing(runs_dir):
        partial.path.parent.mkdir(parents=True, exist_ok=True)
        partial._lock = _take(partial._lock_path)
        try:
            if not resume:
                shutil.rmtree(partial.path, ignore_errors=True)
            partial.path.mkdir(exist_ok=True)
        except OSError:
            partial.release()
            raise
    return partial


def run_id(runs_dir: Path, name: str, content_hash: str, now: datetime | None = None) -> str:
    """`20260801-142233-titanic-3fa9c1d2`: sorts by time, says what it was, tells equal runs from different ones."""
    stem = re.sub(r"[^\w.-]+", "-", Path(name).stem).strip("-.") or "pipeline"
    base = f"{(now or datetime.now()):%Y%m%d-%H%M%S}-{stem[:60]}-{content_hash[:8]}"
    taken, candidate = 1, base
    while (runs_dir / candidate).exists():
        taken += 1
        candidate = f"{base}-{taken}"
    return candidate


def _take(path: Path) -> int:
    """Lock a file for as long as this process lives: the system lets go even after `kill -9`."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _exclusive(handle)
        except OSError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            os.close(handle)
            raise MldslError(
                Diagnostic(
                    "MLP0602",
                    f"this very run is already going on in process {holder or 'unknown'}",
                    notes=(f"it holds `{path}`",),
                    help="wait for it, or write elsewhere with `--runs-dir`",
                )
            ) from error
        # The holder before us may have removed the file between our opening and our locking it.
        if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            return handle
        os.close(handle)


def _exclusive(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
