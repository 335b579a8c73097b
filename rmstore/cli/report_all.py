"""``report run --all``: a folder of every report, and a table of what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from rmstore.cli.options import Settings, opened


def run_all(
    settings: Settings,
    to: Path,
    pairs: Sequence[tuple[str, Any]],
    *,
    dirs: tuple[Path, ...],
    prune: bool,
    as_json: bool,
) -> None:
    """Run every report that fits and print a row for each; exit code 1 where a report is wrong.

    Args:
        settings: where the store is.
        to: the folder.
        pairs: names and values of parameters; head and snapshot may come more than once.
        dirs: folders with more reports.
        prune: remove files of what is gone.
        as_json: print JSON.
    """
    from rmstore.cli.output import notes, plain, show, to_json
    from rmstore.cli.progress import progress
    from rmstore.reports import batch

    lists = {kind: [str(value) for name, value in pairs if name == kind] for kind in ("head", "snapshot")}
    params = {name: value for name, value in pairs if name not in lists}
    with opened(settings, write=True) as store, progress(show=not as_json) as tell:
        rows = batch.run_all(
            store, to, heads=lists["head"], frozen=lists["snapshot"], params=params, dirs=dirs, prune=prune,
            progress=tell,
        )  # fmt: skip
    shown = [{**vars(row), "file": None if row.file is None else row.file.relative_to(to).as_posix()} for row in rows]
    if as_json:
        click.echo(to_json(plain(shown)))
    else:
        show([{**row, "reason": row["reason"].splitlines()[0] if row["reason"] else ""} for row in shown])
        states = [row.state for row in rows]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        click.echo(f"{counts or 'no reports'}; {to}", err=True)
        if "stale" in states:
            notes(["stale files show what is gone; --prune removes them"])
    if any(row.state == "failed" for row in rows):
        raise click.exceptions.Exit(1)
