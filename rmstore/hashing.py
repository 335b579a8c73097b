"""Fingerprints of things that live outside SQL; content ids are computed in SQL (sql/macros/000_ids.sql)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

ID_VERSION = 1
"""Version of the content ids in sql/macros/000_ids.sql; recorded in every store."""


def fingerprint(*parts: Any) -> str:
    """Return 32 hex digits over JSON values and bytes; equal values in equal order give equal digits.

    Example:
        >>> fingerprint("linear", {"b": 1, "a": 2}) == fingerprint("linear", {"a": 2, "b": 1})
        True
        >>> fingerprint("ab", "c") == fingerprint("a", "bc")
        False
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes | memoryview) else canonical_json(part).encode()
        digest.update(f"{'b' if isinstance(part, bytes | memoryview) else 'j'}{memoryview(data).nbytes}:".encode())
        digest.update(data)
    return digest.hexdigest()[:32]


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces, the form that is hashed and stored.

    Example:
        >>> canonical_json({"b": [1, None], "a": "ä"})
        '{"a":"ä","b":[1,null]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
