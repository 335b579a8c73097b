"""The command line: one file per group of commands, imported when it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rmstore import __version__
from rmstore.cli.lazy import LazyGroup
from rmstore.cli.options import Settings
from rmstore.errors import Interrupted, RmstoreError

if TYPE_CHECKING:
    from types import TracebackType

SECTIONS = {
    "Store": {
        "init": "rmstore.cli.store:init",
        "status": "rmstore.cli.store:status",
        "doctor": "rmstore.cli.store:doctor",
        "migrate": "rmstore.cli.store:migrate",
        "gc": "rmstore.cli.gc:gc",
        "demo": "rmstore.cli.demo:demo",
    },
    "Data": {
        "ingest": "rmstore.cli.data:ingest",
        "dataset": "rmstore.cli.data:dataset",
    },
    "Embeddings": {
        "encoders": "rmstore.cli.embed:encoders",
        "embed": "rmstore.cli.embed:embed",
        "reembed": "rmstore.cli.embed:reembed",
        "import-vectors": "rmstore.cli.embed:import_vectors",
        "snapshot": "rmstore.cli.snapshot:snapshot",
    },
    "Heads": {
        "train": "rmstore.cli.train:train",
        "head": "rmstore.cli.head:head",
        "score": "rmstore.cli.train:score",
    },
    "Reports": {
        "report": "rmstore.cli.report:report",
    },
    "SQL": {
        "query": "rmstore.cli.sql:query",
        "shell": "rmstore.cli.sql:shell",
    },
}

INTERRUPTED = 130


@click.group(
    cls=LazyGroup,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.option(
    "--store",
    metavar="PATH",
    envvar="RMSTORE",
    default="rmstore.duckdb",
    show_default=True,
    show_envvar=True,
    help="The store, a DuckDB file.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="rmstore")
@click.pass_obj
def cli(settings: Settings, store: str, debug: bool) -> None:
    """A reward-model laboratory inside a DuckDB file.

    Ingest preferences, embed them once, train and apply reward heads in SQL. --store and --debug may
    also follow the command.
    """
    settings.store, settings.debug = store, debug


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 1 for an error, 2 for usage, 130 for Ctrl-C."""
    settings = Settings()
    if sys.stdout is None:  # started with standard output closed
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - stays open for the run
    try:
        result = cli.main(arguments, prog_name="rmstore", standalone_mode=False, obj=settings)
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was committed before stays", err=True)
        return INTERRUPTED
    except Exception as problem:
        if settings.debug:
            raise
        _explain(problem)
        return INTERRUPTED if isinstance(problem, Interrupted) else 1
    return result if isinstance(result, int) else 0


def _explain(problem: Exception) -> None:
    """Print a problem and the next step; the one place where an error becomes text for a person."""
    if isinstance(problem, Interrupted):
        text, hint = problem.problem, problem.hint
    elif isinstance(problem, RmstoreError):
        text, hint = f"error: {problem.problem}", problem.hint
    elif isinstance(problem, OSError):
        place = f": {problem.filename}" if problem.filename else ""
        text, hint = f"error: {problem.strerror or problem}{place}", ""
    elif type(problem).__module__ in {"duckdb", "_duckdb"}:
        text, hint = f"error: {problem}", ""
    else:
        text = f"error: {type(problem).__name__}: {problem} ({_where(problem.__traceback__)})"
        hint = "this looks like a fault of rmstore; rmstore --debug ... shows the traceback"
    click.echo(f"{text}\nhint: {hint}" if hint else text, err=True)


def _where(traceback: TracebackType | None) -> str:
    """Return file and line of the last frame."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "nowhere"
    return f"{traceback.tb_frame.f_globals.get('__name__', '?')}, line {traceback.tb_lineno}"


if __name__ == "__main__":
    sys.exit(main())
