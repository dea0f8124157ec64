"""Which run folder is meant: by its path, its id, the beginning of its id or of its hash, `latest`, `latest~1`.

Runs are looked for in the folder that the search starts in, in its `runs/`, and in the `runs/` of its folders, since
a run lies beside the file that was run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.diagnostics.suggest import did_you_mean

LATEST = "latest"
_BACK = re.compile(r"latest(?:~(\d+))?")
_SHOWN = 5
_HASH = re.compile(r"-([0-9a-f]{8})(-\d+)?$")


def find_run(text: str, start: Path) -> Path:
    """The run folder that `text` names, looked for from the folder `start`.

    `text` is a run folder, its `run.json`, a folder of runs (then the newest), an id, the beginning of an id, the
    beginning of the hash that an id ends in (four letters at least), `latest`, or `latest~2`, the second before it.
    MLP0502 if it names none, or several.
    """
    path = start / Path(text).expanduser()
    if text and path.is_file() and path.name == "run.json":
        return path.parent
    if text and (path / "run.json").is_file():
        return path
    if text and path.is_dir() and (inside := runs_in(path)):
        return inside[0]
    known = runs_near(start) if len(Path(text).parts) < 2 else runs_in(path.parent)
    if back := _BACK.fullmatch(text):
        return _before(known, int(back[1] or 0), text, start)
    meant = [run for run in known if run.name == path.name] or [run for run in known if _begins(run.name, path.name)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        shown = sorted((run.name for run in meant), reverse=True)
        more = (f"and {len(shown) - _SHOWN} more",) if len(shown) > _SHOWN else ()
        raise _refused(f"`{text}` begins {len(meant)} runs", "write more of it", *shown[:_SHOWN], *more)
    if path.is_dir():
        raise _refused(f"`{text}` is not the folder of a run: it has no `run.json`", "name a folder under `runs/`")
    if path.is_file():
        raise _refused(f"`{text}` is a file, not the folder of a run", "name a folder under `runs/`")
    near = did_you_mean(path.name, [*(run.name for run in known), LATEST])
    newest = known[0].name if known else None
    hint = f"did you mean `{near}`?" if near else f"the newest is `{newest}`; `latest` names it" if newest else None
    raise _refused(f"there is no run `{text}`", hint or "name the folder of a run")


def named_or_path(path: Path, start: Path) -> Path:
    """A path as it is; but a single word that is no path here names a run, as for `find_run`."""
    return path if path.exists() or len(path.parts) != 1 else find_run(str(path), start)


def runs_near(start: Path) -> list[Path]:
    """All complete runs in `start`, `start/runs` and `start/*/runs`, the newest first."""
    try:
        folders = [start, *(folder / "runs" for folder in (start, *sorted(start.iterdir())))]
    except OSError:
        return []
    return _newest_first(run for folder in folders for run in _complete(folder))


def runs_in(folder: Path) -> list[Path]:
    """The complete runs in a folder of runs, the newest first."""
    return _newest_first(_complete(folder))


def _complete(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    return [entry for entry in entries if not entry.name.startswith(".") and (entry / "run.json").is_file()]


def _newest_first(runs: Iterable[Path]) -> list[Path]:
    return sorted(runs, key=lambda run: ((run / "run.json").stat().st_mtime_ns, run.name), reverse=True)


def _before(runs: list[Path], back: int, text: str, start: Path) -> Path:
    if back < len(runs):
        return runs[back]
    if not runs:
        raise _refused(f"there is no run under `{start / 'runs'}`", "run a pipeline first: `mldsl run FILE`")
    count = "there is 1 run" if len(runs) == 1 else f"there are {len(runs)} runs"
    oldest = LATEST if len(runs) == 1 else f"latest~{len(runs) - 1}"
    raise _refused(f"there is no `{text}`: {count} under `{start}`", f"the oldest is `{oldest}`")


def _begins(name: str, text: str) -> bool:
    """Whether a run's id, or the hash in it, begins with a text."""
    digest = _HASH.search(name)
    return bool(text) and (
        name.startswith(text) or (len(text) >= 4 and digest is not None and digest[1].startswith(text))
    )


def _refused(message: str, help: str, *notes: str) -> MldslError:
    return MldslError(Diagnostic("MLP0502", message, notes=notes, help=help))
