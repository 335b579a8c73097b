"""``demo``: the tour."""

from __future__ import annotations

from pathlib import Path

import click

from rmstore.cli.options import command


@command(examples=("rmstore demo", "rmstore demo --to /tmp/tour"))
@click.option("--to", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Folder to use.")
def demo(to: Path) -> None:
    """Run the tour: ingest, embed, train, score and report.

    It uses a small data set that comes with rmstore and leaves a store to play with. Running it again shows
    what is there already.
    """
    from rmstore.tour import run

    run(to)
