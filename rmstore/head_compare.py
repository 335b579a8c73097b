"""Two heads side by side: the facts that differ, their metrics, and how they rank the same pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rmstore import head_store, snapshots
from rmstore.errors import InputError, OptionError
from rmstore.grouping import SPLITS
from rmstore.records import HeadInfo
from rmstore.store import Store

FACTS = (
    "kind", "objective", "members", "merge", "seed", "encoder_key", "layout", "within_prompt", "training_sql",
    "fingerprint", "n_used", "n_skipped", "temperature", "rmstore_version",
)  # fmt: skip


@dataclass(frozen=True)
class HeadComparison:
    """What :func:`compare` found.

    Attributes:
        a: the first head.
        b: the second head.
        facts: rows of fact, a and b, for those that differ.
        metrics: rows of split, metric, a and b, as each was measured when it was trained.
        pairs: accuracies, their paired difference with its interval, agreement and rank correlation on the same pairs.
    """

    a: HeadInfo
    b: HeadInfo
    facts: tuple[dict[str, Any], ...]
    metrics: tuple[dict[str, Any], ...]
    pairs: dict[str, Any]


def compare(store: Store, a: str, b: str, *, snapshot: str | None = None, split: str = "test") -> HeadComparison:
    """Return two heads side by side, and how they rank the votes whose groups neither saw in training.

    Args:
        store: an open store.
        a: reference of the first head; differences are a less b.
        b: reference of the second.
        snapshot: whose votes and vectors both are given; by default each gets the vectors of the snapshot that it was
            trained on, so that heads of two encoders can be compared on responses that both snapshots hold.
        split: ``train``, ``valid``, ``test`` or ``all``.

    Raises:
        UnknownNameError: no such head or snapshot.
        InputError: a head was trained on another encoder or layout, or on no snapshot and none is given.
        OptionError: no such split.
    """
    if split not in {*SPLITS, "all"}:
        raise OptionError(f"split is {split!r}", hint=f"one of {', '.join(SPLITS)}, all")
    first, second = head_store.resolve(store, a), head_store.resolve(store, b)
    place = {f"snapshot_{side}": _place(store, info, snapshot) for side, info in (("a", first), ("b", second))}
    pairs = store.run("heads/compare", {"a": first.reference, "b": second.reference, "split": split, **place})[0]
    values = {side: _values(store, info) for side, info in (("a", first), ("b", second))}
    return HeadComparison(
        a=first,
        b=second,
        facts=tuple(_different(_facts(store, first), _facts(store, second))),
        metrics=tuple(
            {"split": part, "metric": metric, **{side: own.get((part, metric)) for side, own in values.items()}}
            for part, metric in sorted({*values["a"], *values["b"]})
        ),
        pairs={**place, "split": split, **pairs},
    )


def _place(store: Store, info: HeadInfo, snapshot: str | None) -> str:
    if snapshot is not None:
        return snapshots.resolve(store, snapshot).reference
    own = [found for found in snapshots.list_snapshots(store) if found.snapshot_id == info.snapshot_id]
    if not own:
        raise InputError(
            f"head {info.reference} knows no snapshot of this store to be compared on", hint="say --snapshot NAME"
        )
    return own[0].reference


def _values(store: Store, info: HeadInfo) -> dict[tuple[str, str], float]:
    return {key: value for key, (value, _) in head_store.metrics(store, info.head_id).items()}


def _facts(store: Store, info: HeadInfo) -> dict[str, Any]:
    """Return what can differ, options one by one."""
    own = [found.reference for found in snapshots.list_snapshots(store) if found.snapshot_id == info.snapshot_id]
    inputs = ", ".join(f"{field['name'] or 'vector'} ({field['width']})" for field in info.inputs)
    named = {**{name: getattr(info, name) for name in FACTS}, "snapshot": own[0] if own else None, "inputs": inputs}
    for part in ("options", "chosen"):
        named |= {f"{part}.{name}": value for name, value in getattr(info, part).items() if not isinstance(value, list)}
    return named


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [*a, *(name for name in b if name not in a)]
    return [{"fact": name, "a": a.get(name), "b": b.get(name)} for name in names if a.get(name) != b.get(name)]
