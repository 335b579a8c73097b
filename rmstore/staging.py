"""One data file through temporary tables: read as JSON, made records by an adapter, given ids, inserted where new."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from rmstore import resources
from rmstore.adapters import arrays, files, lines
from rmstore.adapters.base import Adapter
from rmstore.adapters.files import DataFile
from rmstore.adapters.side_file import BadRow
from rmstore.errors import BadFileError, QueryError
from rmstore.store import Store, fill_in, quote_identifier, statement

_TABLES = ("prompts", "prompt_sources", "responses", "generations", "preferences", "ratings", "steps", "step_labels")
_MACROS = ("macros", "macros_json")
_SLICE = 100_000
"""Rows of a file that are made records at a time."""

_NEVER = "\x01no text of a csv file\x01"


class RefusedFileError(Exception):
    """A file that could not be read in one way; the transaction is over, and the next way may do better."""

    def __init__(self, file: DataFile, problem: str) -> None:
        super().__init__(problem)
        self.file, self.problem = file, problem


class Stage:
    """The temporary tables of one file, inside the transaction of a cursor."""

    def __init__(self, store: Store, cursor: duckdb.DuckDBPyConnection, file: DataFile) -> None:
        self.store, self.cursor, self.file = store, cursor, file
        self.clear()
        for name in _MACROS:
            store.execute(cursor, statement(f"ingest/{name}"))

    def run(self, name: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run ``sql/queries/ingest/<name>.sql`` and return its rows."""
        return self.store.rows(statement(f"ingest/{name}"), params, cursor=self.cursor)

    def clear(self) -> None:
        """Drop the temporary tables."""
        self.run("clear")

    def read(self, way: str, sha256: str, beside: DataFile | None = None) -> None:
        """Read the file into ``_rm_raw``, one line per row, in the order of the file.

        Args:
            way: one of the file's ways.
            sha256: hash of the file, which names what an array holds.
            beside: what stands beside an array, which is read with it.

        Raises:
            RefusedFileError: it cannot be read this way.
        """
        if way == "npy":
            self.cursor.register("_rm_lines", arrays.rows(self.file.path, sha256, beside.path if beside else None))
            self.run("read_npy")
            self.cursor.unregister("_rm_lines")
        else:
            self._read(self.file, way)

    def read_beside(self, file: DataFile, way: str) -> None:
        """Read a file that the adapter joins with the one that is ingested into ``_rm_beside``.

        Raises:
            RefusedFileError: it cannot be read this way.
        """
        self._read(file, way)
        self.run("keep_beside")

    def _read(self, file: DataFile, way: str) -> None:
        path = {"path": glob.escape(str(file.path))}  # the engine would read other files that match a[b].csv
        if way == "lines":
            self.cursor.register("_rm_lines", lines.read(file))
            self.run("read_lines")
            self.cursor.unregister("_rm_lines")
            return
        try:
            if way == "parquet":
                with files.unpacked(file) as unpacked:
                    self.run("read_parquet", {"path": glob.escape(str(unpacked))})
            elif way == "csv":
                columns = dict.fromkeys(files.csv_header(file), "VARCHAR")
                self.run("read_csv", {**path, "columns": columns, "delimiter": file.delimiter, "never": _NEVER})
            else:
                self.run("read_json", {**path, "layout": way})
        except QueryError as problem:
            raise RefusedFileError(file, problem.problem) from problem

    def convert(self, adapter: Adapter, *, subset: str | None, split: str | None) -> tuple[int, int]:
        """Make records of the rows, and return how many there are and how many of them are bad.

        Raises:
            BadFileError: the file has no rows.
        """
        parts = {
            "adapter": resources.text("sql", f"queries/ingest/{adapter.sql}.sql"),
            "fields": _struct(adapter.columns, "texts"),
            "kinds": _struct(adapter.columns, "kinds"),
            "remarks": "remarks" if adapter.has_remarks else "null::varchar[]",
        }
        sql = fill_in(resources.text("sql", "queries/ingest/source.sql"), parts)
        values = _parameters(adapter, subset=subset, split=split)
        n_raw = self.run("count_raw")[0]["n"]
        for first in range(1, max(n_raw, 1) + 1, _SLICE):
            into = "insert into _rm_records" if first > 1 else "create temp table _rm_records as"
            self.store.check()
            self.store.rows(
                fill_in(sql, {"into": into}), {**values, "first": first, "last": first + _SLICE - 1}, cursor=self.cursor
            )
        n_rows, n_bad, last_row = self.run("count_rows")[0].values()
        if not n_rows:
            raise BadFileError(f"{self.file.shown} has no rows", hint="an ingest needs at least one row")
        if last_row != n_rows:
            raise RuntimeError(f"{n_rows} rows are numbered up to {last_row}")
        return n_rows, n_bad

    def bad_rows(self, limit: int | None) -> list[BadRow]:
        """Return the bad rows with their reasons, in the order of the file."""
        rows = self.run("bad_rows", {"n": limit})
        numbers: dict[int, int] = {}
        if self.file.type == "jsonl" and rows and rows[0]["line"] is None:
            numbers = lines.line_numbers(self.file, (row["row"] for row in rows))
        bad = []
        for row in rows:
            line = row["line"] or numbers.get(row["row"])
            reason = lines.explain_json(row["raw"]) if row["problem"] == "not valid JSON" else row["problem"]
            place = f"line {line}" if line else f"record {row['row']}"
            bad.append(BadRow(self.file.shown, place, reason, row["raw"]))
        return bad

    def give_ids(self, dataset: str, source_kind: str | None) -> None:
        """Spread the records over one line per response, vote, rating and step, with their ids."""
        self.run("stage_items", {"dataset": dataset})
        self.run("stage_votes", {"dataset": dataset, "source": source_kind})
        self.run("stage_ratings", {"dataset": dataset})
        self.run("stage_steps", {"source": source_kind})

    def insert(self, dataset: str, dataset_id: int, file_id: int) -> dict[str, int]:
        """Insert what the store does not have, and return how many lines went into each table."""
        place = {"dataset_id": dataset_id, "file_id": file_id}
        wants: dict[str, dict[str, Any]] = {
            "prompt_sources": place,
            "generations": {"dataset_id": dataset_id},
            "preferences": place,
            "ratings": {"dataset_id": dataset_id},
            "step_labels": {"dataset_id": dataset_id},
        }
        return {table: next(iter(self.run(f"insert_{table}", wants.get(table))[0].values())) for table in _TABLES}


