"""Snapshots: frozen sets of responses under one encoder and layout. No vector is ever copied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa

from rmstore import references, withdrawals
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError, UnknownNameError
from rmstore.hashing import fingerprint
from rmstore.records import SnapshotInfo
from rmstore.store import Store, statement, utc_now


@dataclass(frozen=True)
class NewSnapshot:
    """What a snapshot is made of.

    Attributes:
        name: name of the snapshot; the version is found.
        encoder_id: number of the encoder in the store.
        encoder_key: its fingerprint.
        layout: how the vector is put together from parts.
        datasets: data sets whose rows it shows.
        where: the filter that chose the responses.
        members: response ids, one column ``response_id`` without repeats.
        ids: fingerprint of the sorted response ids.
        author: who made it.
        message: why.
        parent: number of the version that it came from; None is the latest of its name.
    """

    name: str
    encoder_id: int
    encoder_key: str
    layout: str
    datasets: tuple[str, ...]
    where: str | None
    members: pa.Table
    ids: str
    author: str | None = None
    message: str | None = None
    parent: int | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of the members, the encoder and the configuration; names and notes stay out."""
        return content_fingerprint(self, self.ids)


def content_fingerprint(of: NewSnapshot | SnapshotInfo, ids: str) -> str:
    """Return the fingerprint of a snapshot whose sorted response ids have the fingerprint ``ids``."""
    return fingerprint(ids, of.encoder_key, of.layout, list(of.datasets), of.where)


def create(store: Store, new: NewSnapshot) -> tuple[SnapshotInfo, bool]:
    """Return the new version and True, or the latest version and False where it is the same already.

    A version that lost members to a dropped data set is not the same, though its fingerprint says what it was made of.
    One transaction makes the whole version. Most callers want ``embed``, which also sees to the vectors.
    """
    references.valid_name(new.name, kind="snapshot")
    parse_layout(new.layout)
    with store.atomic() as cursor:
        latest = _latest(_versions(store, new.name))
        if latest is not None and latest.fingerprint == new.fingerprint and not latest.n_withdrawn:
            return latest, False
        numbers = store.rows(statement("snapshots/next"), {"name": new.name}, cursor=cursor)[0]
        cursor.register("_rm_new_members", new.members)
        values = {
            **numbers,
            "name": new.name,
            "encoder_id": new.encoder_id,
            "layout": new.layout,
            "where": new.where,
            "datasets": list(new.datasets),
            "n_rows": new.members.num_rows,
            "fingerprint": new.fingerprint,
            "parent": new.parent if new.parent is not None or latest is None else latest.snapshot_id,
            "author": new.author,
            "message": new.message,
            "now": utc_now(),
        }
        store.check()
        store.execute(cursor, statement("snapshots/insert"), values)
        store.execute(cursor, statement("snapshots/insert_members"), {"snapshot_id": numbers["snapshot_id"]})
    return resolve(store, f"{new.name}@{numbers['version']}"), True


def frozen_members(store: Store, cursor: duckdb.DuckDBPyConnection) -> tuple[pa.Table, str]:
    """Return the table ``_rm_members`` of a cursor as arrow ids, with the fingerprint of the sorted ids."""
    store.check()
    digest = store.execute(cursor, statement("snapshots/fingerprint")).fetchall()[0][0]
    return store.arrow(cursor, statement("snapshots/members")), digest


def list_snapshots(store: Store, name: str | None = None) -> list[SnapshotInfo]:
    """Return every snapshot version that was not dropped, by name and version."""
    return [info for info, is_dropped in _versions(store, name) if not is_dropped]


def kept_snapshots(store: Store) -> list[SnapshotInfo]:
    """Return every version whose members and vectors stay: those not dropped, and those that a living head needs."""
    kept = {row["snapshot_id"] for row in store.run("snapshots/kept")}
    return [info for info, _ in _versions(store, None) if info.snapshot_id in kept]


