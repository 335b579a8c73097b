"""Files of vectors as the relation ``file`` of a cursor: Parquet, and arrays in ``.npy``."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from rmstore.adapters.arrays import ArrayFile, rewards_of
from rmstore.errors import BadFileError, OptionError
from rmstore.store import quote_literal, statement

ENDINGS = {".parquet", ".pq", ".npy"}


@dataclass(frozen=True)
class Vectors:
    """What the relation ``file`` holds.

    Attributes:
        n_rows: rows of the file.
        grouped: (n, k) where the file has k vectors for each of n prompts, as arXiv 2502.04357 publishes them.
    """

    n_rows: int
    grouped: tuple[int, int] | None = None


def open_vectors(cursor: duckdb.DuckDBPyConnection, file: Path, rewards: Path | None = None) -> Vectors:
    """Give the cursor the relation ``file`` and return what it holds.

    Parquet has its own columns and ``file_row_number``. An array of shape (n, d) or (n, k, d) has
    ``file_row_number`` (from 0 over all n * k), ``embedding`` and ``reward``, which is null without rewards; one of
    shape (n, k, d) also has ``prompt_number`` and ``response_number``, both from 0.

    Args:
        cursor: where the relation appears.
        file: Parquet or ``.npy``.
        rewards: ``.npy`` with the reward of every vector, beside a ``.npy`` of vectors.

    Raises:
        BadFileError: a file cannot be read, or shapes do not fit.
        OptionError: rewards are given beside Parquet, which has columns for them.
    """
    for path in (file, rewards):
        if path is not None and not path.is_file():
            raise BadFileError(f"there is no file {str(path)!r}")
    if file.suffix not in ENDINGS:
        raise BadFileError(f"{str(file)!r} is neither .parquet nor .npy", hint="write the vectors as one of them")
    if file.suffix != ".npy":
        if rewards is not None:
            raise OptionError("rewards are given beside a Parquet file", hint="give it a column, select it as reward")
        return Vectors(_parquet(cursor, file))
    array = ArrayFile.open(file)
    if len(array.shape) not in (2, 3) or 0 in array.shape:
        raise BadFileError(
            f"{str(file)!r} has shape {array.shape}",
            hint="vectors have shape (n, d), or (n, k, d) for k responses to each of n prompts",
        )
    table = _Stream(array, None if rewards is None else rewards_of(array, rewards))
    cursor.register("file", table)
    n_rows = int(np.prod(array.shape[:-1]))
    return Vectors(n_rows, (array.shape[0], array.shape[1]) if len(array.shape) == 3 else None)


def _parquet(cursor: duckdb.DuckDBPyConnection, file: Path) -> int:
    place = quote_literal(glob.escape(str(file)))  # the engine would read other files that match a[b].parquet
    try:
        cursor.execute(f"create or replace temp view file as from read_parquet({place}, file_row_number = true)")
        return int(cursor.execute(statement("imports/count_file")).fetchall()[0][0])
    except duckdb.Error as problem:
        raise BadFileError(f"{str(file)!r} cannot be read as vectors: {str(problem).splitlines()[0]}") from problem


class _Stream:
    """An array as an arrow stream that begins anew for every query, as a table would, and never is in memory."""

    def __init__(self, array: ArrayFile, rewards: np.ndarray | None) -> None:
        self.array, self.rewards = array, rewards
        self.width = array.shape[-1]
        numbers = ["prompt_number", "response_number"] if len(array.shape) == 3 else []
        self.schema = pa.schema(
            [
                *((name, pa.int64()) for name in ("file_row_number", *numbers)),
                ("embedding", pa.list_(pa.float32(), self.width)),
                ("reward", pa.float64()),
            ]
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        first = 0
        for matrix in self.array.batches(self.width):
            places = np.arange(first, first + len(matrix))
            numbers = np.divmod(places, self.array.shape[1]) if len(self.array.shape) == 3 else ()
            rewards = None if self.rewards is None else self.rewards[places]
            yield pa.record_batch(
                [
                    *(pa.array(column) for column in (places, *numbers)),
                    pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), self.width),
                    pa.nulls(len(matrix), pa.float64()) if rewards is None else pa.array(rewards),
                ],
                schema=self.schema,
            )
            first += len(matrix)
