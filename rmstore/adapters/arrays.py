"""Arrays in ``.npy`` files, read row by row with plain reads: a file of any size needs the memory of one batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rmstore.errors import BadFileError

NAME = 12
"""Hexadecimal digits of the hash of a file that name it in placeholders."""

_BATCH_BYTES, _BATCH_ROWS = 1 << 24, 10_000


@dataclass(frozen=True)
class ArrayFile:
    """An array of float16, float32 or float64 numbers in a file.

    Attributes:
        path: where it lies.
        shape: its shape; the first axis counts the rows.
        dtype: type of its numbers.
        offset: bytes before the first number.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int

    @classmethod
    def open(cls, path: Path) -> ArrayFile:
        """Return what the header of a file says.

        Raises:
            BadFileError: it is no such array; pickled objects are refused unread.
        """
        try:
            # the map is dropped at once: pages of a mapped file would count as memory of the process
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as problem:
            raise BadFileError(f"{str(path)!r} cannot be read as an array: {str(problem).splitlines()[0]}") from problem
        if not isinstance(array, np.memmap):
            raise BadFileError(f"{str(path)!r} is not a .npy file", hint="np.save writes one")
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            raise BadFileError(
                f"{str(path)!r} has numbers of type {array.dtype}", hint="save float16, float32 or float64"
            )
        if not array.flags.c_contiguous:
            raise BadFileError(
                f"{str(path)!r} is stored by column", hint="np.save(path, np.ascontiguousarray(array)) stores rows"
            )
        return cls(path, array.shape, array.dtype, array.offset)

    def batches(self, width: int) -> Iterator[np.ndarray]:
        """Give all numbers as float32 matrices of this many columns, in their order.

        A number beyond float32 becomes infinite, which is for the caller to refuse.
        """
        n = int(np.prod(self.shape)) // width
        size = max(1, _BATCH_BYTES // (4 * width))
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            for first in range(0, n, size):
                count = min(size, n - first) * width
                numbers = np.fromfile(stream, self.dtype, count)
                if len(numbers) < count:
                    raise BadFileError(f"{str(self.path)!r} ends before its last row", hint="fetch or write it again")
                with np.errstate(over="ignore"):
                    matrix = numbers.astype(np.float32, copy=False).reshape(-1, width)
                yield matrix

    def numbers(self) -> np.ndarray:
        """Return all numbers as float64, in one row.

        Raises:
            BadFileError: one is NaN or infinite.
        """
        numbers = np.load(self.path, allow_pickle=False).astype(np.float64).reshape(-1)
        wrong = int((~np.isfinite(numbers)).sum())
        if wrong:
            raise BadFileError(f"{wrong} of {len(numbers)} numbers of {str(self.path)!r} are NaN or infinite")
        return numbers


def rewards_of(vectors: ArrayFile, path: Path) -> np.ndarray:
    """Return the reward of every vector, in the order of the vectors.

    Args:
        vectors: shape (n, k, d), or (n, d).
        path: a file of shape (n, k, 1) or (n, k); or (n, 1) or (n,).

    Raises:
        BadFileError: the shapes do not fit, or a reward is NaN or infinite.
    """
    rewards = ArrayFile.open(path)
    wanted = vectors.shape[:-1]
    if rewards.shape not in (wanted, (*wanted, 1)):
        raise BadFileError(
            f"{str(path)!r} has rewards of shape {rewards.shape} for embeddings of shape {vectors.shape}",
            hint=f"rewards have shape {wanted} or {(*wanted, 1)}",
        )
    return rewards.numbers()


def rows(path: Path, sha256: str, rewards: Path | None = None) -> Any:
    """Return an arrow reader of a row per prompt: file, prompt_number (from 0), n_responses and rewards.

    Args:
        path: vectors of shape (n, k, d).
        sha256: hash of the file, whose beginning names it.
        rewards: a file of their rewards.

    Raises:
        BadFileError: a file cannot be read, or its shape does not fit.
    """
    import pyarrow as pa

    vectors = ArrayFile.open(path)
    if len(vectors.shape) != 3 or 0 in vectors.shape:
        raise BadFileError(f"{str(path)!r} has shape {vectors.shape}", hint="(n, k, d) is k responses to n prompts")
    n, k, _ = vectors.shape
    numbers = None if rewards is None else rewards_of(vectors, rewards).reshape(n, k)
    schema = pa.schema(
        [("file", pa.string()), ("prompt_number", pa.int64()), ("n_responses", pa.int64()),
         ("rewards", pa.list_(pa.float64()))]
    )  # fmt: skip

    def batches() -> Iterator[Any]:
        for first in range(0, n, _BATCH_ROWS):
            count = min(_BATCH_ROWS, n - first)
            some = pa.nulls(count, schema.field("rewards").type)
            if numbers is not None:
                some = pa.array(list(numbers[first : first + count]), schema.field("rewards").type)
            yield pa.record_batch(
                [pa.array([sha256[:NAME]] * count), pa.array(range(first, first + count), pa.int64()),
                 pa.array([k] * count, pa.int64()), some],
                schema,
            )  # fmt: skip

    return pa.RecordBatchReader.from_batches(schema, batches())
