"""What a store holds, and whether it is sound: every check is a query of sql/queries/doctor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import duckdb

import rmstore
from rmstore import migrate, resources
from rmstore.records import Progress, silent
from rmstore.store import Store, statement

SAMPLE = 10_000
"""Content ids of each kind that are computed again unless all are asked for."""

_HEADER = re.compile(r"^-- (check|hint|each): *(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """What one check found; ``n`` is 0 where everything is in order.

    Attributes:
        check: what is checked, in words.
        n: rows that are wrong.
        examples: up to three of them.
        hint: what to do about it.
    """

    check: str
    n: int
    examples: tuple[str, ...]
    hint: str

    def row(self) -> dict[str, Any]:
        """Return the finding as a row of a table."""
        state = "ok" if self.n == 0 else "WRONG"
        return {"check": self.check, "state": state, "n": self.n, "examples": ", ".join(self.examples)}


def check(store: Store, *, everything: bool = False, progress: Progress = silent) -> list[Finding]:
    """Run every check and return what each found.

    Args:
        store: an open store; nothing is written.
        everything: compute all content ids again instead of those of a sample.
        progress: called with checks done.
    """
    names = resources.names("sql", "queries/doctor/checks")
    findings = []
    for done, name in enumerate(names):
        store.check()
        text = resources.text("sql", f"queries/doctor/checks/{name}")
        header = dict(_HEADER.findall(text))
        progress(done, len(names), header["check"])
        rows = _rows(store, f"doctor/checks/{name.removesuffix('.sql')}", header, text, everything=everything)
        examples = tuple(str(row["example"]) for row in rows[:3])
        findings.append(Finding(header["check"], sum(row["n"] for row in rows), examples, header["hint"]))
    progress(len(names), len(names), "")
    return findings


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
    return [row["table_name"] for row in store.run("doctor/embedding_tables")]


def _rows(store: Store, name: str, header: dict[str, str], text: str, *, everything: bool) -> list[dict[str, Any]]:
    params: dict[str, Any] = {"sample": None if everything else SAMPLE} if "$sample" in text else {}
    if header.get("each") != "embedding table":
        return store.run(name, params)
    rows = []
    for table in embedding_tables(store):
        rows += store.run(name, {"table": table} if "$table" in text else params, table=table)
    return rows


def _size(store: Store) -> int:
    if store.path is None:
        return 0
    wal = store.path.with_name(store.path.name + ".wal")
    return store.path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
