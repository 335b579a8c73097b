"""Data files into the store: what is new goes in, what is there already stays, one transaction per file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from rmstore.adapters import ADAPTERS, files, hub, lines
from rmstore.adapters.base import Adapter
from rmstore.adapters.files import DataFile
from rmstore.adapters.side_file import SideFile
from rmstore.errors import BadRowsError, OptionError, StoreError
from rmstore.hashing import canonical_json
from rmstore.records import FileResult, IngestResult, Progress, silent
from rmstore.references import TOTAL, valid_name
from rmstore.staging import RefusedFileError, Stage
from rmstore.store import Store, utc_now

SPLITS = ("train", "valid", "test")
KINDS = ("human", "judge", "pseudo", "simulated", "constructed")
_SHOWN = 5
_COUNTED = ("prompts", "responses", "preferences", "ratings", "steps")
_NOTES = {
    "n_empty": "empty responses, or of white space alone: {:,}",
    "n_differing": "rows whose responses have different prompts: {:,}",
    "n_identical": "votes between identical responses: {:,}",
    "n_ties": "ties: {:,}",
    "n_repeated": "votes that repeat another vote of the same file: {:,}",
    "n_same_ratings": "ratings that repeat another rating of the same file, stored once: {:,}",
    "n_recut": "responses that are there cut into other steps, which were kept, and these steps left out: {:,}",
}


class _UndoError(Exception):
    """Leaves a transaction without a trace, for a dry run."""


@dataclass
class _Job:
    """One call of ``ingest``: what was asked, and how far it is."""

    store: Store
    adapter: Adapter
    dataset: str
    source: str
    license: str | None
    split: str | None
    subset: str | None
    source_kind: str | None
    skips: bool
    dry_run: bool
    side: SideFile
    progress: Progress
    total: int
    beside: DataFile | None = None
    done: int = 0
    failed_ways: Counter[Path] = field(default_factory=Counter)
    oddities: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)

    @property
    def options(self) -> str:
        """What decides, besides the content, what a file brings."""
        given = {"split": self.split, "subset": self.subset, "source_kind": self.source_kind}
        if self.beside:
            given["beside"] = files.sha256(self.beside, lambda seen: None)
        return canonical_json(
            {name: value for name, value in given.items() if value is not None} | self.adapter.changed()
        )

    def tell(self, file: DataFile, share: float, note: str) -> None:
        """Report progress in bytes, and stop where Ctrl-C was pressed."""
        self.store.check()
        self.progress(self.done + int(file.size * share), self.total, f"{file.shown}: {note}")


def ingest(
    store: Store,
    source: str | Path | Sequence[str | Path],
    *,
    format: str,  # noqa: A002 - the word of the command line
    dataset: str,
    split: str | None = None,
    subset: str | None = None,
    license: str | None = None,  # noqa: A002
    source_kind: str | None = None,
    on_error: str = "abort",
    dry_run: bool = False,
    options: Mapping[str, Any] | None = None,
    progress: Progress = silent,
    rejects: str | Path | None = None,
) -> IngestResult:
    """Bring files into a data set; what the store has already is not brought again.

    A file is one transaction: a file that fails leaves nothing, and files before it stay.

    Args:
        store: an open store.
        source: a path, a glob, ``hf://owner/name``, or a list of them.
        format: name of an adapter.
        dataset: name of the data set; made where there is none.
        split: published split of all rows, instead of a column.
        subset: subset of all rows, instead of a column.
        license: licence of the data set.
        source_kind: who voted, instead of what the format says: human, judge, pseudo, simulated or constructed.
        on_error: ``abort`` at bad rows, or ``skip`` them and write them to a side file.
        dry_run: do everything, then undo it.
        options: options of the adapter.
        progress: called with bytes done and in all.
        rejects: the side file; ``<file name>.rejected.jsonl`` in the current folder where none is given.

    Raises:
        BadFileError: a file cannot be read as what its ending says.
        BadRowsError: rows are bad; the first are named by file, line and reason.
        OptionError: an option or argument has a value that it cannot have.
        InvalidNameError: the data set cannot be called so.
        StoreError: the store is open read-only.
    """
    store.check_writable("ingest")
    if not store.value("select current_setting('preserve_insertion_order')"):
        raise StoreError(
            "the connection has preserve_insertion_order switched off, so rows cannot be numbered",
            hint="set preserve_insertion_order = true",
        )
    _one_of("split", split, SPLITS)
    if subset in ("", TOTAL):
        raise OptionError(f"subset is {subset!r}", hint=f"give a name, but not {TOTAL!r}, which is the total, or none")
    _one_of("source_kind", source_kind, KINDS)
    _one_of("on_error", on_error, ("abort", "skip"))
    adapter: Adapter = ADAPTERS[format](options)
    valid_name(dataset, kind="data set")
    sources = [source] if isinstance(source, str | Path) else list(source)
    found = hub.find(sources)
    job = _Job(
        store=store,
        adapter=adapter,
        dataset=dataset,
        source=", ".join(map(str, sources)),
        license=license,
        split=split,
        subset=subset,
        source_kind=source_kind,
        skips=on_error == "skip",
        dry_run=dry_run,
        side=SideFile(None if rejects is None else Path(rejects), frozenset(file.shown for file in found)),
        progress=progress,
        total=sum(file.size for file in found),
        beside=None if adapter.beside is None else _only(adapter.beside),
    )
    results = _rehearse(job, found) if dry_run else _perform(job, found)
    return IngestResult(dataset, tuple(results), tuple(_notes(job, results)), dry_run)


def _only(path: str) -> DataFile:
    """Return the one file that a path names."""
    found = hub.find([path])
    if len(found) != 1:
        raise OptionError(f"{path!r} names {len(found)} files", hint="give one")
    files.check(found[0])
    return found[0]


def _one_of(name: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise OptionError(f"{name} is {value!r}", hint="one of " + ", ".join(known))


def _notes(job: _Job, results: Sequence[FileResult]) -> list[str]:
    n_old = sum(not result.is_new for result in results)
    notes = [f"files that were in the data set already, unchanged: {n_old:,}"] if n_old else []
    notes += [text.format(job.oddities[name]) for name, text in _NOTES.items() if job.oddities[name]]
    notes += [f"{remark}: {n:,}" for remark, n in sorted(job.remarks.items())]
    if job.oddities["n_splits"] and (n_disputed := job.store.run("ingest/disputed")[0]["n_disputed"]):
        notes.append(f"groups whose published splits disagree (test beats valid beats train): {n_disputed:,}")
    return notes


def _perform(job: _Job, found: Sequence[DataFile]) -> list[FileResult]:
    """Ingest every file in a transaction of its own."""
    results: list[FileResult] = []
    while len(results) < len(found):
        file = found[len(results)]
        try:
            with job.store.atomic() as cursor:
                results.append(_ingest_file(job, cursor, file))
        except RefusedFileError as refused:
            _next_way(job, refused)
        else:
            job.done += file.size
    return results


def _rehearse(job: _Job, found: Sequence[DataFile]) -> list[FileResult]:
    """Ingest all files in one transaction and undo it, so that later files see earlier ones."""
    while True:
        results: list[FileResult] = []
        job.done, job.oddities, job.remarks = 0, Counter(), Counter()
        try:
            with job.store.atomic() as cursor:
                for file in found:
                    results.append(_ingest_file(job, cursor, file))
                    job.done += file.size
                raise _UndoError
        except _UndoError:
            return results
        except RefusedFileError as refused:
            _next_way(job, refused)


def _next_way(job: _Job, refused: RefusedFileError) -> None:
    """Have a file read in its next way; a failed statement ended the transaction, so the file begins again."""
    job.failed_ways[refused.file.path] += 1
    if job.failed_ways[refused.file.path] == len(files.ways(refused.file)):
        raise lines.refuse_document(refused.file, refused.problem) from None


def _ingest_file(job: _Job, cursor: duckdb.DuckDBPyConnection, file: DataFile) -> FileResult:
    """Bring one file in, inside the transaction of the cursor."""
    with job.store.interruptible(cursor):
        stage = Stage(job.store, cursor, file)
        sha256 = files.sha256(file, lambda seen: job.tell(file, 0.1 * seen / file.size, "checking"))
        same = {"dataset": job.dataset, "format": job.adapter.name, "options": job.options, "sha256": sha256}
        for known in stage.run("find_file", same):
            return FileResult(file.shown, known["n_rows"], 0, 0, 0, 0, 0, known["n_rejected"], is_new=False)
        files.check(file)
        job.tell(file, 0.1, "reading")
        if job.beside and file.type != "npy":
            stage.read_beside(job.beside, files.ways(job.beside)[job.failed_ways[job.beside.path]])
        stage.read(files.ways(file)[job.failed_ways[file.path]], sha256, job.beside)
        job.tell(file, 0.3, "converting")
        n_rows, n_bad = stage.convert(job.adapter, subset=job.subset, split=job.split)
        rejected_file = _reject(job, stage, n_rows, n_bad) if n_bad else None
        job.tell(file, 0.5, "making ids")
        stage.give_ids(job.dataset, job.source_kind)
        job.tell(file, 0.7, "inserting")
        counts = _insert(job, stage, {**same, "n_rows": n_rows, "n_rejected": n_bad})
        job.oddities.update(stage.run("notes")[0])
        job.remarks.update({row["remark"]: row["n"] for row in stage.run("remarks")})
        stage.clear()
        job.tell(file, 1, "done")
    return FileResult(
        path=file.shown,
        n_rows=n_rows,
        n_prompts=counts["prompts"],
        n_responses=counts["responses"],
        n_preferences=counts["preferences"],
        n_ratings=counts["ratings"],
        n_steps=counts["steps"],
        n_rejected=n_bad,
        is_new=True,
        rejected_file=rejected_file,
    )


def _reject(job: _Job, stage: Stage, n_rows: int, n_bad: int) -> Path | None:
    """Abort at bad rows, or put them aside; the side file is written before the good rows are committed."""
    if job.skips and n_bad < n_rows:
        return None if job.dry_run else job.side.write(stage.file.path, stage.bad_rows(None))
    shown = "\n".join(f"  {row.file} {row.place}: {row.reason}" for row in stage.bad_rows(_SHOWN))
    more = f"\n  and {n_bad - _SHOWN:,} more" if n_bad > _SHOWN else ""
    how_many = f"{n_bad:,} of {n_rows:,} rows are bad" if n_bad < n_rows else "every row is bad"
    raise BadRowsError(
        f"{stage.file.shown}: {how_many}, nothing of it was ingested\n{shown}{more}",
        hint="put them right, or skip them with --on-error skip, which keeps them in a side file"
        if n_bad < n_rows
        else f"is {job.adapter.name!r} the right format? it is {job.adapter.description}",
    )


def _insert(job: _Job, stage: Stage, facts: dict[str, Any]) -> dict[str, int]:
    """Insert the file and its rows, and its data set where it is new."""
    now = utc_now()
    name = {"dataset": job.dataset}
    if not (found := stage.run("find_dataset", name)):
        about = {"license": job.license, "source": job.source, "format": job.adapter.name, "now": now}
        stage.run("insert_dataset", {**name, **about})
        found = stage.run("find_dataset", name)
    elif job.license not in (None, found[0]["license"]):
        stage.run("set_license", {"license": job.license, "dataset_id": found[0]["dataset_id"]})
    dataset_id, file_id = found[0]["dataset_id"], stage.run("next_file")[0]["file_id"]
    counts = stage.insert(job.dataset, dataset_id, file_id)
    del facts["dataset"]
    stage.run(
        "insert_file",
        {
            **facts,
            **{f"n_{table}": counts[table] for table in _COUNTED},
            "dataset_id": dataset_id,
            "file_id": file_id,
            "path": stage.file.shown,
            "now": now,
        },
    )
    return counts
