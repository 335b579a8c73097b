"""Groups whose commands are imported when they are asked for, shown in sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows its commands by ``module:name`` and prints them in sections."""

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections
        self._targets = {name: target for members in sections.values() for name, target in members.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the sections."""
        return list(self._targets)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, or return None for a name that nobody has."""
        if cmd_name not in self._targets:
            return None
        module, _, attribute = self._targets[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line; an unknown one is a usage error with a suggestion."""
        suggest(self, ctx, args)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list of commands per section."""
        for title, members in self.sections.items():
            rows = [(name, self._short_help(ctx, name)) for name in members]
            with formatter.section(title):
                formatter.write_dl(rows)

    def _short_help(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=64) if command else ""


class Group(click.Group):
    """A group of commands in one file, such as ``dataset``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of definition."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line; an unknown one is a usage error with a suggestion."""
        suggest(self, ctx, args)
        return super().resolve_command(ctx, args)

    def command(self, *args: Any, **kwargs: Any) -> Any:
        """Make a command that takes --store and --debug as well."""
        kwargs.setdefault("cls", Command)
        return super().command(*args, **kwargs)


class Command(click.Command):
    """A command that takes --store and --debug after its name as well as before it."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params += [
            click.Option(["--store"], hidden=True, expose_value=False, callback=_remember("store")),
            click.Option(["--debug"], is_flag=True, hidden=True, expose_value=False, callback=_remember("debug")),
        ]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they would be typed."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    for number, line in enumerate(example.splitlines()):
                        formatter.write(f"{'':>{formatter.current_indent}}{'$ ' if number == 0 else '    '}{line}\n")


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(ctx.obj, name, value)

    return keep


def suggest(group: click.Group, ctx: click.Context, args: list[str]) -> None:
    """Refuse a command that does not exist and name the nearest that does."""
    name = args[0] if args else ""
    if not name or name.startswith("-") or group.get_command(ctx, name) is not None:
        return
    close = get_close_matches(name, group.list_commands(ctx), n=1)
    ctx.fail(f"no command is called {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
