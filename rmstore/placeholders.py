"""Vectors whose texts were not published: a data set of placeholders, so that they can be used at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rmstore.adapters import files
from rmstore.adapters.arrays import NAME
from rmstore.errors import InputError
from rmstore.ingest import ingest
from rmstore.records import Progress
from rmstore.store import Store, fill_in, quote_literal, statement
from rmstore.vector_files import Vectors

if TYPE_CHECKING:
    import duckdb


def ensure(
    store: Store,
    path: Path,
    vectors: Vectors,
    rewards: Path | None,
    datasets: Sequence[str] | None,
    attribute: str,
    progress: Progress,
) -> tuple[str, str]:
    """Return the query that matches vectors to placeholders and a note, after ingesting these where they are new.

    Args:
        store: where they go.
        path: a file of vectors.
        vectors: what it holds.
        rewards: a file of their rewards.
        datasets: the one data set that holds the placeholders, or gets them.
        attribute: what the rewards rate.
        progress: told at every step.

    Raises:
        InputError: the file does not say which vectors share a prompt, there is not one data set, or it has texts.
    """
    if vectors.grouped is None:
        raise InputError(
            f"there is no match, and {str(path)!r} does not say which vectors answer the same prompt",
            hint="give a match, or an array of shape (n, k, d)",
        )
    if datasets is None or len(datasets) != 1:
        raise InputError(
            "vectors without a match need one data set of their own", hint="--dataset NAME makes it; or give --match"
        )
    sha256 = files.sha256(files.describe(path, str(path)), lambda seen: store.check())
    known = store.run("imports/find_placeholders", {"dataset": datasets[0], "sha256": sha256})
    if known and not known[0]["is_npy"]:
        raise InputError(
            f"data set {datasets[0]!r} has texts of its own", hint="give a match with them, or a new --dataset"
        )
    if rewards is not None or not known or not known[0]["has_file"]:
        options = {"attribute": attribute} | ({} if rewards is None else {"rewards": str(rewards)})
        ingest(store, path, format="npy", dataset=datasets[0], options=options, progress=progress)
    n, k = vectors.grouped
    match = fill_in(statement("imports/placeholders"), {"file": quote_literal(sha256[:NAME])})
    return match, f"the file has no texts: {n} prompts and {n * k} responses of {datasets[0]} are placeholders"


def refuse(store: Store, cursor: duckdb.DuckDBPyConnection) -> None:
    """Refuse members in ``_rm_members`` that are placeholders: an encoder would embed their names.

    Raises:
        InputError: a member stands for a text that was not published.
    """
    held = store.execute(cursor, statement("embedding/placeholders")).fetchall()
    if held:
        raise InputError(
            f"{' and '.join(name for name, _ in held)} has placeholders for texts that were not published:"
            f" {sum(n for _, n in held)} of the chosen responses have nothing to embed",
            hint="import the vectors of another encoder instead: rmstore import-vectors FILE --dataset NAME",
        )
