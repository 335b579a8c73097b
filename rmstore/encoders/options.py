"""Options that encoders share, and which of them change a vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rmstore.encoders.base import RUN_OPTIONS
from rmstore.encoders.rendering import RULES
from rmstore.options import Option, choice, either, fill, flag, whole

STORED = {
    "truncation": choice("end", *RULES),
    "precision": choice("f32", "f32", "f16", "i8"),
}
"""What every kind takes: the part of a too long text that is kept, and the number type of stored vectors."""


def text_or_none(wanted: str) -> Option:
    """Return an option that takes a text or nothing."""

    def clean(value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise TypeError
        return value

    return Option(None, wanted, clean)


MODELS = {
    **STORED,
    "max_tokens": either(None, whole(None, 8)),
    "dtype": choice("f32", "f32", "bf16"),
    "device": text_or_none("a device of torch, such as 'cpu' or 'cuda:0'"),
    "processes": whole(1, 1, 1024),
}
"""What every kind that runs a model takes beside."""

NORMALIZE = either(None, flag(False))


def read_options(given: Mapping[str, Any], table: Mapping[str, Option], *, encoder: str) -> dict[str, Any]:
    """Return every option of a table, the given ones checked.

    Raises:
        OptionError: an option is unknown, or its value does not fit.
    """
    return fill(f"the encoder {encoder!r}", table, given)


def recorded(chosen: Mapping[str, Any], table: Mapping[str, Option]) -> dict[str, Any]:
    """Return the options that a spec keeps: those that differ from the default and say more than how to run.

    Example:
        >>> recorded({"precision": "i8", "truncation": "end", "processes": 4}, MODELS)
        {'precision': 'i8'}
    """
    return {
        name: value for name, value in chosen.items() if name not in RUN_OPTIONS and value != table[name].default
    }  # fmt: skip
