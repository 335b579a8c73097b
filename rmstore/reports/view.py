"""A finished run as pages and documents show it: title, note, a table of rounded texts, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import pyarrow as pa

from rmstore.reports.chart import Chart
from rmstore.reports.header import Report
from rmstore.reports.headline import caption
from rmstore.reports.points import upright
from rmstore.reports.text import clean, column, full, is_number, words


@dataclass(frozen=True)
class Cell:
    """One value of a table.

    Attributes:
        text: rounded; empty for NULL.
        value: all of it, where the text does not say it.
        is_null: whether there is no value.
        href: where it leads; nowhere if empty.
    """

    text: str
    value: str = ""
    is_null: bool = False
    href: str = ""


@dataclass(frozen=True)
class Whisker:
    """An interval as shares of the widest in its column: from, to and the measure, 0 to 100."""

    low: float
    high: float
    at: float


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    name: str
    is_number: bool
    is_measure: bool = False


@dataclass(frozen=True)
class Fact:
    """A line of the provenance, with lines below it."""

    name: str
    text: str = ""
    below: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows as texts.

    Attributes:
        columns: heads of the columns.
        rows: cells by row.
        whiskers: the interval of every row, None where it has none; empty where the report has none.
        n_hidden: rows after the last one shown.
    """

    columns: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    whiskers: tuple[Whisker | None, ...] = ()
    n_hidden: int = 0

    @property
    def heads_column(self) -> int | None:
        """The column that names heads, by which rows are filtered."""
        return next((place for place, head in enumerate(self.columns) if head.name == "head"), None)


@dataclass(frozen=True)
class View:
    """What is shown of a run.

    Attributes:
        report: the report.
        caption: head, snapshot and n in a line.
        table: its rows.
        notes: what a reader must know of this run.
        facts: where the numbers came from.
    """

    report: Report
    caption: str
    table: Table
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]


def view(report: Report, table: pa.Table, provenance: Mapping[str, Any], *, most: int | None = None) -> View:
    """Return what is shown of a run.

    Args:
        report: the report.
        table: its rows.
        provenance: where they came from.
        most: how many rows are shown; all by default.
    """
    chart = upright(report.chart, table) if report.chart else None
    measures = chart.measures[:1] if chart else ()
    shown = table if most is None else table.slice(0, most)
    laid = of_arrow(shown, measures)
    return View(
        report=_clean(report), caption=caption(provenance, table),
        table=replace(laid, whiskers=_whiskers(chart, shown), n_hidden=table.num_rows - shown.num_rows),
        notes=tuple(clean(note) for note in provenance.get("notes") or []), facts=facts(provenance),
    )  # fmt: skip


def _clean(report: Report) -> Report:
    """Return a report whose texts, which may come with a file of somebody else's, show what they hide."""
    title, grain, note, sql = (clean(text) for text in (report.title, report.grain, report.note, report.sql))
    return replace(report, title=title, grain=grain, note=note, sql=sql)


def of_arrow(table: pa.Table, measures: Collection[str] = ()) -> Table:
    """Return the rows of a table as texts; measures are columns to make stand out."""
    values = [table[name].to_pylist() for name in table.column_names]
    columns = tuple(
        Head(name, any(map(is_number, cells)) or _is_numeric(kind), name in measures)
        for name, kind, cells in zip(table.column_names, table.schema.types, values, strict=True)
    )
    texts = [column(cells) for cells in values]
    cells = [[cell(*pair) for pair in zip(*both, strict=True)] for both in zip(values, texts, strict=True)]
    return Table(columns, tuple(zip(*cells, strict=True)))


def cell(value: Any, text: str) -> Cell:
    """Return a value with its text as a cell."""
    everything = full(value)
    return Cell(text, everything if everything != text else "", value is None)


def facts(provenance: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Return provenance as lines; the SQL and the notes stand elsewhere."""
    elsewhere = {"sql", "title", "notes"}
    shown = {key: value for key, value in provenance.items() if key not in elsewhere and value is not None}
    return tuple(_fact(*pair) for pair in _ordered(shown, _ORDER))


_ORDER = ("report", "parameters", "where", "compare", "folds", "heads", "snapshots", "datasets", "n_rows", "created_at")
_NAMES = ("reference", "name", "path")


def _ordered(record: Mapping[str, Any], first: Sequence[str]) -> list[tuple[str, Any]]:
    """Return the fields of a record, some of them before the others, which are sorted."""
    places = {name: place for place, name in enumerate(first)}
    return sorted(record.items(), key=lambda pair: (places.get(pair[0], len(first)), pair[0]))


def _fact(name: str, value: Any) -> Fact:
    label = clean(words(name))
    if isinstance(value, Mapping) and value:
        return Fact(label, below=tuple(_fact(*pair) for pair in _ordered(value, _NAMES)))
    if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        return Fact(label, below=tuple(_entry(entry) for entry in value))
    if isinstance(value, list | Mapping):
        return Fact(label, ", ".join(clean(_scalar(entry)) for entry in value) or "none")
    return Fact(label, clean(_file_name(value) if name in {"path", "source"} else _scalar(value)))


def _entry(entry: Mapping[str, Any]) -> Fact:
    """Return a record of a list, named by its first field."""
    (name, value), *rest = _ordered(entry, _NAMES)
    first = _fact(name, value)
    return Fact(first.name, first.text, tuple(_fact(*pair) for pair in rest))


def _file_name(value: Any) -> str:
    """Return a file without the folders of somebody's disk; addresses stay."""
    text = _scalar(value)
    return text if "://" in text else PurePath(text).name or text


def _scalar(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _whiskers(chart: Chart | None, table: pa.Table) -> tuple[Whisker | None, ...]:
    if chart is None or "low" not in chart.channels or not table.num_rows:
        return ()
    names = (chart.channels["low"][0], chart.channels["high"][0], chart.measures[0])
    rows = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    whole = [row if all(map(is_number, row)) and row[0] <= row[2] <= row[1] else None for row in rows]
    least = min((row[0] for row in whole if row), default=0.0)
    most = max((row[1] for row in whole if row), default=0.0)
    scale = 100 / ((most - least) or 1.0)
    placed = [row and [round((number - least) * scale, 1) for number in row] for row in whole]
    return tuple(Whisker(low, high, at) if ends else None for ends in placed for low, high, at in [ends or (0, 0, 0)])


def of_rows(rows: Sequence[Mapping[str, Any]], *, file_names: Collection[str] = ()) -> Table:
    """Return records as a table of texts.

    Args:
        rows: records with the same fields.
        file_names: fields with places on a disk, of which the folders are left out.
    """
    names = list(rows[0]) if rows else []
    values = {name: [row[name] for row in rows] for name in names}
    for name in file_names:
        values[name] = [value and _file_name(value) for value in values.get(name, [])]
    columns = tuple(Head(name, any(map(is_number, values[name]))) for name in names)
    cells = [[cell(*pair) for pair in zip(values[name], column(values[name]), strict=True)] for name in names]
    return Table(columns, tuple(zip(*cells, strict=True)))
