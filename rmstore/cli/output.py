"""Rows on stdout: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click

Row = Mapping[str, Any]

LONGEST_CELL = 300
"""Characters of a text that a table shows; --json, --csv and --to give all of it."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def show(rows: Iterable[Row], *, as_json: bool = False, columns: Sequence[str] | None = None, empty: str = "") -> None:
    """Print rows as a table, or as JSON; ``empty`` is said where there are none."""
    rows = list(rows)
    if as_json:
        click.echo(to_json(rows))
    elif rows:
        print_table(rows, columns or list(rows[0]))
    elif empty:
        click.echo(empty)


def show_record(record: Row, *, as_json: bool = False) -> None:
    """Print one record, a line per field; lists of records become tables of their own."""
    if as_json:
        click.echo(to_json(record))
        return
    plain = {key: value for key, value in record.items() if not _is_table(value)}
    width = max((len(key) for key in plain), default=0)
    for key, value in plain.items():
        first, *more = ("none" if value in ([], ()) else cell(value)).splitlines() or [""]
        click.echo(f"{key:<{width}}  {first}".rstrip())
        for line in more:
            click.echo(f"{'':<{width}}  {line}")
    for key, value in record.items():
        if _is_table(value):
            click.echo(f"\n{key}")
            print_table(value, list(value[0]))


def print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print records as a table with the named columns."""
    print_rows([[row[name] for name in columns] for row in rows], columns)


def print_rows(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> None:
    """Print a table: laid out for the terminal, plain lines elsewhere."""
    if not sys.stdout.isatty():
        print_plain(rows, columns)
        return
    from rmstore.cli.tables import print_fitting

    print_fitting(rows, columns)


def print_plain(rows: Sequence[Sequence[Any]], columns: Sequence[str], *, header: bool = True) -> None:
    """Print aligned columns, one line per row; line breaks and tabs inside a value are escaped."""
    texts = [[cell(value).replace("\n", "\\n").replace("\t", "\\t") for value in row] for row in rows]
    widths = [max([len(name), *(len(row[place]) for row in texts)]) for place, name in enumerate(columns)]
    numeric = [is_numeric(row[place] for row in rows) for place in range(len(columns))]
    for row in [list(columns), *texts] if header else texts:
        parts = [
            f"{text:>{width}}" if right else f"{text:<{width}}"
            for text, width, right in zip(row, widths, numeric, strict=True)
        ]
        click.echo("  ".join(parts).rstrip())


def cell(value: Any, *, digits: int = 6) -> str:
    """Return a value as a table shows it, numbers to so many significant digits.

    Example:
        >>> cell(0.123456789), cell(None), cell([0.5] * 384), cell({"a": 1, "b": None})
        ('0.123457', '', '[0.5, 0.5, 0.5, ... 384 values]', 'a: 1, b: none')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {cell(item) or 'none'}" for key, item in value.items())
    if isinstance(value, list | tuple):
        shown = [cell(item) for item in value[:3]] if len(value) > 8 else [cell(item) for item in value]
        return "[" + ", ".join(shown) + (f", ... {len(value)} values]" if len(value) > 8 else "]")
    text = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", str(value).replace("\r\n", "\n"))
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]} ... {len(text)} characters"


def to_json(value: Any) -> str:
    """Return indented JSON; ids and times are text, numbers that JSON lacks are null."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value in types that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int):
        return value
    return str(value)


def size(n_bytes: int) -> str:
    """Return a size for people.

    Example:
        >>> size(512), size(12_600_000)
        ('512 B', '12.6 MB')
    """
    amount = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def duration(seconds: float) -> str:
    """Return a length of time for people.

    Example:
        >>> duration(0.04), duration(75), duration(4_000), duration(200_000)
        ('under 1 s', '1 min 15 s', '1 h 6 min', '2 d 7 h')
    """
    rest, parts = round(seconds), []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "under 1 s"


def counted(n: int, noun: str) -> str:
    """Return a count with its noun.

    Example:
        >>> counted(1, "row"), counted(2_000, "row")
        ('1 row', '2,000 rows')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def notes(texts: Iterable[str]) -> None:
    """Print remarks on stderr, where they do not mix with rows."""
    for text in texts:
        click.echo(f"note: {text}", err=True)


def _is_table(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def is_numeric(values: Iterable[Any]) -> bool:
    """Return True where every value that is not NULL is a number, and there is one."""
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(value, int | float | Decimal) for value in present)
