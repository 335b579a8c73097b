"""Snapshots from folders: everything is checked before anything is stored, and nothing in a folder is ever run.

What the store has already is not added twice. Content is one transaction, vectors are one per slice, the snapshot
itself is the last: killed at any moment, the same import run again finishes the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from rmstore import references, snapshots
from rmstore.errors import InputError, StoreError
from rmstore.hashing import canonical_json
from rmstore.records import Progress, SnapshotInfo, silent
from rmstore.snapshot_check import Parcel, check_contents, check_members, plain_place, read_folder, usable, view_of
from rmstore.snapshot_folder import TABLES
from rmstore.store import Store, fill_in, statement, utc_now
from rmstore.vectors import encoder_number, vectors_table

SLICE = 65_536
"""Vectors that are committed at a time."""

_LAST = "g"
"""Comes after every id, which is of hexadecimal digits."""


@dataclass(frozen=True)
class SnapshotImport:
    """An imported snapshot version.

    Attributes:
        info: the version here.
        is_new: False where the store had it already.
        counts: rows that were new to the store, by table; ``vectors`` and ``renderings`` count those of all parts.
    """

    info: SnapshotInfo
    is_new: bool
    counts: Mapping[str, int]


def import_folder(
    store: Store, folder: Path, name: str | None = None, *, progress: Progress = silent
) -> SnapshotImport:
    """Store the snapshot of a folder as the next version of its name.

    A version of that name with the same members, encoder and configuration is given back instead. Data sets are joined
    by name, responses and all else by content id, vectors by encoder key and text: a text that has a vector from this
    encoder here keeps it.

    Args:
        store: an open store.
        folder: what :func:`rmstore.snapshot_folder.export_folder` wrote.
        name: name of the snapshot here; its own by default.
        progress: told at every step.

    Raises:
        BadFileError: a file is missing, changed, too many, no plain file, or holds what no snapshot holds.
        InputError: a data set of the same name is here under another licence.
        InvalidNameError: the name, or that of a data set, is none.
        StoreError: the store is open read-only, or another thread removed what was stored already.
        Interrupted: Ctrl-C arrived; what was committed stays, and the same import goes on from there.
    """
    store.check_writable("import")
    cursor = store.cursor()
    with store.interruptible(cursor), plain_place(folder) as place:
        parcel = read_folder(store, folder, place, progress)
        name = references.valid_name(name or parcel.snapshot["name"], kind="snapshot")
        check_members(store, cursor, parcel)
        for info in snapshots.list_snapshots(store, name):
            if _is_same(store, info, parcel.snapshot):
                parcel.refuse_changed()
                return SnapshotImport(info, is_new=False, counts={})
        check_contents(store, cursor, parcel, progress)
        _check_licences(store, cursor)
        parcel.refuse_changed()
        counts = _store_content(store, parcel)
        for part in parcel.parts:
            for table, n in _store_vectors(store, cursor, parcel, part, progress).items():
                counts[table] = counts.get(table, 0) + n
        return SnapshotImport(_store_snapshot(store, parcel, name), is_new=True, counts=counts)


def _is_same(store: Store, info: SnapshotInfo, said: Mapping[str, Any]) -> bool:
    """Return whether a version here is that of a folder: frozen alike, and the same members are left of it."""
    if (info.fingerprint, info.n_withdrawn) != (said["fingerprint"], said["n_withdrawn"]):
        return False
    if not info.n_withdrawn:
        return True
    with store.cursor() as cursor:
        _run(store, cursor, "snapshots/restore_members", {"snapshot_id": info.snapshot_id})
        _, ids = snapshots.frozen_members(store, cursor)
    return snapshots.content_fingerprint(info, ids) == said["members_fingerprint"]


def _check_licences(store: Store, cursor: duckdb.DuckDBPyConnection) -> None:
    for dataset, here, there in store.execute(cursor, statement("exchange/checks/licences")).fetchall():
        raise InputError(
            f"data set {dataset!r} has licence {here!r} here and {there!r} in the folder",
            hint="find out which one holds; the one here changes with the next file, rmstore ingest FILE --license",
        )


def _store_content(store: Store, parcel: Parcel) -> dict[str, int]:
    """Add what the store lacks, in one transaction, and return how many rows of each table that was."""
    counts = {}
    with store.atomic() as cursor:
        parcel.open(store, cursor)
        for table in TABLES:
            store.check()
            values = {"now": utc_now()} if table == "datasets" else None
            with usable(table):
                counts[table] = int(_run(store, cursor, f"exchange/import/{table}", values)[0][0])
            if table == "datasets":
                _run(store, cursor, "exchange/import/licences")
                _run(store, cursor, "exchange/import/homes")
            if table == "dataset_files":
                _run(store, cursor, "exchange/import/files")
        parcel.refuse_changed()
    return counts


def _store_vectors(
    store: Store, cursor: duckdb.DuckDBPyConnection, parcel: Parcel, part: str, progress: Progress
) -> dict[str, int]:
    """Commit the vectors of a part slice by slice, each with the renderings that point at them."""
    counts = {"vectors": 0, "renderings": 0}
    view = view_of(f"vectors_{part}")
    query = statement("exchange/import/slices", view=view)
    firsts = [row[0] for row in store.execute(cursor, query, {"size": SLICE}).fetchall()]
    for done, (first, after) in enumerate(zip(firsts, [*firsts[1:], _LAST], strict=True)):
        store.check()
        progress(done, len(firsts), f"vectors of part {part}")
        insert = statement("exchange/import/vectors", view=view, vectors=vectors_table(parcel.spec))
        with _writing(store, parcel) as (writer, encoder_id):
            values = {"encoder_id": encoder_id, "first": first, "next": after}
            parcel.open(store, writer)
            with usable(f"vectors_{part}"):
                added = store.execute(writer, fill_in(insert, {"stored": parcel.stored}), values).fetchall()
                counts["vectors"] += int(added[0][0])
                added = _run(store, writer, "exchange/import/renderings", {**values, "part": part}, view=view)
                counts["renderings"] += int(added[0][0])
            parcel.refuse_changed()
    return counts


@contextmanager
def _writing(store: Store, parcel: Parcel) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
    """Give a cursor inside one transaction and the number of the encoder, which ``gc`` may have taken meanwhile."""
    with store.lock:
        encoder_id = encoder_number(store, parcel.spec)
        with store.atomic() as cursor:
            yield cursor, encoder_id


def _store_snapshot(store: Store, parcel: Parcel, name: str) -> SnapshotInfo:
    """Enter the version with its members and where it came from, in one transaction."""
    said = parcel.snapshot
    with _writing(store, parcel) as (cursor, encoder_id):
        versions = snapshots.list_snapshots(store, name)
        parcel.open(store, cursor)
        _refuse_lost(store, cursor, parcel, encoder_id)
        snapshot_id, version = _run(store, cursor, "snapshots/next", {"name": name})[0]
        values = {
            **{key: said[key] for key in ("layout", "where", "datasets", "n_rows", "fingerprint", "author", "message")},
            "snapshot_id": snapshot_id,
            "name": name,
            "version": version,
            "encoder_id": encoder_id,
            "parent": versions[-1].snapshot_id if versions else None,
            "now": utc_now(),
        }
        _run(store, cursor, "snapshots/insert", values)
        only = {"snapshot_id": snapshot_id}
        _run(store, cursor, "exchange/import/withdrawn", {**only, "n_withdrawn": said["n_withdrawn"]})
        for row in parcel.said["withdrawals"]:
            lost = {"dataset": row["dataset"], "n": row["n_responses"], "reason": row["reason"]}
            when = datetime.fromisoformat(row["withdrawn_at"])
            _run(store, cursor, "exchange/import/withdrawals", {**only, **lost, "withdrawn_at": when})
        with usable("responses"):
            _run(store, cursor, "exchange/import/insert_members", only)
        origin = canonical_json(_origin(parcel))
        _run(store, cursor, "exchange/import/origin", {**only, "facts": origin, "now": values["now"]})
        store.check()
        parcel.refuse_changed()
    return snapshots.resolve(store, f"{name}@{version}")


def _refuse_lost(store: Store, cursor: duckdb.DuckDBPyConnection, parcel: Parcel, encoder_id: int) -> None:
    """Refuse to enter a version of which another thread dropped or collected something since it was stored."""
    n_lost = int(_run(store, cursor, "exchange/import/count_gone")[0][0])
    for part in parcel.parts:
        values = {"encoder_id": encoder_id, "part": part}
        found = _run(store, cursor, "exchange/import/count_lost", values, vectors=vectors_table(parcel.spec))
        n_lost += int(found[0][0])
    if n_lost:
        raise StoreError(
            f"{n_lost} responses, or their vectors, were removed while the others were imported",
            hint="import it again, and drop data sets or collect garbage only when it is done",
        )


def _origin(parcel: Parcel) -> dict[str, Any]:
    said = parcel.snapshot
    return {
        "reference": f"{said['name']}@{said['version']}",
        "author": said["author"],
        "created_at": said["created_at"],
        "encoder": parcel.said["encoder"]["name"],
        "rmstore_version": parcel.said["rmstore_version"],
        "duckdb_version": parcel.said["duckdb_version"],
        "members_fingerprint": said["members_fingerprint"],
        "dropped_datasets": parcel.said["dropped_datasets"],
    }


def _run(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    name: str,
    values: Mapping[str, Any] | None = None,
    **identifiers: str,
) -> list[tuple[Any, ...]]:
    return store.execute(cursor, statement(name, **identifiers), values).fetchall()
