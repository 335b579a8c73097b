"""Ctrl-C as a flag that long work polls: it stops between two statements, and what was committed stays."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rmstore.errors import Interrupted

if TYPE_CHECKING:
    import duckdb


class Stop:
    """Whether work is to stop; blocks of the main thread, one inside another, hear Ctrl-C.

    The flag has no lock. A handler runs between two bytecodes of the thread that it interrupts, and
    ``threading.Event`` may have it wait there for a lock which this very thread holds.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._blocks: list[tuple[duckdb.DuckDBPyConnection, ...]] = []
        self._previous: Any = None

    def is_set(self) -> bool:
        """Return True where work is to stop."""
        return self._is_set

    def set(self) -> None:
        """Have work stop; any thread may."""
        self._is_set = True

    def clear(self) -> None:
        """Let work go on."""
        self._is_set = False

    def check(self) -> None:
        """Raise Interrupted where work is to stop."""
        if self._is_set:
            raise stopped()

    @contextmanager
    def heard(self, *cursors: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Let Ctrl-C stop the block and what its cursors run; outside the main thread this does nothing.

        The flag stays set until the outermost block is over, so that neither the end of a block inside it nor code
        that passes over errors loses Ctrl-C. An error after Ctrl-C counts as its work.

        Raises:
            Interrupted: it came, be it when the block was about to end.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._enter(cursors)
        try:
            yield
        except Exception as problem:
            if self._is_set and not isinstance(problem, Interrupted):
                raise stopped() from problem
            raise
        finally:
            was_set = self._leave()
        if was_set:
            raise stopped()

    @contextmanager
    def too_late(self) -> Iterator[None]:
        """Pass over Ctrl-C where no :meth:`heard` block inside this one hears it, as during a commit."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._enter(())
        try:
            yield
        finally:
            self._leave()
            self.clear()

    def _enter(self, cursors: tuple[duckdb.DuckDBPyConnection, ...]) -> None:
        if not self._blocks:
            self._previous = signal.signal(signal.SIGINT, self._hear)
        self._blocks.append(cursors)

    def _leave(self) -> bool:
        """End a block and return whether work is to stop; after the outermost one the flag is down."""
        self._blocks.pop()
        if self._blocks:
            return self._is_set
        signal.signal(signal.SIGINT, self._previous)
        was_set, self._is_set = self._is_set, False
        return was_set

    def _hear(self, *_: object) -> None:
        self._is_set = True
        for cursor in self._blocks[-1] if self._blocks else ():
            cursor.interrupt()


def stopped() -> Interrupted:
    """Return what long work raises where it stops."""
    return Interrupted("stopped; what was committed before stays", hint="run it again to go on")
