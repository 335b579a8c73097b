"""What a store holds, and whether it is sound: nearly every check is a query of sql/queries/doctor/checks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb

import rmstore
from rmstore import migrate, resources
from rmstore.encoders.layouts import parse_layout
from rmstore.precision import stored_width
from rmstore.records import Progress, SnapshotInfo, silent
from rmstore.snapshots import content_fingerprint, kept_snapshots, list_snapshots
from rmstore.store import Store, fill_in, quote_identifier, statement
from rmstore.vectors import vectors_relation

SAMPLE = 10_000
"""Content ids and checksums of each kind that are computed again unless all are asked for."""

_HEADER = re.compile(r"^-- (check|hint|each|level): *(.+)$", re.MULTILINE)
_VECTORS = re.compile(r"embeddings_(\d+)_(\w+)")


@dataclass(frozen=True)
class Finding:
    """What one check found; ``n`` is 0 where everything is in order.

    Attributes:
        check: what is checked, in words.
        n: rows that are wrong.
        examples: up to three of them.
        hint: what to do about it.
        level: ``error`` for what is wrong, ``note`` for what may be as it is, such as garbage.
    """

    check: str
    n: int
    examples: tuple[str, ...]
    hint: str
    level: str = "error"

    @property
    def is_wrong(self) -> bool:
        """True where something is damaged."""
        return bool(self.n) and self.level == "error"

    def row(self) -> dict[str, Any]:
        """Return the finding as a row of a table."""
        state = "ok" if self.n == 0 else "WRONG" if self.is_wrong else "note"
        return {"check": self.check, "state": state, "n": self.n, "examples": ", ".join(self.examples)}


@dataclass(frozen=True)
class VectorTable:
    """A table of vectors: its width and how they are stored."""

    name: str
    dim: int
    precision: str

    def fill(self, text: str) -> str:
        """Return SQL over the table: ``{table}``, ``{vectors}`` as floats, ``{stored}`` for their checksum."""
        stored = "embedding, scale" if self.precision == "i8" else "embedding"
        parts = {"table": quote_identifier(self.name), "vectors": vectors_relation(self), "stored": stored}
        return fill_in(text, parts)


def check(store: Store, *, everything: bool = False, progress: Progress = silent) -> list[Finding]:
    """Run every check and return what each found.

    Args:
        store: an open store; nothing is written.
        everything: compute all content ids and checksums again instead of those of a sample.
        progress: called with checks done.
    """
    names = resources.names("sql", "queries/doctor/checks")
    total = len(names) + len(_COMPUTED)
    findings = []
    for done, name in enumerate(names):
        store.check()
        text = resources.text("sql", f"queries/doctor/checks/{name}")
        header = dict(_HEADER.findall(text))
        progress(done, total, header["check"])
        params = {"sample": None if everything else SAMPLE} if "$sample" in text else {}
        found = [_found(store, sql, {**params, **table}) for sql, table in _texts(store, text, header)]
        findings.append(_finding(header["check"], found, header["hint"], header.get("level", "error")))
    for done, (name, hint, compute) in enumerate(_COMPUTED, len(names)):
        store.check()
        progress(done, total, name)
        findings.append(_finding(name, compute(store), hint))
    progress(total, total, "")
    return findings


def vector_tables(store: Store) -> list[VectorTable]:
    """Return the tables that hold vectors."""
    found = [_VECTORS.fullmatch(row["table_name"]) for row in store.run("doctor/embedding_tables")]
    return [VectorTable(match[0], int(match[1]), match[2]) for match in found if match]


def missing_renderings(store: Store, info: SnapshotInfo) -> tuple[int, list[str]]:
    """Return how many items of a snapshot's members have no text under its encoder, and three of them."""
    parts = list(parse_layout(info.layout).parts)
    wanted = {"snapshot_id": info.snapshot_id, "encoder_id": info.encoder_id, "parts": parts}
    return _found(store, statement("doctor/missing_renderings"), wanted)


