"""Which runs ``report run --all`` is made of: every report, for every head and snapshot that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from rmstore import head_store, snapshots
from rmstore.reports.files import Broken, scan
from rmstore.reports.header import Report
from rmstore.reports.parameters import check_value
from rmstore.store import Store


@dataclass(frozen=True)
class Planned:
    """One run of the plan, or a report that has none.

    Attributes:
        name: name of the report.
        report: the report; None where its file cannot be read.
        head: reference of its head, None for a report without one.
        snapshot: reference of its snapshot, None for a report without one.
        params: its parameters.
        file: where the rows go, below the folder.
        reason: why it is not run; empty where it is.
    """

    name: str
    report: Report | None
    head: str | None = None
    snapshot: str | None = None
    params: Mapping[str, Any] | None = None
    file: PurePath | None = None
    reason: str = ""


def plan(
    store: Store,
    *,
    heads: Sequence[str] = (),
    frozen: Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
    dirs: Sequence[str | Path] = (),
) -> list[Planned]:
    """Return the runs of every report, by name of the report.

    A report of one head is run for each of the heads, on each of the snapshots or on the head's own; one of a snapshot
    alone on each of the snapshots, or on the latest version of every name; one of neither once. A head or snapshot
    that is optional is left out. A report that needs more than one of a kind is not run.

    Args:
        store: an open store.
        heads: references; by default the version that the bare name of each head means.
        frozen: references of snapshots.
        params: further parameters; each goes to the reports that have it.
        dirs: folders with more reports.

    Raises:
        UnknownNameError: no such head or snapshot.
        OptionError: no report has a parameter of a given name, or none takes its value.
    """
    found, given = scan(dirs), dict(params or {})
    known = [param for one in found if isinstance(one, Report) for param in one.params]
    for name, value in given.items():
        check_value(name, value, known)
    choice = _Choice.of(store, heads, frozen)
    return _apart([planned for one in found for planned in _of_report(one, choice, given)])


@dataclass(frozen=True)
class _Choice:
    """References to choose from: heads with the snapshot of each, snapshots that were asked for, and the latest."""

    heads: dict[str, str | None]
    asked: list[str]
    latest: list[str]

    @classmethod
    def of(cls, store: Store, heads: Sequence[str], frozen: Sequence[str]) -> _Choice:
        names = heads or sorted({head.name for head in head_store.list_heads(store)})
        there = sorted(snapshots.list_snapshots(store), key=lambda one: (one.name, one.version))
        by_id: dict[int | None, str] = {one.snapshot_id: one.reference for one in there}
        found = [head_store.resolve(store, name) for name in names]
        return cls(
            {head.reference: by_id.get(head.snapshot_id) for head in found},
            [snapshots.resolve(store, text).reference for text in dict.fromkeys(frozen)],
            list({one.name: one.reference for one in there}.values()),
        )


def _of_report(one: Report | Broken, choice: _Choice, given: Mapping[str, Any]) -> list[Planned]:
    if isinstance(one, Broken):
        return [Planned(one.name, None, reason=one.problem)]
    needed = {kind: _needed(one, kind) for kind in ("HEAD", "SNAPSHOT")}
    several = [f"{len(names)} {kind.lower()}s" for kind, names in needed.items() if len(names) > 1]
    if several:
        return [Planned(one.name, one, reason=f"it needs {' and '.join(several)}: run it by itself")]
    if needed["HEAD"] and not choice.heads:
        return [Planned(one.name, one, reason="there is no head")]
    own = {param.name: given[param.name] for param in one.params if param.name in given}
    heads: list[str | None] = [*choice.heads] if needed["HEAD"] else [None]
    plans = []
    for head in heads:
        default: list[str | None] = [choice.heads[head]] if head else [*choice.latest] or [None]
        for snapshot in (choice.asked or default) if needed["SNAPSHOT"] else [None]:
            chosen = dict.fromkeys(needed["HEAD"], head) | dict.fromkeys(needed["SNAPSHOT"], snapshot)
            stem = "+".join(part.replace("/", "~") for part in (head, snapshot) if part) or "all"
            file = PurePath(one.name) / f"{stem}.parquet"
            plans.append(Planned(one.name, one, head, snapshot, own | chosen, file))
    return plans


def _needed(report: Report, kind: str) -> list[str]:
    return [param.name for param in report.params if param.type == kind and param.is_required]


def _apart(plans: list[Planned]) -> list[Planned]:
    """Leave out the second of two names that are one where case does not count."""
    taken: dict[str, PurePath] = {}
    found = []
    for one in plans:
        other = taken.setdefault(str(one.file).lower(), one.file) if one.file else None
        alike = f"{one.file} and {other} are one file where case does not count: give it a folder of its own"
        found.append(one if other == one.file else replace(one, reason=alike))
    return found
