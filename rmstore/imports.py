"""Takes vectors that were made elsewhere into the store, under a declared encoder and the operator's own match."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rmstore import placeholders, references, snapshots
from rmstore.encoders.base import EncoderSpec
from rmstore.encoders.layouts import PARTS
from rmstore.errors import InputError, OptionError
from rmstore.filters import one_query
from rmstore.matches import Match
from rmstore.precision import valid_precision
from rmstore.records import EmbedResult, Progress, silent
from rmstore.store import Store, statement
from rmstore.vector_files import open_vectors
from rmstore.vectors import dataset_names, encoder_number, fresh_table, vectors_table


def import_vectors(
    store: Store,
    file: str | Path,
    *,
    snapshot: str,
    encoder: str,
    match: str | None = None,
    rewards: str | Path | None = None,
    attribute: str = "gold",
    layout: str = "joint",
    datasets: str | Sequence[str] | None = None,
    precision: str = "f32",
    weights_sha256: str | None = None,
    tokenizer_sha256: str | None = None,
    max_tokens: int | None = None,
    rendering: str = "unknown",
    pooling: str = "unknown",
    truncation: str = "unknown",
    normalize: bool | None = None,
    revision: str | None = None,
    license: str | None = None,  # noqa: A002  (the name of the column)
    message: str | None = None,
    author: str | None = None,
    progress: Progress = silent,
) -> EmbedResult:
    """Import vectors and freeze the responses they belong to as a snapshot.

    Slices are committed one by one: what was killed goes on where it stopped, and a second run adds nothing.

    Args:
        store: where the responses are.
        file: Parquet with a column of vectors, or ``.npy`` of shape (n, d) or (n, k, d); the match sees it as the
            relation ``file``, see :func:`rmstore.vector_files.open_vectors`.
        snapshot: name of the snapshot.
        encoder: name of the model that made the vectors.
        match: one query with the columns ``response_id`` and ``embedding``, such as ``select response_id, embedding
            from file join ...``; all tables and macros of the store are there. It must give the same rows each time.
            A column ``reward`` becomes ratings. Without it an ``.npy`` of shape (n, k, d) gets placeholders for its
            texts, see :mod:`rmstore.placeholders`.
        rewards: ``.npy`` of shape (n, k, 1) or (n, k) beside one of vectors; the column ``reward`` of ``file``.
        attribute: what the rewards rate.
        layout: what was embedded: ``joint`` (prompt and response) or ``response``.
        datasets: data sets that the snapshot shows; by default all that have a matched response.
        precision: how the vectors are stored: f32, f16 or i8.
        weights_sha256: hash of the model's weights, if known; with it, equal models are known to be equal.
        tokenizer_sha256: hash of the tokenizer.
        max_tokens: window of the model.
        rendering: how prompt and response became one text.
        pooling: how token vectors became one.
        truncation: what was cut from longer texts.
        normalize: whether vectors have length 1; found out if not given.
        revision: revision of the model.
        license: license of the vectors.
        message: note of the snapshot.
        author: who imports them.
        progress: told at every step.

    Raises:
        BadFileError: the file cannot be read as vectors, or shapes do not fit.
        InputError: the match is not one query, or gives unknown responses, vectors of several widths, NaN or
            infinite components, or two different vectors for one response.
        OptionError: an option has a value that it cannot have.
        StoreError: the store is open read-only.
    """
    began = time.monotonic()
    references.valid_name(snapshot, kind="snapshot")
    valid_precision(precision)
    if layout not in PARTS or layout == "prompt":
        raise OptionError(f"layout is {layout!r}", hint="imported vectors are 'joint' or 'response'")
    store.check_writable("import")
    wanted = None if datasets is None else [datasets] if isinstance(datasets, str) else list(datasets)
    path, beside = Path(file), None if rewards is None else Path(rewards)
    cursor, reader = store.cursor(), store.cursor()
    vectors = open_vectors(cursor, path, beside)
    open_vectors(reader, path, beside)
    notes: tuple[str, ...] = ()
    if match is None:
        match, note = placeholders.ensure(store, path, vectors, beside, wanted, attribute, progress)
        notes, beside = (note,), None
    with store.interruptible(cursor, reader):
        progress(0, vectors.n_rows, "checking the match")
        names = None if wanted is None else dataset_names(store, wanted)
        found = Match(store, cursor, reader, one_query(store, match), names)
        if beside is not None and not found.has_rewards:
            raise InputError("rewards are given, and the match has no column 'reward'", hint="select it with the rest")
        if found.has_rewards and len(found.shown) > 1:
            raise InputError(
                f"rewards belong to one data set, and the match has responses of {', '.join(found.shown)}",
                hint="--dataset NAME says which; leave the column reward out of the match for several",
            )
        if normalize and not found.is_unit:
            raise InputError("the vectors do not have length 1", hint="leave normalize out, or normalise them first")
        spec = EncoderSpec(
            kind="imported",
            model=encoder,
            dim=found.dim,
            max_tokens=max_tokens or 0,
            weights_sha256=weights_sha256,
            tokenizer_sha256=tokenizer_sha256,
            rendering=rendering,
            pooling=pooling,
            truncation=truncation,
            normalize=found.is_unit if normalize is None else normalize,
            # Without a hash, the name is all that tells two models apart.
            backend="elsewhere" if weights_sha256 else f"elsewhere:{encoder}",
            precision=precision,
            revision=revision,
            license=license,
        )
        found.refuse_conflicts(spec, encoder_number(store, spec, write=False), layout)
        n_new = _insert(found, spec, layout, progress)
        with store.lock:  # no thread drops a data set or collects garbage between the look and the commit
            _refuse_left(found, spec, layout)
            if found.has_rewards:
                values = {"dataset": found.shown[0], "attribute": attribute}
                n_rated = found.run("imports/insert_ratings", values)[0][0]
                notes = (*notes, f"{n_rated} ratings of attribute {attribute!r} are new")
            made, is_new = snapshots.create(
                store,
                snapshots.NewSnapshot(
                    snapshot, encoder_number(store, spec), spec.key, layout, found.shown, None,
                    *snapshots.frozen_members(store, cursor), author=author, message=message,
                ),
            )  # fmt: skip
    notes = (
        f"{found.n_rows} of {vectors.n_rows} rows of the file matched {found.n_responses} responses",
        *(f"{missing} responses of {name} have no vector in the file" for name, missing in found.missing if missing),
        *notes,
    )
    n = made.n_rows
    return EmbedResult(made, n, n, n_new, 0, time.monotonic() - began, is_new, notes=notes)


def _insert(found: Match, spec: EncoderSpec, layout: str, progress: Progress) -> int:
    """Commit what is missing slice by slice, and return how many vectors were new.

    The store itself says what an earlier slice or run has brought, so nothing about that is kept in memory.
    """
    store, encoder_id = found.store, encoder_number(found.store, spec)
    place = {"encoder_id": encoder_id, "part": layout}
    n_done, n_new = 0, 0
    if not found.n_left(place):
        return 0
    for batch in found.slices():
        store.check()
        found.cursor.register("_rm_slice", batch.select(["position", "response_id"]))
        fresh = store.arrow(found.cursor, statement("imports/fresh"), {**place, "encoder_key": spec.key})
        found.cursor.unregister("_rm_slice")
        if fresh.num_rows:
            rows = batch["embedding"].combine_chunks().take(fresh["position"].combine_chunks())
            matrix = rows.flatten().to_numpy(zero_copy_only=False).reshape(fresh.num_rows, -1)
            n_new += _save(store, spec, place, fresh, matrix)
        n_done += batch.num_rows
        progress(n_done, found.n_rows, f"{n_new} vectors imported")
    return n_new


def _refuse_left(found: Match, spec: EncoderSpec, layout: str) -> None:
    n_left = found.n_left({"encoder_id": encoder_number(found.store, spec), "part": layout})
    if n_left:
        raise InputError(
            f"{n_left} responses got no vector: the match gave other rows the second time, or they were removed",
            hint="take random() and limit without order by out of the match, drop nothing meanwhile, and run it again; "
            "what was imported stays",
        )


def _save(store: Store, spec: EncoderSpec, place: dict[str, Any], fresh: pa.Table, matrix: np.ndarray) -> int:
    vectors = fresh_table(fresh["text_id"], matrix, spec.precision)
    store.check()
    with store.atomic() as writer:
        writer.register("_rm_fresh", vectors)
        insert = statement("vectors/insert_vectors", vectors=vectors_table(spec))
        n_new = int(store.execute(writer, insert, {"encoder_id": place["encoder_id"]}).fetchall()[0][0])
        writer.register("_rm_fresh", fresh)
        store.execute(writer, statement("imports/insert_renderings"), place).fetchall()
    return n_new
