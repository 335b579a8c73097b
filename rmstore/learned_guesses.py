"""Guesses of the baselines that learn: votes and vectors of a snapshot in, a guess for every asked vote out.

Votes come from ``_rm_all_pairs``, which neither folds nor an operator's condition cover. Vectors that teach are held in
memory, at most those of ``MOST_VOTES`` votes; those of judged responses pass by in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import duckdb
import numpy as np
import pyarrow as pa

from rmstore import baselines
from rmstore.baselines import Score, Votes
from rmstore.encoders.layouts import Layout, parse_layout
from rmstore.kernels import Field, read_matrix
from rmstore.member_vectors import member_vectors
from rmstore.records import SnapshotInfo
from rmstore.store import Store, fill_in, statement

FOLDS = 5
"""Parts that the training split is cut into where its own votes are judged."""
_BATCH = 1 << 22
"""Numbers in a batch of vectors, about."""


@dataclass(frozen=True)
class Guesses:
    """What the baselines say of the judged votes.

    Attributes:
        preference_ids: the judged votes, (p,) as text.
        response_only: 1, 0.5 or 0, NULL where no learner could judge, (p,) double.
        neighbour: the same of the nearest neighbours.
    """

    preference_ids: pa.Array
    response_only: pa.Array
    neighbour: pa.Array


def learned_guesses(store: Store, info: SnapshotInfo, preference_ids: pa.Array) -> Guesses:
    """Return what the baselines say of some votes.

    Args:
        store: an open store.
        info: the snapshot, whose votes of the training split teach.
        preference_ids: the votes to judge, as text; those that are ties, or not of the snapshot, are left out.
    """
    with store.cursor() as cursor:
        store.execute(cursor, statement("reports/baseline_items"), {"snapshot": info.reference}).fetchall()
        cursor.register("_rm_baseline_asked", pa.table({"preference_id": preference_ids.cast(pa.string())}))
        values = {"snapshot": info.reference, "folds": FOLDS}
        table = store.arrow(cursor, statement("reports/baseline_votes"), values)
        names = ("chosen", "rejected", "chosen_fold", "rejected_fold", "is_judged")
        chosen, rejected, chosen_fold, rejected_fold, is_judged = (table[name].to_numpy() for name in names)
        # Connections may give out truth as numbers.
        votes = Votes(chosen, rejected, chosen_fold, rejected_fold, is_judged.astype(bool))
        reader, poll = _Reader(store, cursor, info), lambda share, note: store.check()
        n_items = reader.n_items
        found = {
            "response_only": _judged(
                votes, reader.of(parse_layout("response")), partial(baselines.response_only, poll=poll),
                lambda home: _sides(votes, baselines.lessons(votes, home)),
            ),
            "neighbour": _judged(
                votes, reader.of(parse_layout(info.layout)), baselines.neighbour,
                lambda home: baselines.neighbourhood(votes, home, n_items),
            ),
        }  # fmt: skip
    judged = pa.array(votes.is_judged)
    columns = {name: pa.array(guess[votes.is_judged], from_pandas=True) for name, guess in found.items()}
    return Guesses(table["preference_id"].filter(judged).combine_chunks(), **columns)


def _judged(
    votes: Votes,
    vectors: _Vectors,
    learn: Callable[[Votes, int, np.ndarray, np.ndarray], Score | None],
    taught: Callable[[int], np.ndarray],
) -> np.ndarray:
    """Return the guesses of one baseline, (p,); NaN throughout where a response that it needs has no vector."""
    nothing = np.full(len(votes.chosen), np.nan)
    homes = votes.homes
    if not homes:
        return nothing
    lessons = np.unique(np.concatenate([taught(home) for home in homes]))
    judged = np.unique(np.concatenate([votes.judged_items(home) for home in homes]))
    if not vectors.cover(np.union1d(lessons, judged)):
        return nothing
    items, place = vectors.hold(lessons)
    scores = {home: score for home in homes if (score := learn(votes, home, items, place)) is not None}
    return baselines.guesses(votes, scores, vectors.batches(judged)) if scores else nothing


def _sides(votes: Votes, rows: np.ndarray) -> np.ndarray:
    return np.concatenate([votes.chosen[rows], votes.rejected[rows]])


class _Reader:
    """Vectors of the responses that ``baseline_items`` numbered, on the cursor that has them."""

    def __init__(self, store: Store, cursor: duckdb.DuckDBPyConnection, info: SnapshotInfo) -> None:
        self.store, self.cursor, self.info = store, cursor, info
        self.n_items = int(store.execute(cursor, "select count(*) from _rm_baseline_items").fetchall()[0][0])

    def of(self, layout: Layout) -> _Vectors:
        """Return the vectors of a layout, that of the snapshot or another."""
        return _Vectors(self, layout)


class _Vectors:
    """Vectors of one layout."""

    def __init__(self, reader: _Reader, layout: Layout) -> None:
        self._reader, self._field = reader, Field("", layout.width(reader.info.dim))
        self._members = member_vectors(reader.info, layout=layout)

    def cover(self, items: np.ndarray) -> bool:
        """Return whether all of these responses have a vector."""
        rows = self._run("reports/baseline_covered", items).fetchall()
        return int(rows[0][0]) == len(items)

    def hold(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors (k, d) of some responses, and the row of every response, (n,), -1 for the others."""
        held = np.empty((len(items), self._field.width), np.float32)
        place = np.full(self._reader.n_items, -1, np.int64)
        place[items] = np.arange(len(items))
        for numbers, vectors in self.batches(items):
            held[place[numbers]] = vectors
        return held, place

    def batches(self, items: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield numbers (m,) and vectors (m, d) of some responses, each once."""
        relation = self._run("reports/baseline_vectors", items)
        for batch in relation.to_arrow_reader(max(2_048, _BATCH // self._field.width)):
            self._reader.store.check()
            table = pa.Table.from_batches([batch])
            matrix, _ = read_matrix(table["embedding"], (self._field,), what="embedding of a baseline")
            yield table["item"].to_numpy(), matrix

    def _run(self, name: str, items: np.ndarray) -> duckdb.DuckDBPyRelation:
        self._reader.cursor.register("_rm_baseline_wanted", pa.table({"item": items}))
        with self._reader.store.translated():
            return self._reader.cursor.sql(fill_in(statement(name), {"vectors": self._members}))
