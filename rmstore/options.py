"""Options as a table: default, check, and what to say when a value does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, SupportsFloat

from rmstore.errors import OptionError, UnknownNameError


@dataclass(frozen=True)
class Option:
    """One option of a head or an objective.

    Attributes:
        default: the value when nothing is given.
        wanted: completes the hint "give ...".
        clean: returns the value in its stored type; raises ``TypeError`` or ``ValueError`` if it does not fit.
    """

    default: Any
    wanted: str
    clean: Callable[[Any], Any]


def number(default: Any, low: float = -inf, high: float = inf, *, open_low: bool = False) -> Option:
    """Return an option that takes a finite number in [low, high], or in (low, high] with ``open_low``."""

    def clean(value: Any) -> float:
        found = _real(value)
        if not low <= found <= high or (open_low and found == low):
            raise ValueError
        return found

    above = f" above {low:g}" if open_low else f" of at least {low:g}" if low > -inf else ""
    return Option(default, f"a finite number{above}" + (f" and at most {high:g}" if high < inf else ""), clean)


def whole(default: Any, low: int, high: float = inf) -> Option:
    """Return an option that takes a whole number in [low, high]."""

    def clean(value: Any) -> int:
        found = _real(value)
        if found != int(found) or not low <= found <= high:
            raise ValueError
        return int(found)

    return Option(
        default, f"a whole number of at least {low}" + (f" and at most {high:g}" if high < inf else ""), clean
    )


def choice(default: str, *names: str) -> Option:
    """Return an option that takes one of some names."""

    def clean(value: Any) -> str:
        if value not in names:
            raise ValueError
        return value

    return Option(default, " or ".join(repr(name) for name in names), clean)


def flag(default: bool) -> Option:
    """Return an option that takes true or false."""

    def clean(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError
        return value

    return Option(default, "true or false", clean)


def widths(*default: int, fewest: int = 1) -> Option:
    """Return an option that takes the widths of layers, or one number for a single layer."""

    def clean(value: Any) -> list[int]:
        given = list(value) if isinstance(value, list | tuple) else [value]
        if len(given) < fewest:
            raise ValueError
        return [whole(None, 1, 65536).clean(width) for width in given]

    wanted = "one width of at least 1 per layer, such as [256]" + ("" if fewest else ", or [] for none")
    return Option(list(default) or None, wanted, clean)


def either(word: str | None, option: Option) -> Option:
    """Return the option, which then also takes ``word`` (its default)."""

    def clean(value: Any) -> Any:
        return word if value == word else option.clean(value)

    return Option(word, f"{word!r} or {option.wanted}" if word else option.wanted, clean)


def fill(owner: str, table: Mapping[str, Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of the table, the given ones checked, the others at their default.

    Args:
        owner: whose options they are, such as ``the linear head``.
        table: the options by name.
        given: values by name.

    Raises:
        OptionError: an option is unknown, or its value does not fit.
    """
    filled = {name: option.clean(option.default) for name, option in table.items()}
    for name, value in given.items():
        if name not in table:
            unknown = UnknownNameError(f"option of {owner}", name, table)
            raise OptionError(unknown.problem, hint=unknown.hint)
        try:
            filled[name] = table[name].clean(value)
        except (TypeError, ValueError, OverflowError):
            raise OptionError(f"{name} of {owner} is {value!r}", hint=f"give {table[name].wanted}") from None
    return filled


def _real(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, SupportsFloat) or not isfinite(value):
        raise TypeError
    return float(value)
