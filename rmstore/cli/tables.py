"""Tables that fit a terminal: columns fold, headers break, and what is still too wide becomes several tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rmstore.cli.output import cell, is_numeric

GAP = 2
"""Spaces between columns."""

WIDEST_TEXT = 24
"""Characters that a text column keeps when the table is too wide; longer texts fold."""

FEW_ROWS = 2
"""Rows that are shown as lines of name and value where the table is too wide."""


def print_fitting(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> None:
    """Print rows of values; what does not fit the width folds, and then continues in a table below."""
    console = Console()
    right = [is_numeric(row[place] for row in rows) for place in range(len(columns))]
    texts = [[cell(value) for value in row] for row in rows]
    wide = [max([len(name), *(_longest(row[place]) for row in texts)]) for place, name in enumerate(columns)]
    if _total(wide) <= console.width:
        _print(console, texts, columns, right, range(len(columns)))
    elif len(rows) <= FEW_ROWS:
        _print_upright(console, texts, columns)
    else:
        _print_narrow(console, rows, columns, right)


def _print_narrow(
    console: Console, rows: Sequence[Sequence[Any]], columns: Sequence[str], right: Sequence[bool]
) -> None:
    """Print with fewer digits, broken headers and no empty columns; the texts that begin a row stand in every table."""
    texts = [[cell(value, digits=3) for value in row] for row in rows]
    headers = [name.replace("_", "_\n") for name in columns]
    kept = [place for place in range(len(columns)) if any(row[place] for row in texts)]
    widths = {
        place: max([_longest(headers[place]), *(_width(row[place], folds=not right[place]) for row in texts)])
        for place in kept
    }
    for number, places in enumerate(_parts(kept, widths, right, console.width)):
        if number:
            console.print()
        _print(console, texts, headers, right, places)
    empty = [name for place, name in enumerate(columns) if place not in kept]
    if empty:
        console.print(f"without the empty columns {', '.join(empty)}", style="dim", markup=False, highlight=False)


def _parts(kept: Sequence[int], widths: Mapping[int, int], right: Sequence[bool], room: int) -> Iterator[list[int]]:
    """Yield the columns of each table."""
    lead = list(kept[: next((count for count, place in enumerate(kept) if right[place]), 1)])
    while _total([widths[place] for place in lead]) > room // 2 and len(lead) > 1:
        lead.pop()
    part = list(lead)
    for place in kept[len(lead) :]:
        if len(part) > len(lead) and _total([widths[one] for one in [*part, place]]) > room:
            yield part
            part = list(lead)
        part.append(place)
    yield part


def _print(
    console: Console,
    rows: Sequence[Sequence[str]],
    headers: Sequence[str],
    right: Sequence[bool],
    places: Sequence[int],
) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for place in places:
        justify = "right" if right[place] else "left"
        table.add_column(Text(headers[place]), justify=justify, overflow="fold", no_wrap=right[place])  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(row[place]) for place in places))
    console.print(table)


def _print_upright(console: Console, rows: Sequence[Sequence[str]], columns: Sequence[str]) -> None:
    """Print each row as lines of name and value."""
    width = max(len(name) for name in columns)
    for number, row in enumerate(rows):
        if number:
            console.print()
        for name, value in zip(columns, row, strict=True):
            console.print(f"{name:<{width}}  {value}".rstrip(), markup=False, highlight=False, soft_wrap=True)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _longest(text: str) -> int:
    return max((len(line) for line in text.splitlines()), default=0)


def _width(text: str, *, folds: bool) -> int:
    return min(_longest(text), WIDEST_TEXT) if folds else len(text)
