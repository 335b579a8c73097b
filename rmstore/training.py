"""Training: pairs from SQL, a fit, metrics, and a stored head version."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from rmstore import head_store, references, snapshots
from rmstore.errors import InputError, OptionError, UnknownNameError
from rmstore.features import FEATURES, struct_of_inputs
from rmstore.filters import one_expression
from rmstore.grouping import SPLITS
from rmstore.hashing import fingerprint
from rmstore.heads import HEADS
from rmstore.heads.base import Head
from rmstore.kernels import Field, Scorer, one_blas_thread, standardise
from rmstore.metrics import fit_temperature, pair_metrics
from rmstore.objectives import OBJECTIVES
from rmstore.objectives.base import Objective
from rmstore.pairs import TrainingPairs, read_pairs
from rmstore.records import HeadInfo, Progress, SnapshotInfo, silent
from rmstore.store import Store

SMALL_FIT = 16_000_000
"""Numbers in the items below which a fit gets one BLAS thread: on a busy machine threads that wait for each other made
small fits twenty times slower, on an idle one they save little."""

RECIPE_VERSION = 1
"""Grows when the same inputs would fit another head than before; part of every fingerprint."""


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that ``rm_train`` takes beside the pairs."""

    head: str = "linear"
    objective: str = "bt"
    members: int = 1
    merge: str | None = None
    seed: int = 0
    options: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TrainResult:
    """A head version, whether it was fitted now, and its metrics by (split, metric) as (value, n)."""

    info: HeadInfo
    is_new: bool
    metrics: dict[tuple[str, str], tuple[float, int]]
    seconds: float

    def row(self) -> dict[str, Any]:
        """Return the result as ``rm_train`` shows it."""
        shown: dict[str, Any] = {
            "head": self.info.name,
            "version": self.info.version,
            "is_new": self.is_new,
            "n_used": self.info.n_used,
            "n_skipped": self.info.n_skipped,
        }
        for split in SPLITS:
            accuracy, n = self.metrics.get((split, "accuracy"), (None, 0))
            shown[f"{split}_n"], shown[f"{split}_accuracy"] = n, accuracy
            shown[f"{split}_nll"] = self.metrics.get((split, "nll"), (None, 0))[0]
        shown["notes"], shown["seconds"] = list(self.info.notes), self.seconds
        return shown


@dataclass(frozen=True)
class Fitted:
    """A fitted head that is not stored yet."""

    scorer: Scorer
    data: bytes
    options: dict[str, Any]
    chosen: dict[str, Any]
    metrics: dict[tuple[str, str], tuple[float, int]]
    notes: tuple[str, ...]


def train(
    store: Store,
    name: str,
    rows: pa.StructArray,
    recipe: Recipe,
    *,
    snapshot: str | None = None,
    training_sql: str | None = None,
    progress: Progress = silent,
) -> TrainResult:
    """Train a head on pairs and store it as the next version of its name.

    The same pairs, recipe and name give the same version back without fitting; under another name the fitted
    head is copied.

    Args:
        store: where snapshots are read and the head is kept.
        name: name of the head.
        rows: fields chosen, rejected, prompt, weight, margin, prob, split; see ``rm_train``.
        recipe: head, objective and their options.
        snapshot: reference of the snapshot that ids belong to, or that the vectors came from.
        training_sql: the query, kept beside the head.
        progress: told how far the fit is.

    Raises:
        InputError: the pairs cannot be trained on.
        OptionError: an option, head or objective that does not exist or does not fit.
        UnknownNameError: no such head kind, objective or snapshot.
    """
    started = time.perf_counter()
    references.valid_name(name, kind="head")
    kind, objective, options = _prepared(recipe)
    source = snapshots.resolve(store, snapshot) if snapshot is not None else None
    pairs = read_pairs(store, rows, snapshot=source, uses_ties=recipe.objective == "soft", seed=recipe.seed)
    print_ = _fingerprint(pairs, recipe, options, objective, source)
    known = head_store.find(store, print_, name)
    if known is None and (twin := head_store.find(store, print_)):
        known = head_store.copy(store, twin, name)
    if known is not None:
        return TrainResult(known, False, head_store.metrics(store, known.head_id), time.perf_counter() - started)
    fitted = fit(pairs, kind, objective, options, recipe, poll=_poll(store, progress))
    scorer = fitted.scorer
    new = head_store.NewHead(
        name=name,
        kind=recipe.head,
        objective=recipe.objective,
        options=fitted.options,
        chosen=fitted.chosen,
        members=recipe.members,
        merge=recipe.merge,
        seed=recipe.seed,
        snapshot_id=source.snapshot_id if source else None,
        encoder_key=source.encoder_key if source else None,
        layout=source.layout if source else None,
        inputs=tuple(vars(field) for field in scorer.fields),
        within_prompt=pairs.within_prompt,
        training_sql=training_sql,
        fingerprint=print_,
        n_used=int((pairs.split < SPLITS.index("test")).sum()),
        n_skipped=pairs.n_skipped,
        temperature=scorer.temperature,
        reference_mean=scorer.reference_mean,
        member_means=tuple(scorer.member_means.tolist()),
        member_scales=tuple(scorer.member_scales.tolist()),
        seconds=time.perf_counter() - started,
        notes=fitted.notes,
        data=fitted.data,
        metrics=fitted.metrics,
        group_ids=pairs.group_ids,
    )
    store.check()
    info = head_store.save(store, new)
    return TrainResult(info, True, fitted.metrics, time.perf_counter() - started)


