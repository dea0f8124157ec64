"""`mldsl list`: what a pipeline can name, from declarations."""

from __future__ import annotations

import click

from mldsl.cli.layout import heading, is_wide, page_width, shortened
from mldsl.plugin.declaration import KINDS, Declaration
from mldsl.plugin.registry import Registry


@click.command("list")
@click.argument("kind", required=False)
@click.option("--plugin", "plugins", multiple=True, metavar="NAME", help="Only of this plugin; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the declarations as JSON.")
def command(kind: str | None, plugins: tuple[str, ...], as_json: bool) -> None:
    """List the components that a pipeline can name.

    KIND is a kind of component: model, transform, metric, report ...
    """
    registry = Registry.load()
    kinds = _in_order(registry.kinds())
    for plugin in plugins:
        if registry.plugin(plugin) is None:
            names = ", ".join(info.name for info in registry.plugins())
            raise click.BadParameter(f"no plugin `{plugin}` is installed (installed: {names})", param_hint="--plugin")
    found = registry.declarations(_kind(kind, kinds), plugins or None)
    if as_json:
        _print_json(found)
    else:
        _print_text(found, kinds)
    broken = sum(len(info.failures) for info in registry.plugins() if not plugins or info.name in plugins)
    if broken and not as_json:
        what = "1 failure" if broken == 1 else f"{broken} failures"
        click.echo(f"{what} while reading plugins are not shown here; see `mldsl plugins`", err=True)


def _in_order(kinds: tuple[str, ...]) -> list[str]:
    """The order of a pipeline first, then other kinds by name."""
    return [kind for kind in KINDS if kind in kinds] + [kind for kind in kinds if kind not in KINDS]


def _kind(word: str | None, kinds: list[str]) -> str | None:
    """The kind that was meant; the plural will do."""
    if word is None or word in kinds:
        return word
    singular = next((kind for kind in kinds if _plural(kind) == word), None)
    if singular:
        return singular
    import difflib

    close = difflib.get_close_matches(word, kinds, n=1, cutoff=0.6)
    hint = f"did you mean `{close[0]}`?" if close else "the kinds are " + ", ".join(kinds)
    raise click.BadParameter(f"no kind `{word}`; {hint}", param_hint="KIND")


def _plural(kind: str) -> str:
    if kind == "loss" or kind.endswith("ch"):
        return kind + "es"
    return kind + "s"


def _print_json(found: list[Declaration]) -> None:
    import json

    from mldsl.plugin.codec import to_dict

    rows = []
    for declaration in found:
        full = to_dict(declaration, complete=True)
        rows.append({key: full[key] for key in ("kind", "name", "summary", "plugin", "parameters")})
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False))


def _print_text(found: list[Declaration], kinds: list[str]) -> None:
    width = page_width()
    lines: list[str] = []
    for kind in kinds:
        members = [(d.name if d.plugin == "core" else d.full_name, d.summary) for d in found if d.kind == kind]
        if not members:
            continue
        lines += ["", heading(f"{_plural(kind).capitalize()} ({len(members)})")]
        column = max(len(name) for name, _ in members)
        for name, summary in members:
            shown = shortened(summary, max(width - column - 4, 20)) if is_wide() else summary
            lines.append(f"  {name:<{column}}  {shown}")
    click.echo("\n".join(lines[1:]) if lines else "nothing is installed that fits")
