"""Heads as safetensors: named float32 arrays and a JSON header, nothing that could run."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from rmstore.errors import BadFileError

VERSION = 1


def pack(kind: str, tensors: Mapping[str, np.ndarray], **settings: Any) -> bytes:
    """Return the arrays with kind, format version and settings in the metadata; equal input, equal bytes.

    All metadata is one JSON entry, because safetensors writes several entries in no particular order.
    """
    from safetensors.numpy import save

    header = json.dumps({"kind": kind, "version": VERSION, **settings}, sort_keys=True)
    arrays = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in tensors.items()}
    return save(arrays, {"rmstore": header})


def unpack(kind: str, data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the header that ``pack`` wrote.

    Raises:
        BadFileError: the bytes are truncated, are not safetensors, or hold another kind of head.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["rmstore"])
    except (SafetensorError, struct.error, KeyError, TypeError, ValueError):
        refuse(kind, "these bytes are not a head that rmstore wrote, or they were cut short")
    if not isinstance(header, dict) or (header.get("kind"), header.get("version")) != (kind, VERSION):
        refuse(kind, f"these bytes hold {header!r}")
    if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in tensors.values()):
        refuse(kind, "a weight is not a finite float32 number")
    return tensors, header


def refuse(kind: str, why: str) -> NoReturn:
    """Say that bytes are not a head of this kind."""
    raise BadFileError(f"cannot read a {kind} head: {why}", hint="export the head again from its store")
