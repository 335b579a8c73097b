"""What commands share: settings, options, opening a store."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rmstore.cli.lazy import Command

if TYPE_CHECKING:
    from rmstore.api import Store

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Settings:
    """Options that hold for every command; click fills them in."""

    store: str = "rmstore.duckdb"
    debug: bool = False


command = partial(click.command, cls=Command)
"""Like ``click.command``, for commands that take --store and --debug after their name and show examples."""


@contextmanager
def opened(settings: Settings, *, write: bool = False, create: bool = False, **limits: Any) -> Iterator[Store]:
    """Open the store of the settings; Ctrl-C inside the block stops it. Limits are those of ``connect``."""
    import rmstore

    with rmstore.connect(settings.store, read_only=not write, create=create, **limits) as store, store.interruptible():
        yield store


def json_option(function: F) -> F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def dry_run_option(function: F) -> F:
    """Add --dry-run."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done and do nothing.")(function)


def json_value(value: str) -> Any:
    """Return a value that reads as JSON as what it says, else as text."""
    try:
        return json.loads(value, parse_constant=lambda constant: constant)
    except ValueError:
        return value


def literal(value: str) -> Any:
    """Return a scalar that reads as JSON as what it says, anything else as text."""
    parsed = json_value(value)
    return value if isinstance(parsed, list | dict) else parsed


def untyped(value: str) -> str | None:
    """Return a value whose type something else knows: ``null`` and texts of JSON as what they say, else as typed.

    Example:
        >>> untyped("2024"), untyped("0.10"), untyped('"null"'), untyped("null")
        ('2024', '0.10', 'null', None)
    """
    parsed = literal(value)
    return parsed if parsed is None or isinstance(parsed, str) else value


def assignments(*names: str, about: str, read: Callable[[str], Any] = json_value) -> Callable[[F], F]:
    """Add a repeatable ``name=value`` option that arrives as a dict; see :func:`assignment`."""

    def called(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
        return dict(assignment(text, read) for text in values)

    return click.option(*names, multiple=True, metavar="NAME=VALUE", callback=called, help=about)


def assignment(text: str, read: Callable[[str], Any] = literal) -> tuple[str, Any]:
    """Return name and value of ``name=value``.

    Args:
        text: what was typed.
        read: makes a value of its part; by default what reads as JSON is what it says, anything else text.

    Example:
        >>> assignment("k=3"), assignment("head=helpful@2"), assignment('v="3"'), assignment("x=null")
        (('k', 3), ('head', 'helpful@2'), ('v', '3'), ('x', None))
    """
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, read(value)
