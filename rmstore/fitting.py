"""One fit: examples in, a head with its metrics out; nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rmstore.errors import InputError
from rmstore.grouping import SPLITS
from rmstore.heads.base import Head, Pairs
from rmstore.heads.blas import one_blas_thread
from rmstore.heads.pairs import effective
from rmstore.kernels import Field, Scorer, standardise
from rmstore.metrics import Metrics, fit_temperature, measure
from rmstore.recipes import Candidate, Plan
from rmstore.training_set import TrainingSet

SMALL_FIT = 16_000_000
"""Numbers in the items below which a fit gets one BLAS thread: on a busy machine threads that wait for each other made
small fits twenty times slower, on an idle one they save little."""
CHUNK = 8_192
"""Items scored at a time after a fit."""

Poll = Callable[[float, str], None]


@dataclass(frozen=True)
class Fitted:
    """A fitted head that is not stored yet."""

    scorer: Scorer
    data: bytes
    options: dict[str, Any]
    chosen: dict[str, Any]
    metrics: Metrics
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Parts:
    """What every candidate is fitted on.

    Attributes:
        fields: what an item is made of, as the head will read it.
        splits: rows by split over the standardised items, ratings around their mean in training.
        reference: items of the training rows.
        level: what was subtracted from the ratings: a network would take longer to reach it than to learn the rest.
    """

    fields: tuple[Field, ...]
    splits: dict[str, Pairs]
    reference: np.ndarray
    level: float

    @property
    def items(self) -> np.ndarray:
        return self.splits["train"].items


def fit(examples: TrainingSet, plan: Plan, *, start: Scorer | None = None, poll: Poll) -> Fitted:
    """Fit a head, or the best of a search, and measure it.

    Args:
        examples: the rows of the training query.
        plan: head, objective and options, or several of them.
        start: head that the fit goes on from.
        poll: told the share that is done; stops the fit by raising.

    Raises:
        InputError: too few rows train, or a search has no validation rows.
        OptionError: the head cannot train this way.
    """
    parts = _parts(examples, plan, start)
    searched = len(plan.candidates) > 1
    if searched and not parts.splits["valid"].weight.any():
        raise InputError(
            "a search chooses on validation rows, and there are none",
            hint="give split := 'valid' to some rows, or at least twenty prompts",
        )
    best: Fitted | None = None
    record = []
    for number, candidate in enumerate(plan.candidates):
        share = _share(poll, number, len(plan.candidates))
        fitted = _fit_one(examples, parts, plan, candidate, start, share)
        told = {metric: round(value, 6) for metric, value in _valid(fitted).items()}
        record.append({"options": dict(candidate.given), **told})
        if best is None or _validation(fitted) < _validation(best):
            best = fitted  # the others are let go: two hundred wide heads would not fit
    assert best is not None
    return replace(best, chosen={**best.chosen, "search": record}) if searched else best


def _parts(examples: TrainingSet, plan: Plan, start: Scorer | None) -> _Parts:
    items = examples.read_items()
    splits = {split: examples.part(split, items) for split in SPLITS}
    train = splits["train"]
    if len(train) < 2:
        counts = {split: len(part) for split, part in splits.items()}
        raise InputError(
            f"too few rows: {counts['train']} to train on, {counts['valid']} for validation, {counts['test']} for test",
            hint="give at least two training rows; in SQL, split := 'train' trains on every row",
        )
    reference = np.unique(np.concatenate([train.chosen, train.rejected]))
    fields = tuple(_standardised(examples.fields, items, reference))
    if start is not None:
        fields, columns = _start_first(fields, start.fields)
        items = items if columns is None else items[:, columns]
    items = standardise(items, fields)
    splits = {split: replace(part, items=items) for split, part in splits.items()}
    level = 0.0
    if train.value is not None and plan.objective.name == "squared" and not plan.kind.takes_attributes:
        level = float(np.average(train.value, weights=train.weight if train.weight.any() else None))
        splits = {
            split: replace(part, value=None if part.value is None else part.value - level)
            for split, part in splits.items()
        }
    return _Parts(fields, splits, reference, level)


def _start_first(fields: tuple[Field, ...], known: tuple[Field, ...]) -> tuple[tuple[Field, ...], np.ndarray | None]:
    """Return the fields with those of the head that the fit goes on from in front, and the columns in that order.

    The start's weights belong to its own scale of the side features. Its plain vector is the first field of that width.
    The columns are None where they stay as they are. A start that knows other fields is left for the head to refuse.
    """
    places: list[int] = []
    for field in known:
        alike = [
            place
            for place, other in enumerate(fields)
            if (other.name == field.name or not field.name or not other.name)
            and (other.width, other.is_scalar) == (field.width, field.is_scalar)
            and place not in places
        ]
        if not alike:
            return fields, None
        places.append(alike[0])
    rest = [place for place in range(len(fields)) if place not in places]
    ordered = [replace(field, name=fields[place].name) for field, place in zip(known, places, strict=True)]
    ordered += [fields[place] for place in rest]
    if places + rest == list(range(len(fields))):
        return tuple(ordered), None
    ends = np.cumsum([field.width for field in fields])
    spans = [np.arange(ends[place] - fields[place].width, ends[place]) for place in places + rest]
    return tuple(ordered), np.concatenate(spans)


def _fit_one(
    examples: TrainingSet, parts: _Parts, plan: Plan, candidate: Candidate, start: Scorer | None, poll: Poll
) -> Fitted:
    recipe, items, train, valid = plan.recipe, parts.items, parts.splits["train"], parts.splits["valid"]
    with one_blas_thread() if items.size < SMALL_FIT else nullcontext():
        head, chosen = plan.kind.fit(
            train, valid if len(valid) else None, objective=candidate.objective, options=candidate.options,
            members=recipe.members, merge=recipe.merge, seed=recipe.seed, poll=poll,
            start=None if start is None else start.head,
        )  # fmt: skip
        members, rewards = _score(head, items, poll)
    located = candidate.objective.sees == "item" and not plan.kind.takes_attributes
    means = members[parts.reference].mean(axis=0, dtype=np.float64)
    scales = members[parts.reference].std(axis=0, dtype=np.float64)
    notes = list(examples.notes)
    if not (scales > 0).all():
        notes.append("a member gives every reference item the same reward")
    if recipe.members > 1 and (members == members[:, :1]).all() and members.shape[1] > 1:
        notes.append("all members give the same rewards, so they say nothing of what is uncertain")
    rated = members if plan.kind.takes_attributes else None
    temperature, basis = fit_temperature(rewards, valid, candidate.objective)
    metrics = {
        key: value
        for split, part in parts.splits.items()
        for key, value in measure(split, part, rewards, rated, temperature, candidate.objective).items()
    }
    if not (train.weight == train.weight[0]).all():
        chosen = {**chosen, "effective_sample_size": effective(train.weight)}
    # the level of a head that was trained on single items means something; that of pairs does not
    centre = -parts.level if located else float(rewards[parts.reference].mean())
    scorer = Scorer(
        head, parts.fields, centre, means.astype(np.float32), np.where(scales > 0, scales, 1).astype(np.float32),
        temperature,
    )  # fmt: skip
    return Fitted(
        scorer, head.to_bytes(), candidate.settings, {**chosen, "temperature_from": basis}, metrics, tuple(notes)
    )


def _score(head: Head, items: np.ndarray, poll: Poll) -> tuple[np.ndarray, np.ndarray]:
    """Return the rewards of the members, (n, m) float32, and of the head, (n,) float64."""
    is_mean = type(head).score is Head.score  # of members that are there already
    members = np.empty((len(items), head.n_members), dtype=np.float32)
    rewards = np.empty(len(items))
    for start in range(0, len(items), CHUNK):
        poll(1.0, "scoring what it learned from")
        rows = slice(start, start + CHUNK)
        members[rows] = head.members(items[rows])
        rewards[rows] = members[rows].mean(axis=1) if is_mean else head.score(items[rows])
    return members, rewards


def _standardised(fields: tuple[Field, ...], items: np.ndarray, rows: np.ndarray) -> list[Field]:
    """Return the fields with shift and scale of the scalars over some rows of the items."""
    done, start = [], 0
    for field in fields:
        if field.is_scalar:
            column = items[rows, start].astype(np.float64)
            field = replace(field, shift=float(column.mean()), scale=float(column.std()) or 1.0)
        done.append(field)
        start += field.width
    return done


def _valid(fitted: Fitted) -> dict[str, float]:
    """Return the validation metrics by name."""
    return {f"valid_{metric}": value for (split, metric), (value, _) in fitted.metrics.items() if split == "valid"}


def _validation(fitted: Fitted) -> float:
    """Return what a search minimises: NLL of the validation rows, or the squared error of ratings."""
    found = _valid(fitted)
    return found.get("valid_nll", found.get("valid_mse", 0.0))


def _share(poll: Poll, number: int, candidates: int) -> Poll:
    """Return a poll that counts one candidate's share as its part of the whole."""
    if candidates == 1:
        return poll
    return lambda share, note: poll((number + share) / candidates, f"{number + 1} of {candidates}: {note}")
