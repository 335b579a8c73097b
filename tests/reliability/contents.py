"""What a store and the files beside it hold, without what differs between two runs of the same work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from rmstore.store import Store, quote_identifier

VOLATILE = {"created_at", "ingested_at", "withdrawn_at", "applied_at", "rolled_back_at", "seconds", "run_id"}
"""Columns that say when, how long, or by which random id."""
COUNTS_RUNS = {"embedding_runs"}
"""Tables with a row per run: work that was killed and finished took two runs."""


def of_store(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table, sorted; times are left out, ``dropped_at`` says whether there is one."""
    found = {}
    for (table,) in store.cursor().execute(
        "select table_name from duckdb_tables() where database_name = 'rm' order by all"
    ).fetchall():  # fmt: skip
        if table in COUNTS_RUNS:
            continue
        wanted = [
            f"{quote_identifier(column)} is not null" if column == "dropped_at" else quote_identifier(column)
            for (column,) in store.cursor().execute(
                "select column_name from duckdb_columns() where database_name = 'rm' and table_name = $table "
                "order by column_index",
                {"table": table},
            ).fetchall()
            if column not in VOLATILE
        ]  # fmt: skip
        kept = "where key <> 'created_at'" if table == "_rm_meta" else ""
        query = f"select {', '.join(wanted)} from rm.main.{quote_identifier(table)} {kept} order by all"
        found[table] = store.cursor().execute(query).fetchall()
    return found


def of_folder(folder: Path, *, store: str) -> dict[str, Any]:
    """Return every file of a folder but the store with its content; Parquet as its sorted rows."""
    return {
        str(path.relative_to(folder)): _file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {store, f"{store}.wal"}
    }


def _file(path: Path) -> Any:
    if path.suffix != ".parquet":
        return path.read_bytes()
    return sorted((str(row) for row in pq.read_table(path).to_pylist()), key=str)


def unlike(left: dict[str, list[tuple[Any, ...]]], right: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    """Return what differs between the rows of two stores; components of vectors may differ by 1e-5."""
    told = [f"table {name} is in one store alone" for name in sorted(left.keys() ^ right.keys())]
    for name in sorted(left.keys() & right.keys()):
        if len(left[name]) != len(right[name]):
            told.append(f"{name}: {len(left[name])} rows against {len(right[name])}")
        else:
            pairs = zip(left[name], right[name], strict=True)
            wrong = [(a, b) for a, b in pairs if not _same_row(a, b, vectors=name.startswith("embeddings_"))]
            told += [f"{name}: {a!r:.300} against {b!r:.300}" for a, b in wrong[:2]]
    return told


def _same_row(a: tuple[Any, ...], b: tuple[Any, ...], *, vectors: bool) -> bool:
    if a == b:
        return True
    return vectors and len(a) == len(b) and all(
        np.allclose(x, y, rtol=0, atol=1e-5) if isinstance(x, tuple | list) else x == y
        for x, y in zip(a, b, strict=True)
    )  # fmt: skip
