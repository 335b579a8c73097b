"""Vectors in another order than that in which they lie, through a file: each is read once, written once, read again.

A sort that carries vectors holds or spills all of them several times over. Here their places are known beforehand, so
that a bucket sort of one pass does: the file is cut into stretches of consecutive places, every batch of vectors is
appended stretch by stretch, and a stretch is put in order when it is read. Reading and writing are sequential, and
memory holds one batch, one stretch and a few numbers per vector.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from rmstore.errors import StoreError


class Reordered:
    """Vectors that come in any order and are read by place. Use it in a ``with`` block.

    Args:
        n: how many there are.
        width: bytes of a vector.
        stretch: vectors that are read at a time.
        folder: where the file is made; it has no name, so that nothing stays of it whatever happens.

    Example:
        >>> with Reordered(3, 4, stretch=2, folder=Path(".")) as vectors:
        ...     vectors.put(np.array([2, 0, 1]), np.array([[2], [0], [1]], np.int32))
        ...     [stretch.view(np.int32).ravel().tolist() for stretch in vectors.read()]
        [[0, 1], [2]]
    """

    def __init__(self, n: int, width: int, *, stretch: int, folder: Path) -> None:
        self.n, self.width, self.stretch = n, width, stretch
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 -- closed with this object
        self._slots = np.empty(n, np.int64)  # the place of the vector in every slot of the file
        self._ends = np.arange(0, n, stretch)  # the first free slot of every stretch
        self._n_put = 0
        self._sorted = np.empty(
            (0, width), np.uint8
        )  # kept, since fresh pages for every batch cost as much as the work

    def __enter__(self) -> Reordered:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def put(self, places: np.ndarray, vectors: np.ndarray) -> None:
        """Append vectors, (k, d) of ``width`` bytes each, that belong to (k,) places from 0 to n - 1.

        Raises:
            StoreError: more vectors come for some places than there are places.
        """
        order = np.argsort(places, kind="stable")
        places, rows = places[order], self._rows(len(places))
        np.take(vectors.view(np.uint8).reshape(len(places), self.width), order, axis=0, out=rows, mode="clip")
        self._n_put += len(places)
        numbers = places // self.stretch
        firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
        for first, after in pairwise([*firsts, len(places)]):
            number = int(numbers[first])
            slot = int(self._ends[number])
            end = slot + int(after - first)
            if end > min((number + 1) * self.stretch, self.n):
                raise _unlike(self.n)
            self._slots[slot:end] = places[first:after]
            self._ends[number] = end
            self._file.seek(slot * self.width)
            self._file.write(rows[first:after].data.cast("B"))

    def read(self) -> Iterator[np.ndarray]:
        """Yield the vectors by place, ``stretch`` at a time, as (k, width) bytes that hold until the next are read.

        Raises:
            StoreError: a place has no vector, or two.
        """
        if self._n_put != self.n:
            raise _unlike(self.n)
        space = np.empty((min(self.stretch, self.n), self.width), np.uint8)
        for first in range(0, self.n, self.stretch):
            last = min(first + self.stretch, self.n)
            order = np.full(last - first, -1)
            order[self._slots[first:last] - first] = np.arange(last - first)
            if (order < 0).any():
                raise _unlike(self.n)
            found, rows = space[: last - first], self._rows(last - first)
            self._file.seek(first * self.width)
            self._file.readinto(found.data.cast("B"))
            np.take(found, order, axis=0, out=rows, mode="clip")
            yield rows

    def _rows(self, n: int) -> np.ndarray:
        if n > len(self._sorted):
            self._sorted = np.empty((n, self.width), np.uint8)
        return self._sorted[:n]


def _unlike(n: int) -> StoreError:
    return StoreError(
        f"the store does not hold one vector for each of {n} texts", hint="rmstore doctor says more, then try again"
    )
