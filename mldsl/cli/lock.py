"""`mldsl lock`: write down which plugins pipelines were made with, and hold what is installed against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mldsl.driver import Checked


@click.command("lock")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing; exit 1 if the lock file is not as it would be."
)
def command(files: tuple[Path, ...], only_check: bool) -> int:
    """Write `mldsl.lock` beside each of FILES: the installed plugins that it uses, their versions and hashes.

    Commit the file. `mldsl run --locked FILE` then refuses to run with anything else. Nothing is looked up or
    downloaded: what is installed is what is written, so after an upgrade `mldsl lock` accepts it.
    """
    from mldsl.cli.messages import show
    from mldsl.diagnostics import MldslError

    status = 0
    for file in files:
        try:
            click.echo(_check(file) if only_check else _write(file))
        except MldslError as error:
            show(error.diagnostics, error.sources)
            status = 1
    return status


def _check(file: Path) -> str:
    from mldsl.driver import Options, check, hold_to_lock
    from mldsl.plugin.lock import NAME

    checked = _sound(check(file))
    hold_to_lock(checked, Options())
    return f"{file.parent / NAME} holds for {file.name}"


def _write(file: Path) -> str:
    from mldsl.driver import Options, check, lock_of
    from mldsl.plugin.lock import NAME, Lock, changes, read_lock
    from mldsl.record.disk import write_file

    checked = _sound(check(file))
    place = file.parent / NAME
    old = read_lock(place) if place.exists() else Lock()
    there = {name for plugin in old.plugins for name in plugin.pipelines if (file.parent / name).is_file()}
    new = old.with_pipeline(file.name, lock_of(checked, Options()), there)
    changed = changes(old, new)
    if changed:
        write_file(place, new.text())
    return f"{place}: {', '.join(changed) if changed else 'nothing to change'}"


def _sound(checked: Checked) -> Checked:
    """A file without errors; params may lack a value, which says nothing of plugins."""
    if checked.errors:
        checked.sound()
    return checked
