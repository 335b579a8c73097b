"""Several processes that hold the same encoder, each with its share of the cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import Any

import numpy as np

from rmstore.encoders.base import Encoder, Poll
from rmstore.errors import InputError

_CHARS_PER_TASK = 16_384
"""About two forward passes on a CPU: short enough to stop between two of them and to end together."""
_POLL_SECONDS = 0.1

_encoder: Encoder | None = None
"""The encoder of this process, where it is a worker."""


class Workers:
    """A pool of processes, started with the first texts and stopped with its owner or with the program.

    Every worker loads the model of its own, so memory grows with their number. Programs that use one need the guard
    ``if __name__ == "__main__"``, as everywhere in ``multiprocessing``: workers import the main module.

    Args:
        kind: class of the encoder.
        model: its name.
        options: its options, without the number of processes.
        count: number of processes.
    """

    def __init__(self, kind: type[Encoder], model: str, options: Mapping[str, Any], count: int) -> None:
        self.count = count
        self._arguments = (kind, model, dict(options), max(_cores() // count, 1))
        self._pool: ProcessPoolExecutor | None = None

    def worth_it(self, texts: Sequence[str]) -> bool:
        """Return True where there is work for more than one process."""
        return sum(map(len, texts)) > _CHARS_PER_TASK

    def encode(self, texts: Sequence[str], dim: int, poll: Poll) -> np.ndarray:
        """Return one vector per text, (n, dim) float32, in the order of the texts.

        Raises:
            InputError: a worker did not start, or was killed.
        """
        vectors = np.empty((len(texts), dim), np.float32)
        tasks: dict[Future[np.ndarray], list[int]] = {}
        try:
            for rows in _tasks(texts):
                tasks[self._started().submit(_encode, [texts[row] for row in rows])] = rows
            waiting = set(tasks)
            while waiting:
                poll()
                done, waiting = wait(waiting, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                for task in done:
                    vectors[tasks[task]] = task.result()
        except BrokenProcessPool as problem:
            self._pool = None
            raise InputError(
                f"one of {self.count} encoder processes did not start or was killed",
                hint="a program that uses processes needs if __name__ == '__main__'; else give fewer: "
                "each holds the model in memory",
            ) from problem
        finally:
            for task in tasks:
                task.cancel()  # what runs already ends within a forward pass or two
        return vectors

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.count, multiprocessing.get_context("spawn"), initializer=_start, initargs=self._arguments
            )
            weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        return self._pool


def _tasks(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield rows of like length, long texts first, so that the workers end together."""
    rows: list[int] = []
    chars = 0
    for row in sorted(range(len(texts)), key=lambda row: -len(texts[row])):
        rows.append(row)
        chars += len(texts[row])
        if chars >= _CHARS_PER_TASK:
            yield rows
            rows, chars = [], 0
    if rows:
        yield rows


def _start(kind: type[Encoder], model: str, options: dict[str, Any], threads: int) -> None:
    """Make this process a worker: Ctrl-C is the parent's to handle, and a parent that dies takes it along."""
    global _encoder
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    os.environ["RAYON_NUM_THREADS"] = str(threads)  # read by the tokenizers when they first run
    import torch

    torch.set_num_threads(threads)
    _encoder = kind.load(model, options)


def _encode(texts: list[str]) -> np.ndarray:
    assert _encoder is not None
    return _encoder.encode(texts)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os._exit(1)


def _cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
