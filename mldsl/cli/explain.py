"""`mldsl explain`: the page of a code."""

from __future__ import annotations

import click

from mldsl.cli.layout import heading, page_width
from mldsl.diagnostics.codes import CODES

# What the first two digits of a code say.
_RANGES = {
    "00": "Syntax", "01": "Names", "02": "Values", "03": "Pipeline", "04": "Data", "05": "Plugins, artifacts and lock",
    "06": "Environment", "08": "Advice", "09": "Editions and deprecation",
}  # fmt: skip


@click.command("explain")
@click.argument("code", required=False)
@click.option("--format", "form", type=click.Choice(["text", "markdown"]), default="text", show_default=True)
def command(code: str | None, form: str) -> int:
    """Explain the code of a message: what it means, a file that causes it, and the repaired file.

    CODE is written as in the message (`MLP0307`); the letters and leading zeros may be left out. Without a code, all
    are listed.
    """
    if code is None:
        _list()
        return 0
    from mldsl.semantics.explain import page, terminal_text

    found = page(_known(code))
    if form == "markdown":
        click.echo(f"# {found.code}: {found.text}", nl=False)
    else:
        click.echo(terminal_text(found, page_width(), heading), nl=False)
    return 0


def _known(code: str) -> str:
    """The code that is meant; a usage error with a suggestion if there is none."""
    digits = code.upper().removeprefix("MLP")
    wanted = f"MLP{digits.zfill(4)}" if digits.isdecimal() else code.upper()
    if wanted in CODES:
        return wanted
    from difflib import get_close_matches

    meant = [name for name, meaning in CODES.items() if code.lower() in meaning.lower()]
    near = meant or get_close_matches(wanted, CODES, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(f'`{name}` ({CODES[name]})' for name in near[:3])}?" if near else ""
    raise click.BadParameter(f"no code `{code}`{hint}", param_hint="CODE")


def _list() -> None:
    shown = ""
    for code, meaning in CODES.items():
        if code[3:5] != shown:
            click.echo(("\n" if shown else "") + heading(_RANGES[code[3:5]]))
            shown = code[3:5]
        click.echo(f"  {code}  {meaning}")
