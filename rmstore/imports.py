"""Takes vectors that were made elsewhere into the store, under a declared encoder and the operator's own match."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from rmstore import references, snapshots
from rmstore.encoders.base import EncoderSpec
from rmstore.encoders.layouts import PARTS
from rmstore.errors import BadFileError, InputError, OptionError
from rmstore.filters import one_query
from rmstore.records import EmbedResult, Progress, silent
from rmstore.store import Store, fill_in, quote_literal, statement
from rmstore.vectors import dataset_names, encoder_number, fresh_table, vectors_relation, vectors_table

_SLICE = 65_536
TOLERANCE = 1e-3
"""Distance up to which two vectors of one response count as equal but for rounding."""


def import_vectors(
    store: Store,
    file: str | Path,
    *,
    match: str,
    snapshot: str,
    encoder: str,
    layout: str = "joint",
    datasets: str | Sequence[str] | None = None,
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

    Args:
        store: where the responses are.
        file: Parquet with a column of vectors, or ``.npy`` of shape (n, d); the match sees it as the relation
            ``file``, and an ``.npy`` has the columns ``file_row_number`` (from 0) and ``embedding``.
        match: one query with the columns ``response_id`` and ``embedding``, such as ``select response_id, embedding
            from file join ...``; all tables and macros of the store are there.
        snapshot: name of the snapshot.
        encoder: name of the model that made the vectors.
        layout: what was embedded: ``joint`` (prompt and response) or ``response``.
        datasets: data sets that the snapshot shows; by default all that have a matched response.
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
        BadFileError: the file cannot be read as vectors.
        InputError: the match is not one query, or gives unknown responses, vectors of several widths, NaN or
            infinite components, or two different vectors for one response.
    """
    began = time.monotonic()
    references.valid_name(snapshot, kind="snapshot")
    if layout not in PARTS or layout == "prompt":
        raise OptionError(f"layout is {layout!r}", hint="imported vectors are 'joint' or 'response'")
    cursor = store.cursor()
    with store.interruptible(cursor):
        n_file = _open(cursor, Path(file))
        progress(0, n_file, "matching")
        dim, facts = _matched(store, cursor, one_query(store, match))
        if datasets is not None:
            names = dataset_names(store, [datasets] if isinstance(datasets, str) else datasets)
            store.execute(cursor, statement("imports/restrict"), {"datasets": list(names)}).fetchall()
        found = store.execute(cursor, statement("imports/datasets")).fetchall()
        shown = [row for row in found if datasets is None or row[0] in names]
        if not shown:
            raise InputError("no matched response belongs to a data set", hint="rmstore dataset list shows them")
        is_unit = _is_unit(store, cursor)
        if normalize and not is_unit:
            raise InputError("the vectors do not have length 1", hint="leave normalize out, or normalise them first")
        spec = EncoderSpec(
            kind="imported",
            model=encoder,
            dim=dim,
            max_tokens=max_tokens or 0,
            weights_sha256=weights_sha256,
            tokenizer_sha256=tokenizer_sha256,
            rendering=rendering,
            pooling=pooling,
            truncation=truncation,
            normalize=is_unit if normalize is None else normalize,
            # Without a hash, the name is all that tells two models apart.
            backend="elsewhere" if weights_sha256 else f"elsewhere:{encoder}",
            revision=revision,
            license=license,
        )
        encoder_id = encoder_number(store, spec)
        values = {"encoder_id": encoder_id, "part": layout}
        _refuse_conflicts(store, cursor, spec, values)
        n_new = _insert(store, cursor, spec, values, progress)
        made, is_new = snapshots.create(
            store,
            snapshots.NewSnapshot(
                snapshot, encoder_id, spec.key, layout, tuple(row[0] for row in shown), None,
                *snapshots.frozen_members(store, cursor), author=author, message=message,
            ),
        )  # fmt: skip
        notes = (
            f"{facts['n_rows']} of {n_file} rows of the file matched {facts['n_responses']} responses",
            *(f"{missing} responses of {name} have no vector in the file" for name, missing, _ in shown if missing),
        )
        n = made.n_rows
        return EmbedResult(made, n, n, n_new, 0, time.monotonic() - began, is_new, notes=notes)


