"""Heads that a report trains for itself: fitted as ``rm_train`` fits, read for their rewards, and never stored.

A report that sweeps over noise or size fits dozens of heads on parts of the same votes. Here the votes are read once,
every head takes the votes that are marked for it, and what comes back is rewards. Nothing is left: no row in the store,
no scorer in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rmstore.errors import InputError, OptionError
from rmstore.fitting import fit
from rmstore.grouping import SPLITS, alike, components
from rmstore.kernels import Field, Scorer
from rmstore.recipes import Plan, Recipe, plan
from rmstore.records import SnapshotInfo
from rmstore.sides import find_sides, read_vectors, strings
from rmstore.store import Store
from rmstore.training_set import TrainingSet, in_order, numbers

OUT, TRAIN, TRAIN_TURNED, VALID, VALID_TURNED = range(5)
"""What a trial does with a vote: nothing, learn from it, or choose on it; turned round, the other side is preferred."""


@dataclass(frozen=True)
class Trial:
    """What a trial head says.

    Attributes:
        rewards: of the judged responses in their order, (n,) float32; equal vectors have equal rewards.
        temperature: divides a difference of rewards before the sigmoid.
    """

    rewards: pa.Array
    temperature: float


def run_trials(
    store: Store, snapshot: SnapshotInfo, votes: pa.StructArray, judged: pa.Array, recipes: Sequence[Recipe]
) -> Iterator[Trial | None]:
    """Fit one head per recipe, on the votes that are marked for it, and yield what it says of the judged responses.

    A head is the one that ``rm_train`` would fit on its votes, bit for bit; None stands for a trial without votes.

    Args:
        store: where the vectors are.
        snapshot: whose responses the ids are.
        votes: fields chosen_id, rejected_id, prob, weight, and marks: one mark per trial, see ``OUT`` to
            ``VALID_TURNED``.
        judged: ids of responses.
        recipes: how to train, by trial.

    Raises:
        InputError: a trial has too few votes, or a judged response is no member of the snapshot.
        OptionError: an option or objective that does not exist or that votes cannot train.
        Interrupted: Ctrl-C arrived.
    """
    plans = [_planned(recipe) for recipe in recipes]
    if not len(votes):
        yield from (None for _ in plans)
        return
    vectors = _Vectors.of(store, snapshot, [votes.field("chosen_id"), votes.field("rejected_id"), judged])
    known, asked = _known(store, snapshot, votes, vectors, len(plans)), _Judged.of(vectors, judged)
    for number, planned in enumerate(plans):
        store.check()
        mark = known.marks[:, number]
        if not mark.any():
            yield None
            continue
        scorer = fit(known.part(mark), planned, poll=lambda *_: store.check()).scorer
        yield Trial(asked.rewards(scorer), scorer.temperature)


@dataclass(frozen=True)
class _Vectors:
    """The vectors of every response that a sweep trains on or judges, each once.

    Attributes:
        snapshot: where they are from.
        ids: ids of the responses as text, ascending.
        row: row of each in the matrix, -1 where it is no member of the snapshot.
        matrix: (n, d) float32, in the order of the ids.
    """

    snapshot: SnapshotInfo
    ids: pa.Array
    row: np.ndarray
    matrix: np.ndarray

    @classmethod
    def of(cls, store: Store, snapshot: SnapshotInfo, columns: Sequence[pa.Array]) -> _Vectors:
        ids = pc.unique(pa.chunked_array([strings(column) for column in columns])).drop_null()
        ids = ids.take(pc.array_sort_indices(ids))
        matrix, row = read_vectors(store, snapshot, ids)
        return cls(snapshot, ids, row, matrix)

    def rows(self, column: pa.Array) -> np.ndarray:
        """Return the row of every response of a column, -1 where it has none."""
        place = pc.index_in(strings(column), value_set=self.ids).fill_null(-1).to_numpy(zero_copy_only=False)
        return np.where(place < 0, -1, np.append(self.row, -1)[place])


@dataclass(frozen=True)
class _Votes:
    """The usable votes of all trials over one matrix of items.

    Attributes:
        columns: chosen, rejected, prob, margin and weight, each (p,).
        ends: number of the group of either side, each (p,).
        marks: (p, trials) uint8.
        items: (n, d) float32, in the order of their ids.
        fields: what an item is made of.
    """

    columns: dict[str, np.ndarray]
    ends: tuple[np.ndarray, ...]
    marks: np.ndarray
    items: np.ndarray
    fields: tuple[Field, ...]

    def part(self, mark: np.ndarray) -> TrainingSet:
        """Return the votes of one trial over the items that they use."""
        keep = mark > OUT
        kept = mark[keep]
        turned = (kept == TRAIN_TURNED) | (kept == VALID_TURNED)
        columns = {name: column[keep] for name, column in self.columns.items()}
        chosen, rejected = columns["chosen"], columns["rejected"]
        used = np.zeros(len(self.items), bool)
        used[chosen] = used[rejected] = True
        at = np.cumsum(used) - 1
        columns["chosen"] = at[np.where(turned, rejected, chosen)]
        columns["rejected"] = at[np.where(turned, chosen, rejected)]
        split = np.where(kept >= VALID, SPLITS.index("valid"), SPLITS.index("train")).astype(np.int8)
        first, second = (end[keep] for end in self.ends)
        columns, split = in_order(columns, split, components(first, second, int(max(first.max(), second.max())) + 1))
        return TrainingSet(columns, (), split, self.fields, 0, (), None, "", (), lambda: self.items[used])


def _planned(recipe: Recipe) -> Plan:
    planned = plan(recipe)
    if planned.objective.sees == "item":
        raise OptionError(
            f"the objective {recipe.objective!r} does not learn from pairs", hint="'bt' is usual; hinge, margin, ..."
        )
    if planned.start is not None:
        raise OptionError(f"start is {planned.start!r}", hint="a report trains its heads from the beginning")
    return planned


def _known(store: Store, snapshot: SnapshotInfo, votes: pa.StructArray, vectors: _Vectors, trials: int) -> _Votes:
    marks = votes.field("marks")
    if (lengths := {*marks.value_lengths().unique().to_pylist()}) != {trials}:
        raise InputError(f"votes have {sorted(lengths)} marks for {trials} trials", hint="one mark per trial")
    table = marks.flatten().to_numpy(zero_copy_only=False).astype(np.uint8).reshape(-1, trials)
    named = [(side, votes.field(f"{side}_id")) for side in ("chosen", "rejected")]
    sides = find_sides(store, named, prompt=None, snapshot=snapshot)
    chosen, rejected = (vectors.rows(ids) for _, ids in named)
    keep = (chosen >= 0) & (rejected >= 0) & (chosen != rejected)
    groups = pa.array(np.concatenate(sides.known), pa.string()).dictionary_encode()
    rank = np.argsort(np.argsort(groups.dictionary.to_numpy(zero_copy_only=False).astype(str)))
    numbered = rank[groups.indices.to_numpy()]  # in the order of their ids, as rm_train numbers them
    columns = {
        "chosen": chosen, "rejected": rejected, "prob": numbers(votes, "prob", 1.0), "margin": np.zeros(len(votes)),
        "weight": numbers(votes, "weight", 1.0),
    }  # fmt: skip
    return _Votes(
        {name: column[keep] for name, column in columns.items()},
        tuple(end[keep] for end in np.split(numbered, len(sides.known))), table[keep], vectors.matrix, sides.fields,
    )  # fmt: skip


@dataclass(frozen=True)
class _Judged:
    """The judged responses.

    Attributes:
        vectors: of the distinct ones, (m, d) float32 as an arrow list array.
        place: for every judged response, in their order, where ``vectors`` has one that equals its own: the sums of a
            product differ in their last bits by the place of a row, so equal vectors take the reward of the first.
    """

    vectors: pa.Array
    place: np.ndarray

    @classmethod
    def of(cls, vectors: _Vectors, judged: pa.Array) -> _Judged:
        """Return the judged responses.

        Raises:
            InputError: one has no vector.
        """
        row = vectors.rows(judged)
        if (row < 0).any():
            lost, n = (pc.count_distinct(strings(ids)) for ids in (judged.filter(pa.array(row < 0)), judged))
            raise InputError(
                f"{lost} of {n} judged responses are no members of {vectors.snapshot.reference}",
                hint="judge responses of rm_rows",
            )
        rows, number = np.unique(row, return_inverse=True)
        matrix = vectors.matrix if len(rows) == len(vectors.matrix) else vectors.matrix[rows]
        first, same = alike(matrix)
        return cls(pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1]), first[same[number]])

    def rewards(self, scorer: Scorer) -> pa.Array:
        """Return what a head says of them, float32."""
        if not len(self.place):
            return pa.array([], pa.float32())
        return replace(scorer, name="trial").score(self.vectors).take(pa.array(self.place))
