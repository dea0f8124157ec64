"""The click group: a command's module is imported when the command is invoked, and not before."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from mldsl.cli.commands import COMMANDS, SECTIONS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """Commands from the table, and those that plugins add through the hook `mldsl_cli`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked_plugins = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The table's commands in its order, then the plugins'."""
        self._ask_plugins()
        return [*COMMANDS, *sorted(self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name in COMMANDS:
            command: click.Command = import_module(COMMANDS[cmd_name][0]).command
            return command
        self._ask_plugins()
        return super().get_command(ctx, cmd_name)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Take a plugin's command; raises ValueError for a name that is taken."""
        name = name or cmd.name
        if not name or name in COMMANDS or name in self.commands:
            raise ValueError(f"the command `{name}` is taken")
        super().add_command(cmd, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one gets a suggestion (exit 2)."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"no command `{name}`{self._suggestion(ctx, name, args)}")
        return super().resolve_command(ctx, args)

    def _suggestion(self, ctx: click.Context, name: str, args: list[str]) -> str:
        if name.endswith(".mlp"):
            return f"; did you mean `mldsl run {' '.join(args)}`?"
        import difflib

        close = difflib.get_close_matches(name, self.list_commands(ctx), n=2, cutoff=0.6)
        return f"; did you mean {' or '.join(f'`{match}`' for match in close)}?" if close else ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections from the table."""
        self._ask_plugins()
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, summary) for name, (_, summary) in commands.items()])
        if self.commands:
            with formatter.section("From plugins"):
                formatter.write_dl([(name, self.commands[name].get_short_help_str()) for name in sorted(self.commands)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names and their help from the table, so that completing imports nothing either."""
        from click.shell_completion import CompletionItem

        known = [(name, summary) for name, (_, summary) in COMMANDS.items()]
        self._ask_plugins()
        known += [(name, command.get_short_help_str()) for name, command in self.commands.items()]
        found = [CompletionItem(name, help=summary) for name, summary in known if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def _ask_plugins(self) -> None:
        """Let plugins add commands, once; only modules known to implement `mldsl_cli` are imported."""
        if self._asked_plugins:
            return
        self._asked_plugins = True
        from mldsl.plugin.commands import add_commands

        for failure in add_commands(self):
            click.echo(f"warning[MLP0504]: plugin `{failure.plugin}`: {failure.message}", err=True)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mldsl", message="%(prog)s %(version)s")
@click.option("--verbose", is_flag=True, help="Show the traceback of what fails inside mldsl or a plugin.")
@click.pass_context
def group(ctx: click.Context, verbose: bool) -> None:
    """Machine learning pipelines as text: checked before a byte is read, trained as fused programs.

    Start with `mldsl run FILE.mlp`.
    """
    ctx.obj = {"verbose": verbose}