def _open(cursor: duckdb.DuckDBPyConnection, file: Path) -> int:
    """Give the cursor the relation ``file`` and return its number of rows."""
    if not file.is_file():
        raise BadFileError(f"there is no file {str(file)!r}")
    try:
        if file.suffix == ".npy":
            cursor.register("file", _npy(file))
        elif file.suffix in {".parquet", ".pq"}:
            place = quote_literal(str(file))
            cursor.execute(f"create or replace temp view file as from read_parquet({place}, file_row_number = true)")
        else:
            raise BadFileError(f"{str(file)!r} is neither .parquet nor .npy", hint="write the vectors as one of them")
        return int(cursor.execute(statement("imports/count_file")).fetchall()[0][0])
    except (duckdb.Error, ValueError, OSError, EOFError) as problem:
        if isinstance(problem, BadFileError):
            raise
        raise BadFileError(f"{str(file)!r} cannot be read as vectors: {str(problem).splitlines()[0]}") from problem


def _npy(file: Path) -> pa.Table:
    matrix = np.load(file, mmap_mode="r", allow_pickle=False)
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.floating):
        raise ValueError(f"an array of shape {matrix.shape} and type {matrix.dtype} is not (n, d) of numbers")
    flat = pa.array(np.ascontiguousarray(matrix, np.float32).reshape(-1))
    return pa.table(
        {
            "file_row_number": np.arange(len(matrix)),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1]),
        }
    )


def _matched(store: Store, cursor: duckdb.DuckDBPyConnection, match: str) -> tuple[int, dict[str, Any]]:
    """Run the match and return the width of the vectors with counts, after checking both."""
    with store.translated():
        columns = cursor.sql(match).columns
    for name in ("response_id", "embedding"):
        if name not in columns:
            raise InputError(
                f"the match has no column {name!r}, only {', '.join(columns)}",
                hint="select r.response_id, f.embedding from file as f join ...",
            )
    store.execute(cursor, statement("imports/match").replace("{match}", match)).fetchall()
    result = store.execute(cursor, statement("imports/facts"))
    names = [column[0] for column in result.description or []]
    facts = dict(zip(names, result.fetchall()[0], strict=True))
    for wrong, problem, hint in (
        (facts["n_rows"] == 0, "the match gives no row", "check the join: which ids does the file have?"),
        (facts["n_null"], "rows of the match have no response or no vector", "filter them in the match"),
        (facts["n_unknown"], "rows of the match name a response that the store does not have", "ingest it first"),
        (facts["narrowest"] != facts["widest"], "vectors of several widths", "one encoder has one width"),
        (facts["n_not_finite"], "vectors have NaN or infinite components", "leave them out in the match"),
    ):
        if wrong:
            count = f"{wrong} of {facts['n_rows']} " if not isinstance(wrong, bool) else ""
            raise InputError(f"{count}{problem}", hint=hint)
    dim = int(facts["widest"])
    store.execute(cursor, statement("imports/members").replace("{dim}", str(dim))).fetchall()
    return dim, facts


def _is_unit(store: Store, cursor: duckdb.DuckDBPyConnection) -> bool:
    return bool(store.execute(cursor, statement("imports/is_unit")).fetchall()[0][0])


def _refuse_conflicts(
    store: Store, cursor: duckdb.DuckDBPyConnection, spec: EncoderSpec, values: dict[str, Any]
) -> None:
    query = fill_in(statement("imports/conflicts"), {"vectors": vectors_relation(spec)})
    within, before = store.execute(cursor, query, {**values, "tolerance": TOLERANCE}).fetchall()[0]
    if within:
        raise InputError(
            f"{within} responses have different vectors in the file", hint="match one vector to each response"
        )
    if before:
        raise InputError(
            f"{before} responses have another vector from this encoder already",
            hint="give the encoder another name, or its weights_sha256, if another model made these",
        )


def _insert(
    store: Store, cursor: duckdb.DuckDBPyConnection, spec: EncoderSpec, values: dict[str, Any], progress: Progress
) -> int:
    """Commit slice by slice, so that an import of any size needs little memory and resumes."""
    store.execute(cursor, statement("imports/fresh"), {**values, "encoder_key": spec.key}).fetchall()
    n_new = int(store.execute(cursor, statement("imports/count_fresh")).fetchall()[0][0])
    for first in range(1, n_new + 1, _SLICE):
        last = min(first + _SLICE - 1, n_new)
        fresh = store.arrow(cursor, statement("imports/slice"), {"first": first, "last": last})
        store.check()
        with store.atomic() as writer:
            flat = fresh["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            vectors = fresh_table(fresh["text_id"], flat.reshape(fresh.num_rows, -1), spec.precision)
            writer.register("_rm_fresh", vectors)
            insert = statement("vectors/insert_vectors", vectors=vectors_table(spec))
            store.execute(writer, insert, {"encoder_id": values["encoder_id"]}).fetchall()
            writer.register("_rm_fresh", fresh)
            store.execute(writer, statement("imports/insert_renderings"), values).fetchall()
        progress(last, n_new, "vectors imported")
    return n_new
