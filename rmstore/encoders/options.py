"""Reads the options of an encoder: unknown names and values are errors with a suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from rmstore.errors import OptionError


def read_options(given: Mapping[str, Any], defaults: Mapping[str, Any], *, encoder: str) -> dict[str, Any]:
    """Return the defaults with the given options in their place.

    Raises:
        OptionError: a name is not among the defaults.
    """
    for name in given:
        if name not in defaults:
            close = get_close_matches(name, defaults, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"options: {', '.join(sorted(defaults))}"
            raise OptionError(f"the encoder {encoder!r} has no option {name!r}", hint=hint)
    return {**defaults, **given}


def positive(name: str, value: Any) -> int:
    """Return a positive whole number.

    Raises:
        OptionError: the value is none.
    """
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1 or isinstance(value, bool) or (isinstance(value, float) and value != number):
        raise OptionError(f"option {name} is {value!r}", hint="a whole number of 1 or more")
    return number
