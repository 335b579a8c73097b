"""Heads as bytes: what is written, and what is refused."""

import json
import struct

import numpy as np
import pytest

from rmstore.errors import BadFileError
from rmstore.heads import serial

TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones(1, dtype=np.float32)}


def with_header(change):
    """Bytes whose safetensors header was edited."""
    data = serial.pack("toy", TENSORS)
    (length,) = struct.unpack_from("<Q", data)
    header = change(json.loads(data[8 : 8 + length]))
    edited = json.dumps(header).encode()
    return struct.pack("<Q", len(edited)) + edited + data[8 + length :]


def test_arrays_and_settings_come_back():
    tensors, header = serial.unpack("toy", serial.pack("toy", TENSORS, scale=2, names=["x"]))
    assert header == {"kind": "toy", "version": 1, "scale": 2, "names": ["x"]}
    assert set(tensors) == set(TENSORS)
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], array)


def test_equal_heads_give_equal_bytes():
    turned = dict(reversed(TENSORS.items()))
    assert serial.pack("toy", TENSORS, x=1, y=2) == serial.pack("toy", turned, y=2, x=1)


def test_strided_and_wide_arrays_are_stored_in_order():
    array = np.arange(12.0).reshape(3, 4).T
    tensors, _ = serial.unpack("toy", serial.pack("toy", {"t": array}))
    np.testing.assert_array_equal(tensors["t"], array)
    assert tensors["t"].dtype == np.float32


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda h: h | {"__metadata__": {"rmstore": '{"kind": "other", "version": 1}'}}, "these bytes hold"),
        (lambda h: h | {"__metadata__": {"rmstore": '{"kind": "toy", "version": 2}'}}, "these bytes hold"),
        (lambda h: h | {"__metadata__": {"rmstore": "[]"}}, "these bytes hold"),
        (lambda h: h | {"__metadata__": {"rmstore": "{"}}, "not a head that rmstore wrote"),
        (lambda h: h | {"__metadata__": {}}, "not a head that rmstore wrote"),
        (lambda h: {k: v for k, v in h.items() if k != "__metadata__"}, "not a head that rmstore wrote"),
        (lambda h: h | {"a": h["a"] | {"dtype": "I32"}}, "not a finite float32"),
    ],
)
def test_foreign_headers_are_refused(change, match):
    with pytest.raises(BadFileError, match=match):
        serial.unpack("toy", with_header(change))
