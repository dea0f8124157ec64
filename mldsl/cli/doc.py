"""`mldsl doc`: the reference page of a component, rendered from its declaration."""

from __future__ import annotations

import click

from mldsl.cli.layout import heading, page_width
from mldsl.plugin.declaration import Declaration
from mldsl.plugin.registry import Registry


@click.command("doc")
@click.argument("name")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
def command(name: str, form: str) -> None:
    """Show the reference page of a component.

    NAME is what a pipeline writes (`k_means`), with its kind (`model.k_means`) or its plugin (`acme.k_means`) where the
    name alone is not enough.
    """
    declaration = _find(name)
    if form == "json":
        import json

        from mldsl.plugin.codec import FORMAT_VERSION, to_dict

        page = {"format_version": FORMAT_VERSION, **to_dict(declaration, complete=True)}
        click.echo(json.dumps(page, indent=2, ensure_ascii=False))
        return
    from mldsl.plugin import reference

    if form == "markdown":
        click.echo(reference.markdown_page(declaration), nl=False)
    else:
        first, comma, rest = reference.heading_line(declaration).partition(",")
        click.echo(reference.text_page(declaration, page_width(), heading(first) + comma + rest))


def _find(name: str) -> Declaration:
    registry = Registry.load()
    everything = registry.declarations()
    found = [
        d for d in everything if name in (d.name, f"{d.kind}.{d.name}", d.full_name, f"{d.plugin}.{d.kind}.{d.name}")
    ]
    if len(found) == 1:
        return found[0]
    if found:
        kinds = {d.kind for d in found}
        ways = [f"{d.kind}.{d.name}" if len(kinds) == len(found) else f"{d.plugin}.{d.kind}.{d.name}" for d in found]
        raise click.BadParameter(f"several components are called `{name}`: {', '.join(ways)}", param_hint="NAME")
    raise click.BadParameter(_unknown(name, everything, registry), param_hint="NAME")


def _unknown(name: str, everything: list[Declaration], registry: Registry) -> str:
    import difflib

    short = name.rpartition(".")[2]
    for info in registry.plugins():
        for failure in info.failures:
            keys = [failure.key] if failure.key else list(info.provides)
            if any(key.rpartition(".")[2] == short for key in keys) and not any(d.name == short for d in everything):
                return f"`{name}` could not be read from the plugin `{info.name}`; `mldsl plugins` says why"
    if short in registry.kinds():
        return f"`{short}` is a kind of component; see `mldsl list {short}`"
    known = {alias.casefold(): d.name for d in everything for alias in (*d.also_known_as, d.name)}
    close = dict.fromkeys(known[match] for match in difflib.get_close_matches(short.casefold(), known, n=3, cutoff=0.6))
    hint = f"did you mean {' or '.join(f'`{match}`' for match in close)}?" if close else "see `mldsl list`"
    return f"no component `{name}`; {hint}"
