"""Garbage: renderings, vectors and members that nothing in the store needs any more.

Needed is what the members of a kept snapshot are made of: the parts of its layout and the steps of its members. Kept
are snapshots that are not dropped, and those dropped by force while a head that was trained on them lives. Texts that
were embedded and never frozen are garbage too; embedding them again costs time and nothing else. Imported vectors come
back from their file alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rmstore.compaction import Compaction, compact
from rmstore.errors import StoreError
from rmstore.precision import stored_width
from rmstore.records import Progress, silent
from rmstore.store import Store, statement
from rmstore.vectors import vectors_table

BATCH = 500_000
"""Renderings, or vectors, that one transaction looks at."""


@dataclass(frozen=True)
class Spare:
    """What goes of one encoder.

    Attributes:
        encoder: its name.
        n_renderings: items that no kept snapshot needs under it.
        n_vectors: texts that stand for no other item.
        n_bytes: size of these vectors in memory; on disk they are about as large.
        is_gone: True where the encoder goes too, since no snapshot and no head was made with it.
    """

    encoder: str
    n_renderings: int
    n_vectors: int
    n_bytes: int
    is_gone: bool


@dataclass(frozen=True)
class Collected:
    """What a collection removed, or would remove.

    Attributes:
        encoders: what goes of each encoder; those that lose nothing are not there.
        n_members: members of dropped snapshots whose heads are dropped as well.
        kept: dropped snapshots that stay for heads: snapshot, heads, n_members.
        dry_run: True where nothing was removed.
        compaction: sizes of the file, where that was asked for.
    """

    encoders: tuple[Spare, ...]
    n_members: int
    kept: tuple[dict[str, Any], ...]
    dry_run: bool
    compaction: Compaction | None = None

    @property
    def n_bytes(self) -> int:
        """Size of all vectors that go."""
        return sum(spare.n_bytes for spare in self.encoders)


@dataclass(frozen=True)
class _Encoder:
    """An encoder as the store has it; ``dim`` and ``precision`` say which table holds its vectors."""

    encoder_id: int
    name: str
    dim: int
    precision: str
    is_named: bool
    n_renderings: int


def collect(store: Store, *, dry_run: bool = False, compacted: bool = False, progress: Progress = silent) -> Collected:
    """Remove what nothing needs and return what went.

    Renderings go before the vectors they point at, in transactions of bounded size that look up anew what is needed:
    killed at any moment, every rendering has its vector, and the next run goes on. Do not run it while a thread of
    the same process embeds: what has no snapshot yet is garbage.

    Args:
        store: an open store.
        dry_run: count, and remove nothing.
        compacted: give the space back to the file system afterwards, see :func:`rmstore.compaction.compact`.
        progress: told how many renderings and vectors are done.

    Raises:
        StoreError: the store is open read-only, or cannot be compacted.
        Interrupted: Ctrl-C arrived; what was removed stays removed.
    """
    if store.read_only and not dry_run:
        raise StoreError(f"{store.path} is open read-only", hint="open it without read_only, or take dry_run")
    kept = tuple(store.run("garbage/kept"))
    with store.lock:
        n_members = _members(store, dry_run=dry_run)
        spare = [(encoder, _count(store, encoder)) for encoder in _encoders(store)]
        if not dry_run:
            total, done = sum(found.n_renderings + found.n_vectors for _, found in spare), 0
            for encoder, found in spare:
                for n in _remove(store, encoder, found):
                    done += n
                    progress(done, total, encoder.name)
            _drop_tables(store)
    goes = tuple(found for _, found in spare if found.n_renderings or found.n_vectors or found.is_gone)
    sizes = compact(store, progress=progress) if compacted and not dry_run else None
    return Collected(goes, n_members, kept, dry_run, sizes)


def _encoders(store: Store) -> list[_Encoder]:
    return [_Encoder(**row) for row in store.run("garbage/encoders")]


def _members(store: Store, *, dry_run: bool) -> int:
    """Remove the members of dropped snapshots without heads, one snapshot per transaction, and return how many."""
    orphans = store.run("garbage/orphans")
    for row in [] if dry_run else orphans:
        store.check()
        with store.atomic() as cursor:
            store.execute(cursor, statement("garbage/delete_members"), {"snapshot_id": row["snapshot_id"]})
    return sum(int(row["n_members"]) for row in orphans)


def _count(store: Store, encoder: _Encoder) -> Spare:
    whole = {"first": _id(0, 1), "last": _id(1, 1)}
    values = {"encoder_id": encoder.encoder_id, "n_renderings": encoder.n_renderings, **whole}
    (found,) = store.run("garbage/count", values, vectors=vectors_table(encoder))
    width = stored_width(encoder.dim, encoder.precision)
    return Spare(
        encoder.name, found["n_renderings"], found["n_vectors"], found["n_vectors"] * width, not encoder.is_named
    )


def _remove(store: Store, encoder: _Encoder, spare: Spare) -> Iterator[int]:
    """Remove the renderings, then the vectors, then the encoder; yields what each transaction removed, committed."""
    whole = max(encoder.n_renderings, spare.n_vectors)
    for name, n in (("delete_renderings", spare.n_renderings), ("delete_vectors", spare.n_vectors)):
        for first, last in _ranges(whole) if n else ():
            store.check()
            text = statement(f"garbage/{name}", vectors=vectors_table(encoder))
            values = {"encoder_id": encoder.encoder_id, "first": first, "last": last}
            with store.atomic() as cursor, store.interruptible(cursor):
                n_gone = int(store.execute(cursor, text, values).fetchall()[0][0])
            yield n_gone  # here, since whoever is told may write or raise
    if spare.is_gone:
        store.check()
        with store.atomic() as cursor:
            for name in ("delete_encoder", "delete_runs"):
                store.execute(cursor, statement(f"garbage/{name}"), {"encoder_id": encoder.encoder_id})


def _drop_tables(store: Store) -> None:
    """Drop the tables of vectors that no encoder writes to any more."""
    written = {vectors_table(encoder) for encoder in _encoders(store)}
    present = {row["table_name"] for row in store.run("doctor/embedding_tables")}
    for table in sorted(present - written):
        with store.atomic() as cursor:
            store.execute(cursor, statement("garbage/drop_table", vectors=table))


def _ranges(n: int) -> Iterator[tuple[str, str]]:
    """Yield ranges of ids with about ``BATCH`` of ``n`` in each; ids are hashes, so they are spread evenly."""
    parts = -(-n // BATCH) or 1
    for part in range(parts):
        yield _id(part, parts), _id(part + 1, parts)


def _id(part: int, parts: int) -> str:
    """Return the last id of the first ``part`` of ``parts`` ranges.

    Example:
        >>> _id(0, 2), _id(1, 2)
        ('00000000-0000-0000-0000-000000000000', '7fffffff-ffff-ffff-ffff-ffffffffffff')
    """
    return str(uuid.UUID(int=max(0, part * 2**128 // parts - 1)))