def fit(
    pairs: TrainingPairs,
    kind: type[Head],
    objective: Objective,
    options: dict[str, Any],
    recipe: Recipe,
    *,
    poll: Callable[[float, str], None],
) -> Fitted:
    """Fit a head on prepared pairs and measure it; nothing is stored.

    Raises:
        InputError: too few pairs train.
    """
    items = pairs.read_items()
    train_part, valid_part = pairs.part("train", items), pairs.part("valid", items)
    if len(train_part) < 2:
        raise InputError(
            f"too few pairs: {len(train_part)} to train on, {len(valid_part)} for validation, "
            f"{len(pairs) - len(train_part) - len(valid_part)} for test",
            hint="give at least two training pairs; in SQL, split := 'train' trains on every row",
        )
    reference = np.unique(np.concatenate([train_part.chosen, train_part.rejected]))
    fields = tuple(_standardised(pairs.fields, items[reference]))
    items = standardise(items, fields)
    train_part, valid_part = replace(train_part, items=items), replace(valid_part, items=items)
    with one_blas_thread() if items.size < SMALL_FIT else nullcontext():
        head, chosen = kind.fit(
            train_part, valid_part if len(valid_part) else None, objective=objective, options=options,
            members=recipe.members, merge=recipe.merge, seed=recipe.seed, poll=poll,
        )  # fmt: skip
    members = np.concatenate([head.members(items[start : start + 8_192]) for start in range(0, len(items), 8_192)])
    rewards = members.astype(np.float64).mean(axis=1)
    means = members[reference].astype(np.float64).mean(axis=0)
    scales = members[reference].astype(np.float64).std(axis=0)
    notes = list(pairs.notes)
    if not (scales > 0).all():
        notes.append("a member gives every reference item the same reward")
    temperature, basis = fit_temperature(rewards, valid_part)
    metrics = {
        key: value
        for split in SPLITS
        for key, value in pair_metrics(split, pairs.part(split, items), rewards, temperature).items()
    }
    scorer = Scorer(
        head, fields, float(rewards[reference].mean()), means.astype(np.float32),
        np.where(scales > 0, scales, 1).astype(np.float32), temperature,
    )  # fmt: skip
    stored = {**options, **objective.options}
    return Fitted(scorer, head.to_bytes(), stored, {**chosen, "temperature_from": basis}, metrics, tuple(notes))


def fit_rows(store: Store, rows: pa.StructArray, recipe: Recipe, *, snapshot: SnapshotInfo) -> Fitted:
    """Fit a head on the pairs of a query, as :func:`train` does, without storing it.

    Raises:
        InputError: the pairs cannot be trained on.
        OptionError: an option that does not exist or does not fit.
    """
    kind, objective, options = _prepared(recipe)
    pairs = read_pairs(store, rows, snapshot=snapshot, uses_ties=recipe.objective == "soft", seed=recipe.seed)
    return fit(pairs, kind, objective, options, recipe, poll=_poll(store, silent))


