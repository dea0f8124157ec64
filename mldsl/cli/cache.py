"""`mldsl cache`: what is kept between runs, and clearing it."""

from __future__ import annotations

import shutil
from pathlib import Path

import click


@click.command("cache")
@click.option("--clear", is_flag=True, help="Remove everything that is kept.")
def command(clear: bool) -> int:
    """Show what is kept between runs (compiled programs, plugin declarations, the grammar), or clear it.

    The folders are private to you. Clearing them changes no result: the next run compiles again.
    """
    from mldsl.plugin.cache import cache_folder

    base = cache_folder()
    kept = sorted(base.iterdir()) if base.is_dir() else []
    rows = [(entry.name, *_size(entry)) for entry in kept]
    for name, files, size in rows:
        click.echo(f"{name:<14} {files:>6} files {size / 1e6:>9.1f} MB")
    if not rows:
        click.echo("nothing is kept")
    if clear and rows:
        for entry in kept:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        click.echo("cleared")
    return 0


def _size(entry: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in (entry, *entry.rglob("*")) if path.is_file()]
    return len(sizes), sum(sizes)
