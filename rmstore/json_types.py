"""Checks that JSON from outside has the types that annotations promise."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints

from rmstore.errors import BadFileError

Types = Mapping[str, Any]
"""Field names with their annotations: plain types, unions, list[...], tuple[..., ...] and dict[str, ...]."""


def of_record(record: type, leave_out: frozenset[str] = frozenset()) -> Types:
    """Return the fields of a dataclass with their types."""
    hints = get_type_hints(record)
    return {field.name: hints[field.name] for field in fields(record) if field.name not in leave_out}


def parse(text: bytes, where: str) -> Any:
    """Return what JSON says; NaN and infinity are no JSON.

    Raises:
        BadFileError: it is not JSON.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        value = json.loads(text, parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
        return value
    except (ValueError, RecursionError) as problem:
        raise BadFileError(f"{where} is not JSON: {problem}", hint="export it again") from None


def check(value: Any, types: Types, where: str) -> dict[str, Any]:
    """Return an object if it has exactly the fields, each of its type.

    Raises:
        BadFileError: a field is missing, unknown or of another type; the message names it.
    """
    if not isinstance(value, dict):
        raise BadFileError(f"{where} is {_shown(value)}, not an object", hint="export it again")
    for name in [*types, *value]:
        if name not in value or name not in types:
            problem = f"has no field {name!r}" if name in types else f"has a field {name!r} that nobody knows"
            raise BadFileError(f"{where} {problem}", hint="export it again with this version of rmstore")
        if not fits(value[name], types[name]):
            raise BadFileError(f"{name} of {where} is {_shown(value[name])}", hint=f"it should be {_said(types[name])}")
    return value


def fits(value: Any, kind: Any) -> bool:
    """Return whether a JSON value is of an annotated type; a whole number is also a float, a bool is neither.

    Example:
        >>> fits([1, 2.5], tuple[float, ...]), fits(True, int), fits(None, str | None), fits({"a": 1}, dict[str, str])
        (True, False, True, False)
    """
    if kind is Any:
        return True
    base, inner = get_origin(kind), get_args(kind)
    if base in (Union, UnionType):
        return any(fits(value, one) for one in inner)
    if base in (list, tuple):
        return isinstance(value, list) and all(fits(entry, inner[0]) for entry in value)
    if base is dict:
        return isinstance(value, dict) and all(fits(entry, inner[1]) for entry in value.values())
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return isinstance(value, NoneType if kind is None else kind)


def _said(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