def train_snapshot(
    store: Store,
    name: str,
    *,
    snapshot: str,
    recipe: Recipe = Recipe(),
    where: str | None = None,
    features: Sequence[str] = (),
    progress: Progress = silent,
) -> TrainResult:
    """Train a head on the preferences of a snapshot's responses; this is what ``rmstore train`` runs.

    Args:
        store: an open store.
        name: name of the head.
        snapshot: reference of the snapshot.
        recipe: head, objective and their options.
        where: one SQL condition over the columns of ``rm_pairs``, such as ``dataset = 'hh'``.
        features: side features beside the vector, such as ``log_len``.
        progress: told how far the fit is.
    """
    info = snapshots.resolve(store, snapshot)
    query, rows = pairs_of_snapshot(store, info, where=where, features=features)
    return train(store, name, rows, recipe, snapshot=info.reference, training_sql=query, progress=progress)


def pairs_of_snapshot(
    store: Store, info: SnapshotInfo, *, where: str | None = None, features: Sequence[str] = ()
) -> tuple[str, pa.StructArray]:
    """Return the query over ``rm_pairs`` and its rows, in the shape that :func:`train` takes."""
    sides = [f"{side}_id" for side in ("chosen", "rejected")]
    for feature in features:
        if feature not in FEATURES:
            raise UnknownNameError("side feature", feature, FEATURES)
    if features:
        sides = [struct_of_inputs(("e", *features), side=side) for side in ("chosen", "rejected")]
    condition = f"\nwhere ({one_expression(store, where)})" if where else ""
    query = (
        f"select {sides[0]} as chosen, {sides[1]} as rejected, prompt_id as prompt, weight, margin, prob, split\n"
        f"from rm_pairs($snapshot){condition}"
    )
    table = store.arrow(store.cursor(), query, {"snapshot": info.reference})
    columns = [column.combine_chunks() for column in table.columns]
    return query, pa.StructArray.from_arrays(columns, names=table.column_names)


def _prepared(recipe: Recipe) -> tuple[type[Head], Objective, dict[str, Any]]:
    """Return the head class, the objective and the head's options; options are shared out by who knows them."""
    for name, least, hint in (("members", 1, "1 for a single head, 5 for an ensemble"), ("seed", 0, "such as 7")):
        value = getattr(recipe, name)
        if not isinstance(value, int) or not least <= value < 2**63:
            raise OptionError(f"{name} is {value}", hint=f"a whole number of at least {least}: {hint}")
    kind, objective_class = HEADS[recipe.head], OBJECTIVES[recipe.objective]
    given = dict(recipe.options or {})
    own = {key: given.pop(key) for key in list(given) if key in objective_class.defaults}
    return kind, objective_class(own), kind.options(given)


def _fingerprint(
    pairs: TrainingPairs, recipe: Recipe, options: dict[str, Any], objective: Objective, source: SnapshotInfo | None
) -> str:
    return fingerprint(
        "head", RECIPE_VERSION, pairs.digest(), recipe.head, options, recipe.objective, objective.options,
        recipe.members, recipe.merge, recipe.seed, [field.described for field in pairs.fields],
        source.encoder_key if source else None, source.layout if source else None,
    )  # fmt: skip


def _standardised(fields: tuple[Field, ...], items: np.ndarray) -> list[Field]:
    """Return the fields with shift and scale of the scalars over the given items."""
    done, start = [], 0
    for field in fields:
        if field.is_scalar:
            column = items[:, start].astype(np.float64)
            field = replace(field, shift=float(column.mean()), scale=float(column.std()) or 1.0)
        done.append(field)
        start += field.width
    return done


def _poll(store: Store, progress: Progress) -> Callable[[float, str], None]:
    def poll(share: float, note: str) -> None:
        store.check()
        progress(round(share * 1000), 1000, note)

    return poll


def parse_options(text: str | None) -> dict[str, Any]:
    """Return the options of a JSON object, or of none.

    Raises:
        OptionError: it is not a JSON object.
    """
    if text is None:
        return {}
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise OptionError(f"options is {text!r}", hint="give a struct, such as options := {'l2': 0.01}")
    return given
