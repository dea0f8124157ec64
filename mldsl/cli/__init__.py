"""The command line. `main` runs one command and turns what it raises into a message and an exit status.

Exit status: 0 fine, 1 errors, 2 usage, 3 a gate was missed, 130 stopped by Ctrl-C. A user's mistake never shows a
traceback; a mistake of ours says that it is ours.
"""

from __future__ import annotations

import sys
from typing import Any


def main(arguments: list[str] | None = None) -> int:
    """Run a command line (by default the process's own) and give its exit status."""
    import gc

    import click

    from mldsl.cli.group import group

    # Importing JAX makes some hundred thousand objects that stay; looking through them again and again for garbage is a
    # tenth of a small run.
    gc.set_threshold(100_000, 20, 100)
    verbose = "--verbose" in (sys.argv[1:] if arguments is None else arguments)
    try:
        status: Any = group.main(args=arguments, prog_name="mldsl", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("stopped", err=True)
        return 130
    except Exception as error:
        return _report(error, verbose)
    return status if isinstance(status, int) else 0


def _report(error: Exception, verbose: bool) -> int:
    import traceback

    import click

    from mldsl.diagnostics import InternalError, MldslError

    if isinstance(error, MldslError):
        from mldsl.cli.messages import show

        show(error.diagnostics, error.sources)
        kept = getattr(getattr(error, "failure", None), "traceback", "")
        if verbose and kept:
            click.echo(kept, err=True)
        return 1
    owner = error.owner if isinstance(error, InternalError) else "mldsl"
    whose = "mldsl" if owner == "mldsl" else f"the plugin `{owner}`"
    message = str(error) if isinstance(error, InternalError) else f"{type(error).__name__}: {error}"
    click.echo(f"internal error: {message}\n  = note: this is a mistake of {whose}, not yours", err=True)
    if verbose:
        click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    else:
        click.echo("  = help: `mldsl --verbose ...` shows the traceback; please report it", err=True)
    return 1
