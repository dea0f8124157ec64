"""`mldsl cache`: what is kept between runs, and clearing it."""

from __future__ import annotations

import shutil
from pathlib import Path

import click


@click.command("cache")
@click.option("--clear", is_flag=True, help="Remove everything that is kept.")
def command(clear: bool) -> int:
    """Show what is kept between runs, or clear it.

    Compiled programs, plugin declarations and the grammar are kept in a private folder of yours; fits, and which runs
    are known, under the `runs/` here and in the folders here. Clearing changes no result: the next run compiles and
    trains again. At most 1 GB of fits are kept under a `runs/`; the least recently used ones go first.
    """
    from mldsl.plugin.cache import cache_folder

    base = cache_folder()
    kept = {entry.name: entry for entry in sorted(base.iterdir())} if base.is_dir() else {}
    kept |= {str(entry.relative_to(Path.cwd())): entry for entry in _beside_runs(Path.cwd())}
    rows = [(name, *_size(entry)) for name, entry in kept.items()]
    width = max((len(name) for name in kept), default=0)
    for name, files, size in rows:
        click.echo(f"{name:<{width}} {files:>6} files {size / 1e6:>9.1f} MB")
    if not rows:
        click.echo("nothing is kept")
    if not clear or not rows:
        return 0
    left = [name for name, entry in kept.items() if not _cleared(entry)]
    click.echo("cleared" if not left else f"could not be removed: {', '.join(left)}", err=bool(left))
    return 1 if left else 0


def _cleared(entry: Path) -> bool:
    try:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    except OSError:
        return not entry.exists()
    return True


def _beside_runs(here: Path) -> list[Path]:
    """What runs near here have kept for later ones."""
    try:
        folders = [here / "runs", *(folder / "runs" for folder in sorted(here.iterdir()))]
    except OSError:
        return []
    return [entry for folder in folders for name in (".index", ".stages") if (entry := folder / name).is_dir()]


def _size(entry: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in (entry, *entry.rglob("*")) if path.is_file()]
    return len(sizes), sum(sizes)
