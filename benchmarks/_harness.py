"""Times two pieces of work by turns in one process and reports the ratio of their medians."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the speed table; ``ratio`` is peer over ours, so more than 1 means that we are faster."""

    work: str
    peer: str
    ours_s: float
    peer_s: float
    aim: float

    @property
    def ratio(self) -> float:
        return self.peer_s / self.ours_s

    def __str__(self) -> str:
        verdict = "ok" if self.ratio >= self.aim else "MISS"
        return (
            f"| {self.work} | {self.peer} | {self.ours_s:.3f} | {self.peer_s:.3f} "
            f"| {self.ratio:.2f} | {self.aim:g} | {verdict} |"
        )


HEADER = "| work | peer | ours, s | peer, s | peer / ours | aim | |\n|---|---|---:|---:|---:|---:|---|"


def by_turns(ours: Callable[[], object], peer: Callable[[], object], *, repeats: int = 5) -> tuple[float, float]:
    """Return the median seconds of both, after one untimed run of each, alternating so that noise hits both."""
    ours()
    peer()
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for work, spent in zip((ours, peer), seconds, strict=True):
            started = time.perf_counter()
            work()
            spent.append(time.perf_counter() - started)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def report(rows: list[Row]) -> None:
    """Print the rows as a Markdown table."""
    print("\n".join([HEADER, *map(str, rows)]))
    sys.stdout.flush()
