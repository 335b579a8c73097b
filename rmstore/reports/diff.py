"""Two recorded runs of one report beside each other: rows matched by key, numbers with their difference.

Where both can be done again in this store, the measure of the header's ``compare`` line is also paired group by group,
which gives its difference an interval; where not, the result says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rmstore.errors import ReportError, RmstoreError
from rmstore.reports import compare, record
from rmstore.reports.execution import units
from rmstore.reports.header import Comparison, parse
from rmstore.reports.record import Recorded
from rmstore.reports.rerun import job_of, repeat
from rmstore.reports.units import listed
from rmstore.store import Store, fill_in, quote_identifier, statement

PAIRED = ("n_paired", "paired_difference", "low", "high", "z")
"""Columns of the paired measure, behind its values."""
ENDS = ("left", "right", "difference")
"""What the columns of the two sides end in."""


@dataclass(frozen=True)
class Diff:
    """What :func:`diff` found; differences are left less right.

    Attributes:
        report: name of the report.
        keys: columns that rows were matched by.
        table: the keys, the columns of both sides as ``NAME_left`` and ``NAME_right``, numbers with
            ``NAME_difference``; the measure comes first, and where it could be paired the columns ``PAIRED``.
        provenance: rows of what, left and right, of everything that the two runs do not share.
        notes: why there is no interval, and what else a reader should know.
    """

    report: str
    keys: tuple[str, ...]
    table: pa.Table
    provenance: list[dict[str, Any]]
    notes: list[str]


def diff(
    store: Store, left: str | Path, right: str | Path, *, dirs: Sequence[str | Path] = (), trust: bool = False
) -> Diff:
    """Return two runs of a report beside each other.

    Rows are matched by the keys of the compare line; without one, by the shortest run of leading columns, none of them
    a fraction and text columns all among them, that names every row.

    Args:
        store: an open store; it need not be the one that the files come from.
        left: a file that a report wrote, or the first digits of a run id of this store.
        right: another.
        dirs: folders with more reports.
        trust: run SQL that comes from a file alone, see :func:`rmstore.reports.rerun.rerun`.

    Raises:
        UnknownNameError: there is no such file or run.
        ReportError: they are runs of different reports, rows cannot be matched, a provenance is not whole, or a run
            whose rows were not kept cannot be repeated here.
        BadFileError: a file cannot be read.
    """
    sides = [record.load(store, source) for source in (left, right)]
    first, second = (side.provenance for side in sides)
    if first["report"] != second["report"]:
        raise ReportError(
            f"{sides[0].name} is a run of {first['report']!r}, {sides[1].name} one of {second['report']!r}",
            hint="only runs of one report have the same columns",
        )
    if bool(first["compare"]) != bool(second["compare"]):
        raise ReportError("one run compares two heads, the other has one", hint="rmstore report runs shows which")
    tables = [_rows(store, side, dirs, trust) for side in sides]
    if tables[0].column_names != tables[1].column_names:
        raise ReportError("the two runs have different columns", hint="the report was changed between them")
    line = parse(first["sql"], name=first["report"], path=sides[0].name).compare
    keys = line.keys if line else leading_keys(tables)
    _check_keys(keys, tables)
    paired, notes = _paired(store, sides, line, dirs, trust)
    table = _joined(store, tables, keys, paired, line)
    return Diff(first["report"], keys, table, changes(first, second), notes)


def leading_keys(tables: Sequence[pa.Table]) -> tuple[str, ...]:
    """Return the leading columns that name every row of each table: all text ones, then whole numbers as needed."""
    fields = list(tables[0].schema)
    n_text = next((place for place, field in enumerate(fields) if _is_number(field.type)), len(fields))
    for count in range(max(n_text, 1), len(fields) + 1):
        if pa.types.is_floating(fields[count - 1].type) or pa.types.is_nested(fields[count - 1].type):
            break
        names = tuple(field.name for field in fields[:count])
        if all(_is_unique(table, names) for table in tables):
            return names
    raise ReportError(
        "the rows of this report cannot be matched: no leading columns of text or whole numbers name each of them",
        hint="its header may have a line '-- compare: ... by KEY, KEY'",
    )


def changes(first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what two provenances do not share, as rows of what, left and right."""
    sides = [_facts(one) for one in (first, second)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [
        {"what": name, "left": sides[0].get(name), "right": sides[1].get(name)}
        for name in names
        if sides[0].get(name) != sides[1].get(name)
    ]


def _facts(said: dict[str, Any]) -> dict[str, Any]:
    facts = {"sql_sha256": said["sql_sha256"][:12], "where": (said["where"] or {}).get("sql")}
    facts |= {"folds": (said["folds"] or {}).get("k"), "compare": said["compare"]}
    facts |= {f"parameters.{name}": value for name, value in said["parameters"].items()}
    for kind in ("heads", "snapshots"):
        for key, part in said[kind].items():
            facts[f"{kind}.{key}"] = f"{part['reference']} ({part['fingerprint'][:12]})"
            facts[f"{kind}.{key}.withdrawn"] = part.get("n_withdrawn")
    for name in ("n_rows", "rmstore", "duckdb", "created_at"):
        facts[name] = said.get(name)
    return facts


def _rows(store: Store, side: Recorded, dirs: Sequence[str | Path], trust: bool) -> pa.Table:
    """Return the rows that a run wrote; where they were not kept, those of the run done again."""
    if side.file is not None and side.file.suffix.lower() == ".parquet":
        return record.rows(store, side)
    fresh = repeat(store, side, dirs=dirs, trust=trust).table
    return fresh if side.file is None else record.rows(store, side, like=fresh)


def _paired(
    store: Store, sides: Sequence[Recorded], line: Comparison | None, dirs: Sequence[str | Path], trust: bool
) -> tuple[pa.Table | None, list[str]]:
    """Return the measure of both runs paired group by group, or None and why."""
    if line is None:
        return None, ["no interval: the report has no line 'compare' in its header"]
    if sides[0].provenance["compare"]:
        return None, ["no interval: these runs are comparisons themselves"]
    try:
        left, right = (units(store, *job_of(store, side, dirs=dirs, trust=trust)) for side in sides)
    except RmstoreError as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        return None, [f"no interval: {problem.problem}{hint}"]
    table = compare.pair(store, line, left, right)
    return table, compare.notes(table)


def _joined(
    store: Store, tables: Sequence[pa.Table], keys: tuple[str, ...], paired: pa.Table | None, line: Comparison | None
) -> pa.Table:
    """Return both tables side by side in the order of the left one: keys, measure, paired measure, the rest."""
    left, right = _matched(store, keys, *tables)
    columns: dict[str, pa.ChunkedArray] = {}
    for field in tables[0].schema:
        name, one, other = field.name, left[field.name], right[field.name]
        if name in keys:
            columns[name] = pc.coalesce(one, other.cast(one.type))
            continue
        columns |= {f"{name}_left": one, f"{name}_right": other}
        if _is_number(one.type) and _is_number(other.type):
            kind = pa.int64() if pa.types.is_integer(one.type) and pa.types.is_integer(other.type) else pa.float64()
            columns[f"{name}_difference"] = pc.subtract(one.cast(kind), other.cast(kind))
    first = {name: columns[name] for name in keys}
    if line is not None:
        first |= {name: columns[name] for name in (f"{line.metric}_{end}" for end in ENDS) if name in columns}
    if paired is not None and line is not None:
        whole = pa.table(columns)
        found = _matched(store, keys, whole, paired)[1].slice(0, whole.num_rows)  # cells that no row shows go
        names = (compare.number_of(line), "difference", "low", "high", "z")
        first |= {name: found[source] for name, source in zip(PAIRED, names, strict=True)}
    return pa.table({**first, **{name: column for name, column in columns.items() if name not in first}})


def _matched(store: Store, keys: tuple[str, ...], left: pa.Table, right: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return two tables of one length, rows of the same keys beside each other; what one side lacks is NULL there."""
    parts = {"keys": listed(keys), "grouped": ", ".join(map(quote_identifier, keys)) or "()"}
    with store.cursor() as cursor:
        for name, table in (("rows_left", left), ("rows_right", right)):
            only = table.select(list(keys)).append_column("place", pa.array(range(table.num_rows), pa.int64()))
            cursor.register(name, only)
        places = store.arrow(cursor, fill_in(statement("reports/match"), parts))
    return left.take(places["place_left"]), right.take(places["place_right"])


def _check_keys(keys: tuple[str, ...], tables: Sequence[pa.Table]) -> None:
    for side, table in zip(("left", "right"), tables, strict=True):
        if not _is_unique(table, keys):
            raise ReportError(f"several rows of the {side} run have the same {', '.join(keys) or 'place'}")


def _is_unique(table: pa.Table, keys: tuple[str, ...]) -> bool:
    if not keys:
        return bool(table.num_rows <= 1)
    return bool(table.group_by(list(keys)).aggregate([]).num_rows == table.num_rows)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
