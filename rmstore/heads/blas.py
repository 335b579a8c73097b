"""One BLAS thread for work that is small, or that runs beside others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


class _BlasGate:
    """Holds the BLAS pool at one thread while anybody scores: the engine's threads already use the cores.

    The first thread in sets the limit and the last one out lifts it. threadpoolctl lets only the thread that set
    a limit change it, which here are often two; so the gate, which has a lock of its own, gives that claim up.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._limit = threading.Lock(), 0, None

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit = _blas_controller().limit(limits=1, user_api="blas")
                _disown_pool()
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._limit is not None:
                self._limit.restore_original_limits()
                _disown_pool()
                self._limit = None


_GATE = _BlasGate()


@lru_cache(maxsize=1)
def _blas_controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _disown_pool() -> None:
    import threadpoolctl

    disown = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)  # since 3.8
    if disown is not None:
        disown()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run the block with one BLAS thread; safe from several threads at once, where a plain limit is not."""
    _GATE.enter()
    try:
        yield
    finally:
        _GATE.leave()


def blas_threads() -> int:
    """Return how many threads BLAS uses now: one inside :func:`one_blas_thread`."""
    pools = (pool for pool in _blas_controller().lib_controllers if pool.user_api == "blas")
    return max((pool.num_threads for pool in pools), default=1)