def resolve(store: Store, reference: str) -> SnapshotInfo:
    """Return the version that a reference means: ``name`` and ``name@latest`` the latest, ``name@3``, ``name@TAG``.

    Raises:
        InvalidNameError: the reference is not one.
        UnknownNameError: there is no such name, version or tag.
        InputError: the version was dropped.
    """
    wanted = references.parse(reference, kind="snapshot")
    versions = _versions(store, wanted.name)
    latest = _latest(versions)
    number = wanted.version
    if latest is None and not any(info.version == number for info, _ in versions):
        raise UnknownNameError("snapshot", wanted.name, [row["name"] for row in store.run("snapshots/names")])
    known = [f"{wanted.name}@{info.version}" for info, is_dropped in versions if not is_dropped]
    if latest is not None and (wanted.tag == "latest" or (wanted.tag is None and number is None)):
        return latest
    if wanted.tag is not None:
        marks = {row["tag"]: row["version"] for row in store.run("snapshots/tags", {"name": wanted.name})}
        if wanted.tag not in marks:
            raise UnknownNameError("snapshot", reference, [*known, *(f"{wanted.name}@{tag}" for tag in marks)])
        number = marks[wanted.tag]
    for info, is_dropped in versions:
        if info.version == number:
            if is_dropped:
                others = ", ".join(known) or "no others"
                raise InputError(f"snapshot {info.reference!r} was dropped", hint=f"there are: {others}")
            return info
    raise UnknownNameError("snapshot", reference, known)


@contextmanager
def held(store: Store, reference: str, members: str) -> Iterator[tuple[SnapshotInfo, duckdb.DuckDBPyConnection]]:
    """Give a version and a cursor whose one transaction sees it as it is now, whatever other threads drop meanwhile.

    Args:
        store: where it is.
        reference: the version.
        members: statement that puts its members into the table ``_rm_members`` of the cursor.

    Raises:
        UnknownNameError: there is no such version.
        InputError: it was dropped.
    """
    cursor = store.cursor()
    try:
        with store.lock:  # a transaction sees what is there when it first reads
            info = resolve(store, reference)
            cursor.execute("begin transaction")
            store.execute(cursor, statement(members), {"snapshot_id": info.snapshot_id}).fetchall()
        yield info, cursor
    finally:
        with suppress(duckdb.Error):  # an interrupt ended it already
            cursor.execute("rollback")
        cursor.close()


def refuse_empty(info: SnapshotInfo, n_members: int) -> None:
    """Raise InputError for a version that has no member, or none any more."""
    if not n_members:
        raise InputError(
            f"all {info.n_withdrawn} responses of snapshot {info.reference!r} were withdrawn",
            hint=f"rmstore snapshot show {info.reference} says with which data sets",
        )


def show(store: Store, reference: str) -> dict[str, Any]:
    """Return what is known of a version: facts, parent, data sets with licences, origin, tags, heads, withdrawals."""
    info = resolve(store, reference)
    about = store.run("snapshots/about", {"snapshot_id": info.snapshot_id})[0]
    facts = {name: value for name, value in vars(info).items() if name not in ("snapshot_id", "encoder_id")}
    return {
        "snapshot": info.reference,
        **facts,
        "parent": about["parent"],
        "datasets": about["datasets"],
        "origin": json.loads(about["origin"] or "null"),
        "tags": [row["tag"] for row in _tags(store, info)],
        "heads": _heads(store, info),
        "withdrawals": withdrawals.of_snapshot(store, info.snapshot_id),
    }


def tag(store: Store, reference: str, name: str) -> SnapshotInfo:
    """Return the version after marking it; a tag that another version had moves here."""
    references.valid_tag(name)
    info = resolve(store, reference)
    with store.atomic() as cursor:
        store.execute(cursor, statement("snapshots/untag"), {"name": info.name, "tag": name, "version": None})
        marks = {"name": info.name, "tag": name, "version": info.version, "now": utc_now()}
        store.execute(cursor, statement("snapshots/tag"), marks)
    return info


def tagged(store: Store, name: str, tag: str) -> str | None:
    """Return the reference of the version of a snapshot that has a tag, or None where none has it."""
    marks = {row["tag"]: row["version"] for row in store.run("snapshots/tags", {"name": name})}
    return f"{name}@{marks[tag]}" if tag in marks else None