def _parameters(adapter: Adapter, *, subset: str | None, split: str | None) -> dict[str, Any]:
    """Return the values that ``source.sql`` and the adapter's own SQL take."""
    columns = adapter.columns
    subset_column = adapter.values["subset_column"] if subset is None else None
    split_column = adapter.values["split_column"] if split is None else None
    usual = [rf"({'|'.join(column.accepts)}{'' if column.required else '|NULL|-'})" for column in columns.values()]
    stored = [name for name, column in columns.items() if column.is_stored]
    extra = [name for name in (subset_column, split_column) if name]
    read = [*columns, *extra]
    return {
        "names": list(columns),
        "pointers": [_pointer(name) for name in read],
        "stored": json.dumps(dict.fromkeys([*stored, *extra])),
        "usual": " ".join(usual + ["[A-Z-]*"] * len(extra)),
        "required": [column.required for column in columns.values()],
        "accepts": [column.accepts for column in columns.values()],
        "wanted": [" or ".join(f"a {kind}" for kind in column.kinds) for column in columns.values()],
        "subset": subset,
        "subset_at": read.index(subset_column) + 1 if subset_column else None,
        "split": split,
        "split_at": read.index(split_column) + 1 if split_column else None,
        **adapter.parameters(),
    }


def _struct(names: Iterable[str], values: str) -> str:
    """Return a struct that gives each column its place in a list; quoted names are all that varies."""
    fields = (f"{quote_identifier(name)} := {values}[{place}]" for place, name in enumerate(names, 1))
    return f"struct_pack({', '.join(fields)})"


def _pointer(name: str) -> str:
    """Return the JSON pointer of a key."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
