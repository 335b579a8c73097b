"""How a vector is stored: float32, float16 or int8 columns, each with a checksum of its bytes."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rmstore.errors import InputError, OptionError

PRECISIONS = ("f32", "f16", "i8")
"""f16 is IEEE binary16, kept as its bits; i8 is whole steps of a scale that each vector has of its own."""

_STEPS = 127
_BYTES = {"f32": 4, "f16": 2, "i8": 1}
_IDS = 4 + 16 + 4
"""Bytes of encoder_id, text_id and checksum beside a vector."""
_HALF_MAX = float(np.finfo(np.float16).max)
_FLOAT = np.finfo(np.float32)


def stored_width(dim: int, precision: str) -> int:
    """Return the bytes of a row of vectors before compression: both ids, the vector, its checksum and scale.

    Example:
        >>> stored_width(384, "f32"), stored_width(384, "i8")
        (1560, 412)
    """
    return _IDS + dim * _BYTES[precision] + (4 if precision == "i8" else 0)


def valid_precision(precision: str) -> str:
    """Return the precision if there is one of that name.

    Raises:
        OptionError: there is none.
    """
    if precision not in PRECISIONS:
        raise OptionError(f"option precision is {precision!r}", hint=f"one of {', '.join(PRECISIONS)}")
    return precision


def packed(vectors: np.ndarray, precision: str) -> dict[str, pa.Array]:
    """Return the columns that hold vectors: embedding, checksum and, for i8, scale.

    Args:
        vectors: (n, d) numbers.
        precision: one of ``PRECISIONS``.

    Raises:
        InputError: a component is NaN or infinite, or too large for the precision.
    """
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise InputError(f"{int((~finite).sum())} of {len(vectors)} vectors have NaN or infinite components")
    stored, scale = _stored(np.ascontiguousarray(vectors, np.float32), precision)
    columns = {"embedding": _column(stored), "checksum": pa.array(_sums(stored, scale), pa.uint32())}
    return columns if scale is None else {**columns, "scale": pa.array(scale)}


def rounded(vectors: np.ndarray, precision: str) -> np.ndarray:
    """Return vectors as they read after being stored, (n, d) float32."""
    if precision == "f32":
        return np.ascontiguousarray(vectors, np.float32)
    stored, scale = _stored(np.ascontiguousarray(vectors, np.float32), precision)
    if scale is None:
        return stored.view(np.float16).astype(np.float32)
    whole: np.ndarray = stored.astype(np.float32) * scale[:, None]
    return whole


def halves(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return lists of float32 of a column of binary16 bits; NULL stays NULL."""
    return _of_rows(column, lambda rows: _lists(rows.view(np.float16).astype(np.float32)), pa.list_(pa.float32()))


def checksums(column: pa.Array | pa.ChunkedArray, scale: pa.Array | pa.ChunkedArray | None = None) -> pa.Array:
    """Return the CRC-32 of the bytes of every stored vector, followed by those of its scale; NULL stays NULL."""
    numbers = None if scale is None else _whole(scale).drop_null().to_numpy(zero_copy_only=False)
    return _of_rows(column, lambda rows: pa.array(_sums(rows, numbers), pa.uint32()), pa.uint32())


def finite(column: pa.Array | pa.ChunkedArray, scale: pa.Array | pa.ChunkedArray | None = None) -> pa.Array:
    """Return whether all numbers of every stored vector are finite; whole steps are if their scale is."""
    if scale is not None:
        return pc.is_finite(_whole(scale))
    return _of_rows(column, lambda rows: pa.array(_finite(rows).all(axis=1)), pa.bool_())


def _finite(rows: np.ndarray) -> np.ndarray:
    # The exponent of binary16 has all its bits set for infinities and NaN alone.
    found: np.ndarray = (rows & 0x7C00) != 0x7C00 if rows.dtype == np.uint16 else np.isfinite(rows)
    return found


def _stored(vectors: np.ndarray, precision: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the numbers that are kept, (n, d), and the scale of each vector for i8."""
    if precision == "f32":
        return vectors, None
    if precision == "f16":
        if vectors.size and np.abs(vectors).max() > _HALF_MAX:
            raise InputError("a component is beyond 65504, which float16 cannot hold", hint="use precision f32")
        return vectors.astype(np.float16).view(np.uint16), None
    top = np.abs(vectors).max(axis=1, initial=0).astype(np.float64)
    if top.size and top.max() > float(_FLOAT.max) * (1 - float(_FLOAT.eps)):  # the last step might read as infinite
        raise InputError(f"a component is beyond {_FLOAT.max:.6g}, which int8 cannot hold", hint="use precision f32")
    # A subnormal scale is too coarse: such vectors (below 1.5e-36) are zero.
    scale = np.where(top / _STEPS >= _FLOAT.tiny, top / _STEPS, 1).astype(np.float32)
    return np.rint(vectors / scale[:, None]).astype(np.int8), scale


def _sums(stored: np.ndarray, scale: np.ndarray | None) -> list[int]:
    if sys.byteorder == "big":
        stored = stored.byteswap()
    view = memoryview(np.ascontiguousarray(stored).data).cast("B")
    width = stored.shape[1] * stored.itemsize
    sums = [zlib.crc32(view[start : start + width]) for start in range(0, len(view), width)]
    if scale is None:
        return sums
    tails = np.ascontiguousarray(scale, "<f4")
    return [zlib.crc32(tail.tobytes(), found) for tail, found in zip(tails, sums, strict=True)]


def _of_rows(column: Any, compute: Callable[[np.ndarray], pa.Array], kind: pa.DataType) -> pa.Array:
    """Compute over the rows that are not NULL and give the others NULL."""
    whole = _whole(column)
    if whole.null_count == len(whole):
        return pa.nulls(len(whole), kind)
    present = whole.drop_null()
    found = compute(present.flatten().to_numpy(zero_copy_only=False).reshape(len(present), -1))
    if not whole.null_count:
        return found
    places = np.cumsum(~np.asarray(whole.is_null())) - 1
    return found.take(pa.array(places, mask=np.asarray(whole.is_null())))


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _column(matrix: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1])


def _lists(matrix: np.ndarray) -> pa.Array:
    n, width = matrix.shape
    return pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32) * width, pa.array(matrix.reshape(-1)))
