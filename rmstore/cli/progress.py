"""Progress on stderr: what is done, how fast, how long still."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rmstore.records import Progress, silent

WIDEST_NOTE = 36
"""Characters of a note that leave room for bar, rate and time on 80 columns."""


@contextmanager
def progress(*, show: bool = True) -> Iterator[Progress]:
    """Give a progress callback; it shows nothing where stderr is not a terminal or ``show`` is False."""
    if not (show and sys.stderr.isatty()):
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(compact=True),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate="")
        last: tuple[int, int | None] = (0, None)

        def report(done: int, total: int | None, note: str) -> None:
            nonlocal last
            if total != last[1] or done < last[0]:  # a new phase
                bar.reset(task, total=total, completed=done)
            last = (done, total)
            bar.update(task, completed=done, description=_shortened(note))
            speed = bar.tasks[0].speed
            bar.update(task, rate=f"{speed:,.0f}/s" if speed else "")

        yield report


def _shortened(note: str) -> str:
    """Return the end of a long note, where file names are."""
    return note if len(note) <= WIDEST_NOTE else "..." + note[3 - WIDEST_NOTE :]
