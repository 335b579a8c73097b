"""Stored vectors: float16 bits as numbers, and checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore import precision
from rmstore.functions.base import sql_function

if TYPE_CHECKING:
    from rmstore.store import Store


@sql_function("_rm_half", "FLOAT[]")
def half(store: Store, bits: pa.ChunkedArray) -> pa.Array:
    """Return the numbers of a column of binary16 bits; the caller casts to the width."""
    return precision.halves(bits)


@sql_function("_rm_checksum", "UINTEGER")
def checksum(store: Store, embedding: pa.ChunkedArray, *scale: pa.ChunkedArray) -> pa.Array:
    """Return the CRC-32 of every stored vector; vectors of whole steps bring their scale."""
    return precision.checksums(embedding, *scale)


@sql_function("_rm_is_finite", "BOOLEAN")
def is_finite(store: Store, embedding: pa.ChunkedArray, *scale: pa.ChunkedArray) -> pa.Array:
    """Return whether every stored vector is finite; vectors of whole steps bring their scale."""
    return precision.finite(embedding, *scale)
