"""Values of a report as people read them: numbers rounded column by column, texts that cannot disturb a page."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Characters that are not seen but change what is: control characters, and those that turn the direction of a line."""


def clean(value: Any) -> str:
    r"""Return a text in which what cannot be seen is spelled out.

    Example:
        >>> clean("a\x1bb\u202ec"), clean("tea \u2615")
        ('a\\x1bb\\u202ec', 'tea ☕')
    """
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), str(value).replace("\r\n", "\n"))


def words(name: str) -> str:
    """Return the name of a column as words.

    Example:
        >>> words("n_pairs"), words("gold_best")
        ('n pairs', 'gold best')
    """
    return name.replace("_", " ")


def shortened(text: str, longest: int) -> str:
    """Return a text of at most so many characters, with an ellipsis where it was longer.

    Example:
        >>> shortened("a long name", 7)
        'a long…'
    """
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def full(value: Any) -> str:
    """Return everything that a value says, empty for NULL.

    Example:
        >>> full(1234), full(0.1), full(None), full([1, None])
        ('1234', '0.1', '', '[1, null]')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, list | tuple | Mapping):
        return clean(json.dumps(value, ensure_ascii=False, default=str))
    return clean(value)


def column(values: Sequence[Any]) -> list[str]:
    """Return the values of a column as a table shows them, NULL as an empty text.

    Fractional numbers share their decimals, so many that the largest shows three or four digits; one that they would
    show as zero keeps two digits of its own.

    Example:
        >>> column([0.51234, None, 1.0, 1e-7]), column([1234567, 2]), column([0.01234, 0.00001])
        (['0.512', '', '1.000', '1e-07'], ['1,234,567', '2'], ['0.0123', '1e-05'])
    """
    sizes = [abs(float(value)) for value in values if is_fraction(value) and math.isfinite(value)]
    decimals = _decimals(max(sizes, default=0.0))
    return [_shown(value, decimals) for value in values]


def is_number(value: Any) -> bool:
    """Return whether a value is a number, which truth values are not."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_fraction(value: Any) -> bool:
    """Return whether a value is a number that may have decimals."""
    return isinstance(value, float | Decimal)


def _decimals(largest: float) -> int:
    """Return how many decimals a column has whose largest value is given."""
    if largest == 0:
        return 3
    return min(max(2 - math.floor(math.log10(largest)), 0), 9) if largest < 0.1 else 3 - min(_digits(largest), 3)


def _digits(number: float) -> int:
    """Return how many digits before the point a number has beyond one."""
    return max(math.floor(math.log10(number)), 0)


def _shown(value: Any, decimals: int) -> str:
    if is_fraction(value):
        text = f"{value:,.{decimals}f}"
        vanished = value != 0 and math.isfinite(value) and float(text.replace(",", "")) == 0
        return f"{float(value):.2g}" if vanished else text
    return f"{value:,}" if is_number(value) else full(value)
