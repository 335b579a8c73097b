"""``report run --all``: every report that fits, one Parquet file per run, and nothing computed that has not changed.

A file carries the digest of its inputs (:mod:`rmstore.reports.inputs`); where that is the digest of today it is left
alone. What did not apply stands with its digest in ``skipped.json``, so that it is not tried again before something
changes. Files appear when they are complete: a run that was killed is gone on with by running it again.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rmstore import head_store, reports, snapshots
from rmstore.errors import BadFileError, Interrupted, NoRoomError, ReportError, RmstoreError, StoreError
from rmstore.export import replacing
from rmstore.records import Progress, silent
from rmstore.reports import provenance, record
from rmstore.reports.execution import Job, execute, prepare
from rmstore.reports.files import names_of
from rmstore.reports.inputs import Inputs
from rmstore.reports.plan import Planned, plan
from rmstore.store import Store

SKIPPED = "skipped.json"
"""File of a folder that says what was not written, and why."""
_FAULT = re.compile(r"(Binder|Catalog|Parser|Syntax) Error:|is not what its header says")
"""In the message of a report that is wrong, not merely without anything to say."""


@dataclass(frozen=True)
class BatchRow:
    """One run of a batch.

    Attributes:
        report: name of the report.
        head: its head, None for a report without one.
        snapshot: its snapshot.
        state: ``written``, ``unchanged``, ``skipped`` (it does not apply), ``failed`` (the report is wrong), ``stale``
            (a file whose head, snapshot or report is gone) or ``removed`` (such a file, with prune).
        reason: why there is no file, or what the file lacks.
        n_rows: rows of the file.
        seconds: that it took now.
        file: the file, None where there is none.
    """

    report: str
    head: str | None
    snapshot: str | None
    state: str
    reason: str = ""
    n_rows: int | None = None
    seconds: float = 0.0
    file: Path | None = None


def run_all(
    store: Store,
    to: str | Path,
    *,
    heads: Sequence[str] = (),
    frozen: Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
    dirs: Sequence[str | Path] = (),
    prune: bool = False,
    progress: Progress = silent,
) -> list[BatchRow]:
    """Run every report that fits and write each to a file of a folder, such as ``accuracy/helpful@3+hh@1.parquet``.

    Args:
        store: an open store.
        to: the folder; it is made where it is not there.
        heads: references; by default the version that the bare name of each head means.
        frozen: references of snapshots; by default the one that the head was trained on.
        params: further parameters; each goes to the reports that have it.
        dirs: folders with more reports.
        prune: remove files whose head, snapshot or report is gone.
        progress: told after every run.

    Raises:
        UnknownNameError: no such head or snapshot.
        OptionError: no report has a parameter of a given name.
        StoreError: the folder cannot be written.
        Interrupted: Ctrl-C arrived; what was written stays.
    """
    folder = Path(to)
    plans = plan(store, heads=heads, frozen=frozen, params=params, dirs=dirs)
    _make(folder)
    inputs, skips = Inputs(store), _Skips(folder / SKIPPED)
    rows = []
    for number, planned in enumerate(plans):
        progress(number, len(plans), planned.name)
        store.check()
        started = time.perf_counter()
        row = _one(store, folder, planned, inputs, skips)
        rows.append(replace(row, seconds=round(time.perf_counter() - started, 3)))
    progress(len(plans), len(plans), "")
    lost = {folder / one.file for one, row in zip(plans, rows, strict=True) if one.file and row.file is None}
    return rows + list(_stale(store, folder, lost, names_of(dirs), prune=prune))


def _one(store: Store, folder: Path, planned: Planned, inputs: Inputs, skips: _Skips) -> BatchRow:
    """Return what became of one run of the plan."""
    row = BatchRow(planned.name, planned.head, planned.snapshot, "skipped", planned.reason)
    if planned.report is None:
        return replace(row, state="failed")
    if planned.reason or planned.file is None:
        return row
    target, key, tried = folder / planned.file, planned.file.as_posix(), ""
    try:
        job = Job(planned.report, planned.params or {})
        bound = prepare(store, job)
        digest, said = inputs.digest(planned.report, bound), _said(target)
        if digest and said.get("inputs_sha256") == digest:
            return replace(row, state="unchanged", n_rows=said.get("n_rows"), file=target)
        tried = digest and inputs.digest_of_all(planned.report, bound)
        if reason := skips.reason(key, tried):
            return replace(row, reason=reason)
        done = execute(store, job, bound)
    except (Interrupted, NoRoomError):
        raise
    except RmstoreError as problem:
        if isinstance(problem, ReportError) and _FAULT.search(problem.problem):
            return replace(row, state="failed", reason=problem.problem)
        skips.enter(key, tried, problem.problem)
        return replace(row, reason=problem.problem)
    if reason := provenance.why_nothing(store, done.report, bound, done.table):
        skips.enter(key, tried, reason)
        return replace(row, reason=reason)
    _make(target.parent)
    reports.finish(store, replace(done, provenance={**done.provenance, "inputs_sha256": digest}), target)
    skips.forget(key)
    return replace(row, state="written", n_rows=done.table.num_rows, file=target)


def _stale(store: Store, folder: Path, lost: set[Path], known: Sequence[str], *, prune: bool) -> Iterator[BatchRow]:
    """Give the files of earlier batches that show what is no more; remove them if asked to."""
    for file in sorted(folder.glob("*/*.parquet")):
        said = _said(file)
        if "inputs_sha256" not in said:  # somebody's own
            continue
        reason = "it does not apply any more" if file in lost else _gone(store, said, known)
        if reason:
            if prune:
                file.unlink()
            heads, frozen = ([part["reference"] for part in said[kind].values()] for kind in ("heads", "snapshots"))
            yield BatchRow(
                said["report"], next(iter(heads), None), next(iter(frozen), None), "removed" if prune else "stale",
                reason, said.get("n_rows"), file=file,
            )  # fmt: skip


def _gone(store: Store, said: Mapping[str, Any], known: Sequence[str]) -> str:
    """Return what of a file's head, snapshot and report is no longer there, empty where all are."""
    if said["report"] not in known:
        return f"no report is called {said['report']!r}"
    kinds: list[tuple[str, Callable[[Store, str], Any]]] = [
        ("heads", head_store.resolve), ("snapshots", snapshots.resolve),
    ]  # fmt: skip
    for kind, resolve in kinds:
        for part in said[kind].values():
            try:
                same = resolve(store, part["reference"]).fingerprint == part["fingerprint"]
            except RmstoreError:
                same = False
            if not same:
                return f"{kind.removesuffix('s')} {part['reference']} is gone"
    return ""


