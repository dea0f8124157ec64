"""`mldsl plugins`: what is installed, where it comes from, what failed and why; and `mldsl plugins check`."""

from __future__ import annotations

from typing import Any

import click

from mldsl.cli.layout import heading, page_width, painted, wrapped
from mldsl.plugin.registry import PluginInfo, Registry

PLURALS = {"search": "searches", "loss": "losses"}


@click.group("plugins", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print everything, with all declarations, as JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show installed plugins, and check one.

    Without a command: each plugin's version and origin, what it provides, and what failed to load and why.
    MLDSL_BLOCK_PLUGINS=a,b switches plugins off.
    """
    if ctx.invoked_subcommand is not None:
        return
    registry = Registry.load()
    if as_json:
        _print_json(registry)
    else:
        verbose = bool(ctx.find_root().params.get("verbose"))
        click.echo("\n\n".join(_text(info, verbose) for info in registry.plugins()))


def _text(info: PluginInfo, verbose: bool) -> str:
    width = page_width()
    title = f"{heading(info.name)} {info.version}".rstrip()
    if info.blocked:
        title += "  switched off by MLDSL_BLOCK_PLUGINS"
    lines = [title, f"  from {info.distribution or 'this program'} ({info.origin})"]
    lines.append(wrapped(_provides(info), 2, width))
    if info.failures:
        lines.append(
            f"  {len(info.failures)} failed" + ("" if verbose else " (mldsl --verbose plugins shows tracebacks)")
        )
    for failure in info.failures:
        name = failure.key or failure.module
        lines.append(f"    {painted(name, fg='red')}" + (f"  in {failure.module}" if failure.key else ""))
        lines.append(wrapped(failure.message, 6, width))
        if verbose and failure.traceback:
            lines += [f"      {line}" for line in failure.traceback.splitlines()]
    return "\n".join(line for line in lines if line.strip())


def _provides(info: PluginInfo) -> str:
    by_kind: dict[str, list[str]] = {}
    for key in dict.fromkeys(info.provides):
        kind, _, name = key.partition(".")
        by_kind.setdefault(kind, []).append(name)
    few = len(info.provides) <= 20
    return "; ".join(
        f"{kind} {', '.join(sorted(names))}"
        if few
        else f"{len(names)} {kind if len(names) == 1 else PLURALS.get(kind, f'{kind}s')}"
        for kind, names in by_kind.items()
    )


def _print_json(registry: Registry) -> None:
    import json

    import attrs

    from mldsl.plugin.codec import FORMAT_VERSION, to_dict

    plugins = []
    for info in registry.plugins():
        declarations = [] if info.blocked else registry.declarations(plugins=(info.name,))
        data = attrs.asdict(info)
        data["failures"] = [{key: failure[key] for key in failure if key != "plugin"} for failure in data["failures"]]
        plugins.append({**data, "declarations": [to_dict(d, complete=True) for d in declarations]})
    click.echo(json.dumps({"format_version": FORMAT_VERSION, "plugins": plugins}, indent=2, ensure_ascii=False))


@command.command("check")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(name: str, as_json: bool) -> int:
    """Run the conformance kit on every component of the plugin NAME.

    Exit status 1 if something is found. The same kit runs inside pytest: see `mldsl.testing`.
    """
    info = Registry.load().plugin(name)
    if info is None:
        names = ", ".join(i.name for i in Registry.load().plugins())
        raise click.BadParameter(f"no plugin `{name}` is installed (installed: {names})", param_hint="NAME")
    from mldsl.testing import check_plugin

    findings = list(check_plugin(name))
    if as_json:
        _print_findings_json(findings)
    else:
        _print_findings(name, len(set(info.provides)), findings)
    return 1 if findings else 0


def _print_findings(name: str, components: int, findings: list[Any]) -> None:
    """One line for each finding under the component it concerns, then the count."""
    width = page_width()
    last = ""
    for finding in findings:
        if finding.component != last:
            click.echo(heading(finding.component))
            last = finding.component
        click.echo(f"  {painted(finding.check, fg='red')}")
        click.echo(wrapped(finding.message, 4, width))
    what = "1 component" if components == 1 else f"{components} components"
    verdict = {0: "nothing found", 1: "1 finding"}.get(len(findings), f"{len(findings)} findings")
    click.echo(f"{name}: {what} checked, {verdict}")


def _print_findings_json(findings: list[Any]) -> None:
    import json

    import attrs

    data = {"format_version": "1.0", "findings": [attrs.asdict(finding) for finding in findings]}
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))
