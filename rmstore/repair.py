"""Repairs of a store: what can be rebuilt from what is there, each in one transaction, and nothing by guessing.

Rows that nobody owns go, rows that stand twice lose their copies, checksums that are missing are computed: each of
these is a statement of sql/queries/doctor/repairs. Vectors that are damaged or missing are embedded again from texts.
Counts, fingerprints, ids and content are never changed: what they ought to be cannot be known from a damaged store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from rmstore import resources
from rmstore.doctor import VectorTable, missing_renderings, vector_tables
from rmstore.embedding_job import EmbeddingJob
from rmstore.encoders.base import Encoder
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError, RmstoreError
from rmstore.records import Progress, SnapshotInfo, silent
from rmstore.snapshots import kept_snapshots
from rmstore.store import Store, fill_in, quote_identifier, statement
from rmstore.vectors import encoder_specs, find_encoder

_HEADER = re.compile(r"^-- (repair|each): *(.+)$", re.MULTILINE)

_DAMAGED = "vectors of encoder {}, damaged or missing"
_LACKING = "texts of snapshot {}, embedded again"


class _UndoError(Exception):
    """Leaves a transaction without a trace, for a dry run."""


@dataclass(frozen=True)
class Repair:
    """What one repair did, or could not do.

    Attributes:
        what: in words.
        n: rows it concerns.
        problem: why it was not done, and what to do instead; empty where it was.
    """

    what: str
    n: int
    problem: str = ""

    def row(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Return the repair as a row of a table."""
        state = "not possible" if self.problem else "would be done" if dry_run else "done"
        return {"repair": self.what, "state": state, "n": self.n, "why not": self.problem}


def repair(store: Store, *, dry_run: bool = False, progress: Progress = silent) -> list[Repair]:
    """Repair what can be rebuilt and return what was done; what needed nothing is not there.

    Args:
        store: an open store.
        dry_run: do everything but embedding, and undo it.
        progress: told which repair runs, and what is embedded.

    Raises:
        StoreError: the store is open read-only.
        Interrupted: Ctrl-C arrived; repairs that were done stay, and the next run goes on.
    """
    store.check_writable("repair it")
    if dry_run:
        return _rehearsed(store)
    done = []
    statements = list(_statements(store))
    for number, (what, texts) in enumerate(statements):
        progress(number, len(statements), what)
        with store.atomic() as cursor:
            done.append(Repair(what, _run(store, cursor, texts)))
    for table in vector_tables(store):
        for row in store.run("doctor/encoders_of_table", {"table": table.name}):
            done.append(_replaced(store, table, row["encoder_id"], row["name"], progress))
    done += [_completed(store, info, progress) for info in kept_snapshots(store)]
    return [one for one in done if one.n]


def _rehearsed(store: Store) -> list[Repair]:
    """Do all but embedding in one transaction, so that each repair sees what those before it left, and undo it."""
    done = []
    with suppress(_UndoError), store.atomic() as cursor:
        done = [Repair(what, _run(store, cursor, texts)) for what, texts in _statements(store)]
        for table in vector_tables(store):
            for row in store.run("doctor/encoders_of_table", {"table": table.name}):
                done.append(Repair(_DAMAGED.format(row["name"]), _damaged(store, cursor, table, row["encoder_id"])))
        raise _UndoError
    done += [Repair(_LACKING.format(info.reference), missing_renderings(store, info)[0]) for info in
             kept_snapshots(store)]  # fmt: skip
    return [one for one in done if one.n]


def _statements(store: Store) -> Iterator[tuple[str, list[str]]]:
    """Give every repair that is SQL: what it does, and one statement or one for each table that its header names."""
    for name in resources.names("sql", "queries/doctor/repairs"):
        text = resources.text("sql", f"queries/doctor/repairs/{name}")
        header = dict(_HEADER.findall(text))
        texts = [text]
        if header.get("each") == "embedding table":
            texts = [table.fill(text) for table in vector_tables(store)]
        elif "each" in header:
            names = [name.strip() for name in header["each"].split(",")]
            texts = [fill_in(text, {"table": quote_identifier(name)}) for name in names]
        yield header["repair"], texts


def _run(store: Store, cursor: duckdb.DuckDBPyConnection, texts: list[str]) -> int:
    """Run statements and return how many rows they changed."""
    n = 0
    for text in texts:
        store.check()
        n += int(store.execute(cursor, text).fetchall()[0][0])
    return n


def _damaged(store: Store, cursor: duckdb.DuckDBPyConnection, table: VectorTable, encoder_id: int) -> int:
    """Put the texts of an encoder whose vectors are damaged into ``_rm_damaged`` and return how many there are."""
    text = table.fill(statement("doctor/find_damaged"))
    return int(store.execute(cursor, text, {"encoder_id": encoder_id}).fetchall()[0][0])


def _replaced(store: Store, table: VectorTable, encoder_id: int, name: str, progress: Progress) -> Repair:
    """Remove the damaged vectors of an encoder; those of steps are embedded here, others where snapshots need them."""
    what, given = _DAMAGED.format(name), {"encoder_id": encoder_id}
    cursor = store.cursor()
    n = _damaged(store, cursor, table, encoder_id)
    if not n:
        return Repair(what, 0)
    try:
        encoder = _embedder(store, name)
    except RmstoreError as problem:
        return Repair(what, n, f"{problem.problem}; they stay as they are")
    store.execute(cursor, statement("doctor/hold_steps"), given).fetchall()
    damaged = store.arrow(cursor, "select text_id from _rm_damaged")
    with store.atomic() as writer:
        writer.register("_rm_ids", damaged)
        for delete in ("delete_renderings", "delete_vectors"):
            store.execute(writer, table.fill(statement(f"doctor/{delete}")), given).fetchall()
    _embed(store, cursor, encoder, encoder_id, ("step",), progress)
    return Repair(what, n)


def _completed(store: Store, info: SnapshotInfo, progress: Progress) -> Repair:
    """Embed what the members of a snapshot lack."""
    what = _LACKING.format(info.reference)
    n, _ = missing_renderings(store, info)
    if not n:
        return Repair(what, 0)
    try:
        encoder = _embedder(store, info.encoder)
    except RmstoreError as problem:
        return Repair(what, n, str(problem.problem))
    cursor = store.cursor()
    store.execute(cursor, statement("doctor/hold_members"), {"snapshot_id": info.snapshot_id}).fetchall()
    _embed(store, cursor, encoder, info.encoder_id, parse_layout(info.layout).parts, progress)
    return Repair(what, n - missing_renderings(store, info)[0])


def _embedder(store: Store, name: str) -> Encoder:
    """Return the encoder that made vectors of the store, before any of them is removed.

    Raises:
        InputError: they were imported; or its model is not there, or not the same.
    """
    if encoder_specs(store)[name].kind == "imported":
        raise InputError(f"the vectors of encoder {name!r} were imported: import these again, rmstore import-vectors")
    return find_encoder(store, name)


def _embed(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    encoder: Encoder,
    encoder_id: int,
    parts: tuple[str, ...],
    progress: Progress,
) -> None:
    with store.interruptible(cursor):
        EmbeddingJob(store, cursor, encoder, encoder_id, encoder.commit_size, progress).run(parts)