def _said(file: Path) -> dict[str, Any]:
    """Return the provenance of a file, nothing where it has none."""
    if not file.is_file():
        return {}
    try:
        return record.provenance_of(file)
    except (BadFileError, ReportError):
        return {}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StoreError(f"cannot make the folder {str(folder)!r}: {problem}", hint="give another path") from None


class _Skips:
    """What was tried and not written, with the digest that it was tried with."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = {}
        self._entries: dict[str, dict[str, str]] = {
            key: entry for key, entry in (said.items() if isinstance(said, dict) else ()) if isinstance(entry, dict)
        }

    def reason(self, key: str, digest: str) -> str:
        """Return why a file was not written from the same inputs before, empty where it is worth a try."""
        entry = self._entries.get(key, {})
        return str(entry.get("reason", "")) if entry.get("inputs_sha256") == digest else ""

    def enter(self, key: str, digest: str, reason: str) -> None:
        """Keep why a file was not written; without a digest it is tried again every time."""
        if digest:
            self._entries[key] = {"inputs_sha256": digest, "reason": reason}
            self._save()

    def forget(self, key: str) -> None:
        """Drop what is known of a file that was written."""
        if self._entries.pop(key, None):
            self._save()

    def _save(self) -> None:
        with replacing(self._file) as part:
            part.write_text(json.dumps(self._entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")
