"""Training: examples from SQL, a fit, metrics, and a stored head version."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from rmstore import head_store, references, snapshots
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError, OptionError
from rmstore.fitting import Fitted, fit
from rmstore.grouping import SPLITS
from rmstore.hashing import fingerprint
from rmstore.pairs import read_pairs
from rmstore.rankings import read_rankings
from rmstore.ratings import read_ratings
from rmstore.recipes import Plan, Recipe, plan
from rmstore.records import HeadInfo, Progress, SnapshotInfo, silent
from rmstore.sides import STEP_LAYOUT
from rmstore.store import Store
from rmstore.training_set import TrainingSet

RECIPE_VERSION = 1
"""Grows when the same inputs would fit another head than before; part of every fingerprint."""

READERS: Mapping[str, Callable[..., TrainingSet]] = {
    "pairs": read_pairs,
    "rankings": read_rankings,
    "ratings": read_ratings,
    "steps": read_ratings,
}
"""What the rows of a training query can be."""

METRICS = ("accuracy", "nll", "mse", "r2")
"""Metrics that a result shows for every split: of pairs and steps, and of ratings."""
COUNTED = ("accuracy", "mse", "nll")
"""The metric whose number of rows is shown: the first that there is."""


@dataclass(frozen=True)
class TrainResult:
    """A head version, whether it was fitted now, and its metrics by (split, metric) as (value, n)."""

    info: HeadInfo
    is_new: bool
    metrics: dict[tuple[str, str], tuple[float, int]]
    seconds: float

    def row(self) -> dict[str, Any]:
        """Return the result as ``rm_train`` shows it; a metric that does not belong to the head is None."""
        shown: dict[str, Any] = {
            "head": self.info.name,
            "version": self.info.version,
            "is_new": self.is_new,
            "n_used": self.info.n_used,
            "n_skipped": self.info.n_skipped,
        }
        for split in SPLITS:
            counted = [self.metrics[split, metric][1] for metric in COUNTED if (split, metric) in self.metrics]
            shown[f"{split}_n"] = counted[0] if counted else 0
            for metric in METRICS:
                shown[f"{split}_{metric}"] = self.metrics.get((split, metric), (None, 0))[0]
        shown["notes"], shown["seconds"] = list(self.info.notes), self.seconds
        return shown


def train(
    store: Store,
    name: str,
    rows: pa.StructArray,
    recipe: Recipe,
    *,
    form: str = "pairs",
    snapshot: str | None = None,
    training_sql: str | None = None,
    progress: Progress = silent,
) -> TrainResult:
    """Train a head on the rows of a query and store it as the next version of its name.

    The same rows, recipe and name give the same version back without fitting; under another name the fitted head is
    copied.

    Args:
        store: where snapshots are read and the head is kept.
        name: name of the head.
        rows: what :func:`rmstore.pairs.read_pairs`, :func:`rmstore.rankings.read_rankings` or
            :func:`rmstore.ratings.read_ratings` takes.
        recipe: head, objective and their options.
        form: what the rows are: ``pairs``, ``rankings``, ``ratings`` or ``steps``.
        snapshot: reference of the snapshot that ids belong to, or that the vectors came from.
        training_sql: the query, kept beside the head.
        progress: told how far the fit is.

    Raises:
        InputError: the rows cannot be trained on.
        OptionError: an option, head or objective that does not exist or does not fit.
        UnknownNameError: no such head kind, objective, snapshot or head to start from.
    """
    started = time.perf_counter()
    references.valid_name(name, kind="head")
    source = snapshots.resolve(store, snapshot) if snapshot is not None else None
    if source is not None and form == "steps":
        source = replace(source, layout=STEP_LAYOUT)
    job = _job(store, rows, recipe, form, source)
    known = head_store.find(store, job.fingerprint, name)
    if known is None and (twin := head_store.find(store, job.fingerprint)):
        known = head_store.copy(store, twin, name)
    if known is not None:
        known = replace(known, n_skipped=job.examples.n_skipped)  # of this query: what is skipped leaves no other trace
        return TrainResult(known, False, head_store.metrics(store, known.head_id), time.perf_counter() - started)
    fitted = job.fit(store, progress)
    scorer, examples = fitted.scorer, job.examples
    new = head_store.NewHead(
        name=name,
        kind=recipe.head,
        objective=recipe.objective,
        options={**fitted.options, "start": job.start.reference} if job.start else fitted.options,
        chosen=fitted.chosen,
        members=recipe.members,
        merge=recipe.merge,
        seed=recipe.seed,
        snapshot_id=source.snapshot_id if source else None,
        encoder_key=source.encoder_key if source else None,
        layout=source.layout if source else None,
        inputs=tuple(vars(field) for field in scorer.fields),
        within_prompt=examples.within_prompt,
        training_sql=training_sql,
        fingerprint=job.fingerprint,
        n_used=int((examples.split < SPLITS.index("test")).sum()),
        n_skipped=examples.n_skipped,
        temperature=scorer.temperature,
        reference_mean=scorer.reference_mean,
        member_means=tuple(scorer.member_means.tolist()),
        member_scales=tuple(scorer.member_scales.tolist()),
        seconds=time.perf_counter() - started,
        notes=fitted.notes,
        data=fitted.data,
        metrics=fitted.metrics,
        group_ids=job.seen(store),
    )
    store.check()
    info = head_store.save(store, new)
    return TrainResult(info, True, fitted.metrics, time.perf_counter() - started)


def fit_rows(store: Store, rows: pa.StructArray, recipe: Recipe, *, snapshot: SnapshotInfo) -> Fitted:
    """Fit a head on the pairs of a query, as :func:`train` does, without storing it.

    Raises:
        InputError: the pairs cannot be trained on.
        OptionError: an option that does not exist or does not fit.
    """
    return _job(store, rows, recipe, "pairs", snapshot).fit(store, silent)


@dataclass(frozen=True)
class _Job:
    """A fit that is fully described and has not been made."""

    plan: Plan
    examples: TrainingSet
    start: HeadInfo | None
    fingerprint: str

    def seen(self, store: Store) -> tuple[str, ...]:
        """Return the groups that train or validate, or that the start of the fit saw before."""
        before = [] if self.start is None else head_store.group_ids(store, self.start.head_id)
        return tuple(sorted({*self.examples.group_ids, *before}))

    def fit(self, store: Store, progress: Progress) -> Fitted:
        start = None if self.start is None else head_store.scorer(store, self.start.head_id)
        return fit(self.examples, self.plan, start=start, poll=_poll(store, progress))


def _job(store: Store, rows: pa.StructArray, recipe: Recipe, form: str, source: SnapshotInfo | None) -> _Job:
    """Return what a fit needs, checked.

    Raises:
        InputError: the rows cannot be trained on.
        OptionError: an option, head or objective that does not exist or does not fit.
    """
    planned = plan(recipe)
    if (planned.objective.sees == "item") != (form in {"ratings", "steps"}):
        raise OptionError(
            f"the objective {recipe.objective!r} does not learn from {form}",
            hint="ratings: 'squared' or 'logistic'; steps: 'logistic'; rankings: 'plackett_luce'; pairs: 'bt', ...",
        )
    start = None if planned.start is None else head_store.resolve(store, planned.start)
    if start is not None and source is not None:
        _check_start(start, source)
    examples = READERS[form](store, rows, snapshot=source, objective=planned.objective, seed=recipe.seed)
    if len(examples.attributes) > 1 and not planned.kind.takes_attributes:
        raise InputError(
            f"value mixes {len(examples.attributes)} attributes: {', '.join(examples.attributes)}",
            hint="keep one with where, train a head for each with group by, or all in one with head := 'multi'",
        )
    if planned.kind.reads_prompt and start and source and source.layout != STEP_LAYOUT and not examples.fields[0].name:
        columns = parse_layout(source.layout).columns("prompt", source.dim)
        planned = planned.knowing(prompt_at=columns)
        if columns is None:
            told = f"layout {source.layout!r} has no part prompt, so all prompts get the same weights"
            examples = replace(examples, notes=(*examples.notes, told))
    return _Job(planned, examples, start, _fingerprint(planned, examples, start, source))


def _check_start(start: HeadInfo, source: SnapshotInfo) -> None:
    """Refuse to go on from a head whose vectors are not the first columns of the snapshot's.

    Raises:
        InputError: encoder or layout differ.
    """
    if start.encoder_key not in {None, source.encoder_key}:
        raise InputError(
            f"{start.reference} was trained on another encoder than that of {source.reference}",
            hint="start from a head of the same encoder",
        )
    if start.layout in {None, source.layout}:
        return
    terms = parse_layout(start.layout).terms
    if parse_layout(source.layout).terms[: len(terms)] != terms:
        raise InputError(
            f"{start.reference} was trained on layout {start.layout!r}, but {source.reference} has {source.layout!r}",
            hint=f"make a snapshot whose layout is or begins with {start.layout!r}",
        )


def _fingerprint(planned: Plan, examples: TrainingSet, start: HeadInfo | None, source: SnapshotInfo | None) -> str:
    recipe = planned.recipe
    ways = [[candidate.options, candidate.objective.options] for candidate in planned.candidates]
    return fingerprint(
        "head", RECIPE_VERSION, examples.digest(), recipe.head, recipe.objective, ways, recipe.members, recipe.merge,
        recipe.seed, [field.described for field in examples.fields], start.fingerprint if start else None,
        source.encoder_key if source else None, source.layout if source else None,
    )  # fmt: skip


def _poll(store: Store, progress: Progress) -> Callable[[float, str], None]:
    def poll(share: float, note: str) -> None:
        store.check()
        progress(round(share * 1000), 1000, note)

    return poll
