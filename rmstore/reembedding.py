"""Re-embedding: the members of a snapshot under another encoder, as the next version; the old vectors stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rmstore import references, snapshots
from rmstore.embedding import Work, embed_members
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError
from rmstore.records import EmbedResult, Progress, silent
from rmstore.store import Store, statement
from rmstore.vectors import find_encoder


def reembed(
    store: Store,
    snapshot: str,
    *,
    encoder: str,
    layout: str | None = None,
    name: str | None = None,
    message: str | None = None,
    author: str | None = None,
    batch_size: int | None = None,
    dry_run: bool = False,
    encoder_options: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> EmbedResult:
    """Embed the members of a snapshot version with another encoder and return the version that holds them.

    The members are those that were frozen, less what was withdrawn since; the filter is not run again. Where their
    reasoning steps have vectors of the old encoder, they get new ones too. Nothing of the old space changes, and one
    transaction makes the version, whose parent is the one it came from. Every batch before it is committed on its
    own: an interrupted run goes on where it stopped. A second call finds the version and changes nothing.

    Args:
        store: where the snapshot is.
        snapshot: reference of the version; a bare name means the latest.
        encoder: name of an encoder in the store, ``toy``, or name or path of a model.
        layout: how a vector is put together from parts; that of the snapshot by default.
        name: name of the snapshot to make a version of; that of the snapshot by default.
        message: note of the version.
        author: who makes it.
        batch_size: texts between two commits; the encoder knows a good number.
        dry_run: count what would be embedded, measure a sample to say how long it takes, and write nothing.
        encoder_options: options of the encoder, such as ``max_tokens``.
        progress: told what is done after every commit.

    Raises:
        UnknownNameError: there is no such snapshot.
        InputError: no such model, its vectors were imported, nothing is left of the snapshot, or its members are
            placeholders for texts that were not published.
        OptionError: an option of the encoder is unknown or has a value outside its range.
        StoreError: the store is open read-only.
        Interrupted: Ctrl-C arrived; what was committed stays.
    """
    if not dry_run:
        store.check_writable("re-embed")
    old = snapshots.resolve(store, snapshot)
    plan = parse_layout(layout or old.layout)
    if name is not None:
        references.valid_name(name, kind="snapshot")
    loaded = find_encoder(store, encoder, encoder_options)
    cursor = store.cursor()
    with store.interruptible(cursor):
        store.execute(cursor, statement("reembedding/members"), {"snapshot_id": old.snapshot_id}).fetchall()
        values = {"encoder_id": old.encoder_id}
        n_members, n_steps = store.execute(cursor, statement("reembedding/counts"), values).fetchall()[0]
        if not n_members:
            raise InputError(
                f"nothing is left of snapshot {old.reference!r}: all its members were withdrawn",
                hint="rmstore snapshot list",
            )
        work = Work(
            loaded, plan, n_steps > 0, name or old.name, old.datasets, old.where, parent=old.snapshot_id, author=author,
            message=message, batch_size=batch_size, dry_run=dry_run,
        )  # fmt: skip
        result = embed_members(store, cursor, work, progress)
    if result.snapshot is None or result.is_new:
        return result
    told = f"nothing to do: {result.snapshot.reference} has these members, this encoder and this layout"
    return replace(result, notes=(*result.notes, told))
