"""Embeds the responses of data sets, each distinct text once per encoder, and freezes them as a snapshot."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from rmstore import placeholders, references, snapshots
from rmstore.embedding_estimate import caveats, estimate
from rmstore.embedding_job import EmbeddingJob
from rmstore.encoders import DEFAULT
from rmstore.encoders.base import Encoder
from rmstore.encoders.layouts import Layout, parse_layout
from rmstore.errors import InputError, StoreError
from rmstore.filters import blaming, columns, one_condition
from rmstore.records import EmbedResult, Progress, silent
from rmstore.store import Store, fill_in, statement
from rmstore.vectors import dataset_names, encoder_number, find_encoder

DEFAULT_LAYOUT = "joint||response"
_CANDIDATES = "from _rm_candidates([]::varchar[])"


def embed(
    store: Store,
    datasets: str | Sequence[str],
    *,
    snapshot: str | None = None,
    encoder: str = DEFAULT,
    layout: str | None = None,
    where: str | None = None,
    steps: bool = False,
    message: str | None = None,
    author: str | None = None,
    batch_size: int | None = None,
    dry_run: bool = False,
    encoder_options: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> EmbedResult:
    """Embed what has no vector yet and return the snapshot version that holds it.

    Every batch is committed on its own: an interrupted run loses at most one batch, and running the same again
    goes on from there. Where nothing changed, the version that is there already comes back.

    Args:
        store: where the data sets are.
        datasets: names of data sets.
        snapshot: name of the snapshot; None embeds and makes none.
        encoder: name of an encoder in the store, ``toy``, or name or path of a sentence-transformers model.
        layout: how a vector is put together from parts.
        where: one SQL expression over dataset, subset, split, policy, variant, origin, logp, n_chars, text, prompt
            and the ids; a response is in where one of its generations passes.
        steps: also embed every reasoning step of these responses, as the prompt with the response up to that step.
            The snapshot is the same with and without: ``rm_steps`` finds such vectors by encoder and step.
        message: note of the snapshot.
        author: who makes the snapshot.
        batch_size: texts between two commits; the encoder knows a good number.
        dry_run: count what would be embedded, measure a sample to say how long it takes, and write nothing.
        encoder_options: options of the encoder, such as ``max_tokens``.
        progress: told what is done after every commit.

    Raises:
        UnknownNameError: there is no such data set.
        InputError: no response passes, or the filter is not one expression over these columns; or none has the steps
            asked for; or some are placeholders for texts that were not published.
        Interrupted: Ctrl-C arrived; what was committed stays.
    """
    if not dry_run:
        store.check_writable("embed")
    plan = parse_layout(layout or DEFAULT_LAYOUT)
    names = dataset_names(store, [datasets] if isinstance(datasets, str) else datasets)
    if snapshot is not None:
        references.valid_name(snapshot, kind="snapshot")
    loaded = find_encoder(store, encoder, encoder_options)
    cursor = store.cursor()
    with store.interruptible(cursor):
        _choose(store, cursor, names, where)
        if steps:
            _check_steps(cursor, names)
        work = Work(
            loaded, plan, steps, snapshot, names, where, author=author, message=message, batch_size=batch_size,
            dry_run=dry_run,
        )  # fmt: skip
        return embed_members(store, cursor, work, progress)


@dataclass(frozen=True)
class Work:
    """What to embed members with, and which snapshot version to make of them.

    Attributes:
        encoder: the encoder, loaded.
        layout: how a vector is put together from parts.
        steps: also embed the reasoning steps of the members.
        snapshot: name of the snapshot; None makes none.
        datasets: data sets whose rows it shows.
        where: the filter that chose the members.
        parent: number of the version that it comes from; None is the latest of its name.
        author: who makes it.
        message: note of the snapshot.
        batch_size: texts between two commits; None lets the encoder choose.
        dry_run: measure a sample, estimate the rest, and write nothing.
    """

    encoder: Encoder
    layout: Layout
    steps: bool
    snapshot: str | None
    datasets: tuple[str, ...]
    where: str | None
    parent: int | None = None
    author: str | None = None
    message: str | None = None
    batch_size: int | None = None
    dry_run: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """What is rendered of every member."""
        return (*self.layout.parts, "step") if self.steps else self.layout.parts


def embed_members(store: Store, cursor: duckdb.DuckDBPyConnection, work: Work, progress: Progress) -> EmbedResult:
    """Embed what the members in ``_rm_members`` lack and return the version that holds them.

    Args:
        store: where they are.
        cursor: has the temporary table ``_rm_members`` (response_id, prompt_id).
        work: what to do.
        progress: told what is done after every commit.

    Raises:
        InputError: members are placeholders for texts that were not published.
        StoreError: members or their vectors were removed meanwhile.
        Interrupted: Ctrl-C arrived; what was committed stays.
    """
    began = time.monotonic()
    placeholders.refuse(store, cursor)
    encoder = work.encoder
    encoder_id = encoder_number(store, encoder.spec, write=not work.dry_run)
    job = EmbeddingJob(store, cursor, encoder, encoder_id, work.batch_size or encoder.commit_size, progress)
    if work.dry_run:
        n_missing, found = job.count(work.parts), estimate(job, work.parts)
        return EmbedResult(
            None, **job.summary(work.parts), n_embedded=0, seconds=time.monotonic() - began, is_new=False, dry_run=True,
            notes=(f"{n_missing} items have no vector yet", *caveats(found)), estimate=found,
        )  # fmt: skip
    n_embedded = job.run(work.parts)
    made, is_new = None, False
    if work.snapshot is not None:
        with store.lock:  # no thread drops a data set or collects garbage between the look and the commit
            _refuse_lost(job, work)
            made, is_new = snapshots.create(
                store,
                snapshots.NewSnapshot(
                    work.snapshot, encoder_id, encoder.spec.key, work.layout.text, work.datasets, work.where,
                    *snapshots.frozen_members(store, cursor), author=work.author, message=work.message,
                    parent=work.parent,
                ),
            )  # fmt: skip
    seconds = time.monotonic() - began
    return EmbedResult(made, **job.summary(work.parts), n_embedded=n_embedded, seconds=seconds, is_new=is_new)


def _refuse_lost(job: EmbeddingJob, work: Work) -> None:
    """Refuse to freeze what another thread dropped or collected while the rest was embedded."""
    n_lost = job.query("embedding/count_lost")[0][0] + job.count(work.parts)
    if n_lost:
        raise StoreError(
            f"{n_lost} responses, or their vectors, were removed while the others were embedded",
            hint="run the same again, and drop data sets or collect garbage only when it is done",
        )


def _check_steps(cursor: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    n_steps, n_torn = cursor.execute(statement("embedding/count_steps")).fetchall()[0]
    if not n_steps:
        raise InputError(
            f"no chosen response of {', '.join(names)} has reasoning steps",
            hint="embed without steps, or bring steps with rmstore ingest FILE --format steps --dataset NAME",
        )
    if n_torn:
        raise InputError(
            f"{n_torn} responses of {', '.join(names)} are cut into steps in two ways, so a step has no one beginning",
            hint="drop all but one data set with these responses: rmstore dataset drop NAME",
        )


def _choose(store: Store, cursor: duckdb.DuckDBPyConnection, names: Sequence[str], where: str | None) -> None:
    """Put the responses that pass the filter into a table of the cursor."""
    chosen = "true" if where is None else one_condition(store, cursor, where, _CANDIDATES)
    with blaming(where, lambda: columns(store, cursor, _CANDIDATES)):
        query = fill_in(statement("embedding/members"), {"where": chosen})
        store.execute(cursor, query, {"datasets": list(names)}).fetchall()
    if not cursor.execute(statement("embedding/count_members")).fetchall()[0][0]:
        condition = f" with {where!r}" if where else ""
        raise InputError(f"no response of {', '.join(names)} passes{condition}", hint="rmstore dataset show NAME")
