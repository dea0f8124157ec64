"""`mldsl new plugin`: a complete package to start from."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("new")
def command() -> None:
    """Start a plugin package."""


@command.command("plugin")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="the current folder",
    help="The folder to make the package in.",
)
def plugin(name: str, into: Path) -> None:
    """Make the package `mldsl-NAME`: one algorithm, its tests, all that publishing needs.

    NAME is what pipelines will write after `use`, in lower case: `acme`, `time_series`.
    """
    from importlib.metadata import version

    from mldsl.plugin.scaffold import ScaffoldError, create

    try:
        made = create(name, into, version("mldsl"))
    except ScaffoldError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write to `{into}`: {error.strerror or error}") from None
    folder = into / made[0].parts[0]
    width = max(len(path.as_posix()) for path in made)
    click.echo(f"made {folder}")
    for path in made:
        click.echo(f"  {path.relative_to(made[0].parts[0]).as_posix():<{width}}".rstrip())
    click.echo(f'\nnext:\n  cd {folder}\n  python -m pip install --editable ".[test]"\n  pytest')
