"""Which run a word means: a folder, an id, the start of one, `latest`, `latest~1`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.diagnostics.suggest import did_you_mean

RECORD = "run.json"
_LATEST = re.compile(r"latest(?:~(\d+))?")
_SHOWN = 5


def runs_in(folder: Path) -> list[Path]:
    """The complete runs in a folder of runs, the newest first; empty where there is no such folder."""
    if not folder.is_dir():
        return []
    runs = [p for p in folder.iterdir() if not p.name.startswith(".") and (p / RECORD).is_file()]
    return sorted(runs, key=lambda p: ((p / RECORD).stat().st_mtime_ns, p.name), reverse=True)


def known_runs(runs_dir: Path | None = None) -> list[Path]:
    """All runs, the newest first: those in `runs_dir`; by default in `runs/` here and in `runs/` one folder down."""
    if runs_dir is not None:
        return runs_in(runs_dir)
    found = [run for folder in (Path("runs"), *sorted(Path().glob("*/runs"))) for run in runs_in(folder)]
    return sorted(found, key=lambda p: ((p / RECORD).stat().st_mtime_ns, p.name), reverse=True)


def find_run(word: str | Path, runs_dir: Path | None = None) -> Path:
    """The folder of the run that is meant.

    A folder of a run (or its `run.json`); a folder of runs, whose newest is meant; `latest`, `latest~1` (the one
    before) and so on; an id, or as much of its start as no other run shares. Ids are looked for in `runs_dir` (see
    `known_runs`). MLP0502 for anything else, with the runs that come near.
    """
    path = Path(word)
    if path.name == RECORD and path.is_file():
        return path.parent
    if (path / RECORD).is_file():
        return path
    text = str(word)
    runs = known_runs(runs_dir)
    back = _LATEST.fullmatch(text)
    if back:
        return _nth(runs, int(back[1] or 0), text, runs_dir)
    if path.is_dir() and (inside := runs_in(path)):
        return inside[0]
    named = [run for run in runs if run.name == text] or [run for run in runs if run.name.startswith(text)]
    if len(named) == 1:
        return named[0]
    if named:
        why = f"`{text}` may be any of {len(named)} runs"
        raise MldslError(Diagnostic("MLP0502", why, notes=_listed(named), help="write more of its id, or its folder"))
    if path.exists():
        what = "folder" if path.is_dir() else "file"
        why = f"`{text}` is a {what}, but not the folder of a run: it has no `{RECORD}`"
        raise MldslError(Diagnostic("MLP0502", why, notes=_listed(runs), help=_remedy(text, runs)))
    raise MldslError(Diagnostic("MLP0502", f"there is no run `{text}`", notes=_listed(runs), help=_remedy(text, runs)))


def _nth(runs: Sequence[Path], back: int, text: str, runs_dir: Path | None) -> Path:
    if back < len(runs):
        return runs[back]
    where = f"`{runs_dir}`" if runs_dir is not None else "`runs/` here"
    if not runs:
        what = f"there is no run under {where}"
        raise MldslError(
            Diagnostic("MLP0502", what, help="name the folder of a run, or make one: `mldsl run FILE.mlp`")
        )
    what = f"there is no `{text}`: {len(runs)} {'run is' if len(runs) == 1 else 'runs are'} under {where}"
    raise MldslError(Diagnostic("MLP0502", what, help=f"the oldest is `latest~{len(runs) - 1}`"))


def _remedy(text: str, runs: Sequence[Path]) -> str:
    near = did_you_mean(text, [run.name for run in runs] + ["latest"])
    return f"did you mean `{near}`?" if near else "name a run's folder, its id or the start of it, or `latest`"


def _listed(runs: Sequence[Path]) -> tuple[str, ...]:
    if not runs:
        return ()
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return (f"runs here: {', '.join(run.name for run in runs[:_SHOWN])}{more}",)
