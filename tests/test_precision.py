"""Storage of vectors: what float16 and int8 keep, checksums, and snapshots that read them."""

import zlib

import numpy as np
import pyarrow as pa
import pytest

from rmstore.errors import InputError, OptionError
from rmstore.precision import PRECISIONS, checksums, halves, packed, rounded, valid_precision

VECTORS = np.random.default_rng(3).standard_normal((50, 12)).astype(np.float32)
ERROR = {"f32": 0.0, "f16": 2.0**-11, "i8": 0.5 / 127}
"""Largest error by precision: relative to the component for f16, to the largest component of the vector for i8."""


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rounding_is_as_fine_as_the_precision(precision):
    reference = np.abs(VECTORS) if precision == "f16" else np.abs(VECTORS).max(axis=1, keepdims=True)
    assert (np.abs(rounded(VECTORS, precision) - VECTORS) <= ERROR[precision] * reference * 1.001).all()
    zeros = np.zeros((2, 3), np.float32)
    assert (rounded(zeros, precision) == zeros).all()


def test_columns_hold_what_they_say():
    columns = packed(VECTORS, "f16")
    assert columns["embedding"].type == pa.list_(pa.uint16(), 12)
    assert np.array_equal(halves(columns["embedding"]).flatten().to_numpy(), rounded(VECTORS, "f16").reshape(-1))
    assert columns["checksum"].to_pylist()[7] == zlib.crc32(VECTORS[7].astype("<f2").tobytes())
    steps = packed(VECTORS, "i8")
    assert steps["embedding"].type == pa.list_(pa.int8(), 12)
    assert packed(VECTORS, "f32")["checksum"].to_pylist()[0] == zlib.crc32(VECTORS[0].tobytes())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_checksums_of_a_column_are_those_of_its_vectors(precision):
    columns = packed(VECTORS, precision)
    scale = columns.get("scale")
    assert checksums(columns["embedding"], scale).equals(columns["checksum"])
    part = columns["embedding"].slice(5, 10)
    assert checksums(part, None if scale is None else scale.slice(5, 10)).equals(columns["checksum"].slice(5, 10))


def test_nulls_stay_null():
    column = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.uint16(), 2))
    assert [row is None for row in halves(column).to_pylist()] == [False, True, False]
    assert [row is None for row in checksums(column).to_pylist()] == [False, True, False]
    assert halves(pa.nulls(2, pa.list_(pa.uint16(), 2))).null_count == 2


def test_what_cannot_be_stored_is_refused():
    with pytest.raises(OptionError, match="f32, f16, i8"):
        valid_precision("f8")
    for bad in (np.nan, np.inf):
        with pytest.raises(InputError, match="1 of 2 vectors have NaN or infinite"):
            packed(np.array([[1, bad], [1, 2]], np.float32), "f16")
    with pytest.raises(InputError, match="float16 cannot hold"):
        packed(np.array([[70_000.0]], np.float32), "f16")
    with pytest.raises(InputError, match="int8 cannot hold"):
        packed(np.array([[np.finfo(np.float32).max]], np.float32), "i8")


@pytest.mark.parametrize("top", [1e-45, 2.6e-43, 1e-40, 1.4e-36, 1.6e-36, 1e-20, 3.4e38])
def test_steps_of_tiny_and_huge_vectors_keep_their_sign(top):
    vectors = np.array([[top, -top, top / 2, 0]], np.float32)
    read = rounded(vectors, "i8")
    assert np.isfinite(read).all() and (read * np.sign(vectors) >= 0).all()
    assert (np.abs(read - vectors) <= max(ERROR["i8"] * 1.001 * top, 1.5e-36)).all()
