"""The interactive prompt behind ``rmstore shell``."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rmstore import __version__
from rmstore.cli.rows import write_rows
from rmstore.cli.sql import check_parameters, parse, returns_nothing
from rmstore.errors import Interrupted, QueryError, RmstoreError

if TYPE_CHECKING:
    from rmstore.api import Store

HELP = """\
SELECT ...;   a statement, on one or more lines, ended by a semicolon
.help         this text
.tables       tables of the store and their rows
.heads        trained heads
.snapshots    snapshots
.reports      reports
.timer        show seconds after each statement, or stop showing them
.quit         end (Ctrl-D does too); Ctrl-C stops a statement"""

LISTS = {
    ".tables": "select table_name, estimated_size as n_rows from duckdb_tables() where database_name = 'rm' order by 1",
    ".heads": "select * from rm_heads()",
    ".snapshots": "select * from rm_snapshots()",
    ".reports": "select * from rm_reports()",
}

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*(?:\n|$)|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)


def is_complete(text: str) -> bool:
    """Return True where a text ends with a semicolon that is not inside a string or a comment.

    Example:
        >>> is_complete("select 1;"), is_complete("select ';"), is_complete("select 1; -- done")
        (True, False, True)
    """
    bare = _QUOTED.sub(" ", text)
    return bare.rstrip().endswith(";") and not re.search(r"'|\"|/\*", bare)


class Shell:
    """Reads statements until the end of input; errors are printed and do not end it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.interactive = sys.stdin.isatty()
        self.timer = False
        self.failed = False
        self.cursor = store.cursor()

    def loop(self) -> bool:
        """Run until the input ends; return True if a script, read from a pipe, had an error."""
        if self.interactive:
            click.echo(f"rmstore {__version__}, {self.store.path}. Statements end with ; and .help helps.")
            _remember_lines()
        held: str | None = ""
        while held is not None:
            try:
                held = self._step(held)
            except KeyboardInterrupt:  # at the prompt; a statement hears Ctrl-C itself
                if not self.interactive:
                    raise
                click.echo()
                held = ""
        if self.interactive:
            click.echo()
        return self.failed

    def _step(self, held: str) -> str | None:
        """Read one line and return the statement that is still open, or None at the end."""
        try:
            line = self._read(continued=bool(held))
        except EOFError:
            if held and not self.interactive:
                self._guarded(held, self._run)
            return None
        if not held and line.strip().startswith("."):
            if line.strip() in {".quit", ".exit"}:
                return None
            self._guarded(line.strip(), self._command)
            return ""
        held += line + "\n"
        if not held.strip(" ;\n"):
            return ""
        if not is_complete(held):
            return held
        self._guarded(held, self._run)
        return ""

    def _read(self, *, continued: bool) -> str:
        if self.interactive:
            return input("...> " if continued else "rm> ")
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")

    def _guarded(self, text: str, action: Callable[[str], None]) -> None:
        try:
            action(text)
        except Interrupted:
            if not self.interactive:
                raise
            click.echo("stopped", err=True)
        except RmstoreError as problem:
            click.echo(f"error: {problem.problem}" + (f"\nhint: {problem.hint}" if problem.hint else ""), err=True)
            self.failed = self.failed or not self.interactive

    def _command(self, name: str) -> None:
        if name in LISTS:
            self._run(LISTS[name])
        elif name == ".timer":
            self.timer = not self.timer
            click.echo(f"timer {'on' if self.timer else 'off'}")
        elif name == ".help":
            click.echo(HELP)
        else:
            raise QueryError(f"no dot command is called {name!r}", hint=", ".join([*LISTS, ".timer", ".help", ".quit"]))

    def _run(self, text: str) -> None:
        began = time.perf_counter()
        for statement in parse(text):
            check_parameters([statement], {})
            with self.store.interruptible(self.cursor), self.store.translated():
                self.store.execute(self.cursor, statement.query)
                if self.cursor.description and not returns_nothing(statement):
                    write_rows(self.cursor, "table", limit=100)
        if self.timer:
            click.echo(f"{time.perf_counter() - began:.3f} s")


def _remember_lines() -> None:
    """Give the prompt line editing and the history of earlier shells, where the platform has them."""
    try:
        import atexit
        import readline
    except ImportError:
        return
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    history = state / "rmstore/history"
    with suppress(OSError):
        history.parent.mkdir(parents=True, exist_ok=True)
        readline.read_history_file(history)
    readline.set_history_length(2_000)

    def save() -> None:
        with suppress(OSError):
            readline.write_history_file(history)

    atexit.register(save)