def facts(store: Store) -> dict[str, Any]:
    """Return what the file is: versions, format, and how large each part of it is, in bytes."""
    space = store.run("doctor/space")[0]
    block = space["block_size"] or 0
    meta = dict(store.execute(store.cursor(), "select key, value from rm.main._rm_meta").fetchall())
    tables = []
    for row in store.run("doctor/tables"):
        n_blocks = store.run("doctor/blocks", {"table": row["table"]})[0]["n_blocks"]
        tables.append({**row, "bytes": n_blocks * block})
    return {
        "store": str(store.path or "in memory"),
        "rmstore": rmstore.__version__,
        "made by rmstore": meta.get("created_by"),
        "id version": meta.get("id_version"),
        "migrations": ", ".join(row["name"] for row in migrate.applied(store.con).values()),
        "duckdb": duckdb.__version__,
        "storage version": space["storage_version"],
        "file": store.path.stat().st_size if store.path else 0,
        "write-ahead log": _size(store) - (store.path.stat().st_size if store.path else 0),
        "free": space["free_blocks"] * block,
        "tables": tables,
        "vectors": [row for table in vector_tables(store) for row in _stored(store, table)],
    }


def _stored(store: Store, table: VectorTable) -> list[dict[str, Any]]:
    width = stored_width(table.dim, table.precision)
    rows = store.run("doctor/vectors", table=table.name)
    return [{"encoder": row["encoder"], "table": table.name, "vectors": row["n"], "bytes": row["n"] * width}
            for row in rows]  # fmt: skip


def _texts(store: Store, text: str, header: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Return the statements of a check with their parameters: one, or one for each table of vectors."""
    if header.get("each") != "embedding table":
        return [(text, {})]
    return [(table.fill(text), {"table": table.name} if "$table" in text else {}) for table in vector_tables(store)]


def _found(store: Store, sql: str, params: dict[str, Any]) -> tuple[int, list[str]]:
    """Return how much a query for (example, n) finds, and three examples."""
    text = fill_in(statement("doctor/found"), {"check": sql.strip().rstrip(";")})
    ((n, examples),) = (row.values() for row in store.rows(text, params))
    return n, examples


def _finding(name: str, found: list[tuple[int, list[str]]], hint: str, level: str = "error") -> Finding:
    examples = [example for _, some in found for example in some]
    return Finding(name, sum(n for n, _ in found), tuple(examples[:3]), hint, level)


def _fingerprints(store: Store) -> list[tuple[int, list[str]]]:
    wrong = []
    for info in list_snapshots(store):
        if info.n_withdrawn:
            continue
        cursor = store.cursor()
        store.execute(cursor, statement("snapshots/restore_members"), {"snapshot_id": info.snapshot_id}).fetchall()
        digest = store.execute(cursor, statement("snapshots/fingerprint")).fetchall()[0][0]
        if content_fingerprint(info, digest) != info.fingerprint:
            wrong.append((1, [info.reference]))
    return wrong


def _unrendered(store: Store) -> list[tuple[int, list[str]]]:
    found = []
    for info in kept_snapshots(store):
        n, examples = missing_renderings(store, info)
        found.append((n, [f"{example} in {info.reference}" for example in examples]))
    return found


_COMPUTED: tuple[tuple[str, str, Callable[[Store], list[tuple[int, list[str]]]]], ...] = (
    (
        "snapshots match their fingerprints",
        "drop the snapshot and make it again; withdrawals are recorded and no damage",
        _fingerprints,
    ),
    (
        "every member of a snapshot has its texts",
        "rmstore doctor --repair embeds them again; imported vectors must be imported again",
        _unrendered,
    ),
)
"""Checks that Python computes: name, hint, and what gives counts with examples."""


def status(store: Store) -> dict[str, Any]:
    """Return figures of a store: versions, size, rows, data sets, encoders, snapshots, heads."""
    figures: dict[str, Any] = {
        "store": str(store.path or "in memory"),
        "size": _size(store),
        "rmstore": rmstore.__version__,
        "duckdb": duckdb.__version__,
        "created_at": store.value("select value from rm.main._rm_meta where key = 'created_at'"),
        "migrations": ", ".join(row["name"] for row in migrate.applied(store.con).values()),
    }
    figures |= store.run("doctor/counts")[0]
    vectors = [f"{store.value(statement('doctor/rows', table=name)):,} in {name}" for name in embedding_tables(store)]
    figures["embeddings"] = ", ".join(vectors) or "none"
    for name in ("datasets", "encoders", "snapshots", "heads"):
        figures[name] = store.run(f"doctor/{name}")
    return figures


def embedding_tables(store: Store) -> list[str]:
    """Return the names of the tables that hold vectors."""
    return [table.name for table in vector_tables(store)]


def _size(store: Store) -> int:
    if store.path is None:
        return 0
    wal = store.path.with_name(store.path.name + ".wal")
    return store.path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