def restore(
    store: Store, reference: str, *, message: str | None = None, author: str | None = None
) -> tuple[SnapshotInfo, bool]:
    """Return a new latest version with the content of an older one and True, or the latest and False if it has it.

    The way back from a re-embedding: members, encoder, layout, data sets and filter are those of the old version,
    less the responses that were withdrawn since. No vector is made or copied.

    Args:
        store: where it is.
        reference: the version to bring back.
        message: note of the new version; by default that it is a restore, and of what.
        author: who restores it.

    Raises:
        UnknownNameError: there is no such version.
        InputError: it was dropped, or all its responses were withdrawn.
    """
    with store.lock:  # nothing is withdrawn between reading the members and writing them
        info = resolve(store, reference)
        latest = resolve(store, info.name)
        if info == latest:
            return latest, False
        content = _content(store, info)
        refuse_empty(info, content.members.num_rows)
        if latest.n_withdrawn and content.fingerprint == _content(store, latest).fingerprint:
            return latest, False
        note = message or f"restore of {info.reference}"
        return create(store, replace(content, message=note, author=author))


def _content(store: Store, info: SnapshotInfo) -> NewSnapshot:
    """Return what a version holds now, which is less than when it was made where data was withdrawn."""
    cursor = store.cursor()
    store.execute(cursor, statement("snapshots/restore_members"), {"snapshot_id": info.snapshot_id}).fetchall()
    return NewSnapshot(
        info.name, info.encoder_id, info.encoder_key, info.layout, info.datasets, info.where,
        *frozen_members(store, cursor),
    )  # fmt: skip


def drop(store: Store, reference: str, *, force: bool = False) -> SnapshotInfo:
    """Return the version after dropping it: nothing finds it any more, and its number is never used again.

    Its tags go. Its row, with fingerprint and origin, stays as the provenance of heads and reports. Its members go
    too, but while a head that was trained on it lives they stay, and with them what ``gc`` would take otherwise.
    Vectors go with the next ``gc``.

    Args:
        store: where it is.
        reference: the version; a bare name means the latest.
        force: drop it although heads were trained on it.

    Raises:
        InputError: heads were trained on it and ``force`` is not given.
    """
    info = resolve(store, reference)
    heads = _heads(store, info)
    if heads and not force:
        raise InputError(
            f"snapshot {info.reference!r} trained {', '.join(heads)}",
            hint="drop those heads first, or use force: the snapshot is hidden, its members stay as long as the heads",
        )
    with store.atomic() as cursor:
        values = {"snapshot_id": info.snapshot_id}
        if not heads:
            store.execute(cursor, statement("snapshots/drop_members"), values)
        store.execute(cursor, statement("snapshots/untag"), {"name": info.name, "tag": None, "version": info.version})
        store.execute(cursor, statement("snapshots/drop"), {**values, "now": utc_now()})
    return info


def trained_heads(store: Store, reference: str) -> list[str]:
    """Return the heads that live and were trained on a version."""
    return _heads(store, resolve(store, reference))


def _versions(store: Store, name: str | None) -> list[tuple[SnapshotInfo, bool]]:
    rows = store.run("snapshots/list", {"name": name})
    return [
        (SnapshotInfo(**{**row, "datasets": tuple(row["datasets"])}), is_dropped)
        for row in rows
        for is_dropped in [row.pop("is_dropped")]
    ]


def _latest(versions: Sequence[tuple[SnapshotInfo, bool]]) -> SnapshotInfo | None:
    live = [info for info, is_dropped in versions if not is_dropped]
    return live[-1] if live else None


def _tags(store: Store, info: SnapshotInfo) -> list[dict[str, Any]]:
    return [row for row in store.run("snapshots/tags", {"name": info.name}) if row["version"] == info.version]


def _heads(store: Store, info: SnapshotInfo) -> list[str]:
    return [row["head"] for row in store.run("snapshots/heads", {"snapshot_id": info.snapshot_id})]
