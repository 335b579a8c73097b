"""Checks that a folder is an exported snapshot and says what its contents say, before anything of it is stored.

Names, sizes and checksums come first, then the columns of every file, then every id, reference and vector: ids are
computed again from the content, so that a row which was changed no longer fits its id.
"""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from rmstore import json_types, references, snapshots
from rmstore.encoders.base import EncoderSpec
from rmstore.encoders.layouts import Layout, parse_layout
from rmstore.encoders.rendering import RENDERING
from rmstore.errors import BadFileError, QueryError
from rmstore.folders import MANIFEST, check_plain, identity, read_manifest
from rmstore.hashing import ID_VERSION
from rmstore.precision import valid_precision
from rmstore.records import Progress, silent
from rmstore.snapshot_folder import KIND, SNAPSHOT, TABLES
from rmstore.snapshot_vectors import STORED, vector_columns
from rmstore.store import Store, fill_in, quote_identifier, quote_literal, statement

WIDEST = 65_536
"""Components of a vector that no encoder comes near."""

_ENCODER = {"name": str, "key": str, "spec": dict}
_DATASET = {"name": str, "license": str | None, "source": str | None, "format": str}
_WITHDRAWAL = {"dataset": str, "n_responses": int, "reason": str | None, "withdrawn_at": str}
_FLOATS = {
    "f32": "embedding",
    "f16": "_rm_half(embedding)",
    "i8": "list_transform(embedding, lambda step: step * scale)",
}
_KINDS = {"options": "json", "metadata": "json"}


@dataclass(frozen=True)
class Parcel:
    """A folder whose manifest and checksums are right.

    Attributes:
        folder: where it is.
        said: what the manifest says.
        spec: the encoder.
        layout: how a vector is put together.
        parts: parts that have a file of vectors.
        identities: what every file was when its checksum was computed.
        place: path by which the engine finds the folder, see :func:`plain_place`.
    """

    folder: Path
    said: dict[str, Any]
    spec: EncoderSpec
    layout: Layout
    parts: tuple[str, ...]
    identities: Mapping[str, tuple[int, ...]]
    place: Path

    @property
    def snapshot(self) -> dict[str, Any]:
        """What the manifest says of the snapshot."""
        found: dict[str, Any] = self.said["snapshot"]
        return found

    @property
    def stored(self) -> str:
        """The columns that hold a vector."""
        return ", ".join(quote_identifier(name) for name in STORED[self.spec.precision])

    def columns(self) -> dict[str, dict[str, str]]:
        """Return the columns of every Parquet file by its name without ending."""
        return {**TABLES, **{f"vectors_{part}": vector_columns(self.spec.precision) for part in self.parts}}

    def open(self, store: Store, cursor: duckdb.DuckDBPyConnection) -> None:
        """Give a cursor the files as views ``_rm_in_<name>`` with the types of the store."""
        for name, columns in self.columns().items():
            casts = [self._cast(column, kind) for column, kind in columns.items()]
            if name.startswith("vectors_"):
                casts.append("item_id as item")
            parts = {"columns": ", ".join(casts), "path": self.literal(name)}
            store.execute(cursor, fill_in(statement("exchange/open", view=view_of(name)), parts)).fetchall()

    def literal(self, name: str) -> str:
        """Return the path of a Parquet file for SQL."""
        return quote_literal(glob.escape(str(self.place / f"{name}.parquet")))

    def refuse_changed(self) -> None:
        """Raise BadFileError if a file was replaced or written to since its checksum was computed."""
        for name, found in self.identities.items():
            if identity(self.folder / name) != found:
                raise BadFileError(f"{str(self.folder / name)!r} changed while it was read", hint="import it again")

    def _cast(self, column: str, kind: str) -> str:
        wanted = "uuid" if column.endswith("_id") or column == "parent" else _KINDS.get(column, kind)
        if column == "embedding":
            wanted = kind.replace("[]", f"[{int(self.spec.dim)}]")
        return f"{quote_identifier(column)}::{wanted} as {quote_identifier(column)}"


def view_of(name: str) -> str:
    """Return the name of the view over a file."""
    return f"_rm_in_{name}"


@contextmanager
def plain_place(folder: Path) -> Iterator[Path]:
    """Give a path of a folder that is no pattern, for as long as the block runs.

    The engine takes ``x[1]`` for a pattern and reads ``x1``. Where a plan is copied, DuckDB 1.5 looks for the pattern
    again in the path that it found, so that no way of writing it helps; a link with a plain name does.
    """
    whole = folder.absolute()
    if not glob.has_magic(str(whole)):
        yield whole
        return
    with tempfile.TemporaryDirectory(prefix="rmstore-") as place:
        link = Path(place) / "folder"
        link.symlink_to(whole, target_is_directory=True)
        yield link


def read_folder(store: Store, folder: Path, place: Path, progress: Progress = silent) -> Parcel:
    """Return a folder after checking its manifest, the names of its files, their sizes and their checksums.

    Args:
        store: whose interrupt is heeded.
        folder: where it is.
        place: the same from :func:`plain_place`.
        progress: told before every file.

    Raises:
        BadFileError: a file is missing, changed, too many or no plain file, or the manifest says what none says.
        InvalidNameError: the snapshot or a data set has a name that no store accepts.
        OptionError: there is no such layout or precision.
    """
    said = read_manifest(folder, KIND)
    spec, layout = _check_manifest(said)
    files = said["files"]
    parts = tuple(part for part in ("joint", "prompt", "response", "step") if f"vectors_{part}.parquet" in files)
    if set(parts) - {"step"} != set(layout.parts):
        raise BadFileError(
            f"{MANIFEST} names vectors of {', '.join(parts) or 'nothing'}; layout {layout.text!r} needs "
            f"{', '.join(layout.parts)}",
            hint=KIND.hint,
        )
    identities = {}
    for done, (name, facts) in enumerate(files.items()):
        progress(done, len(files), f"checksum of {name}")
        identities[name] = check_plain(folder / name, KIND, facts, store.check)
    return Parcel(folder, said, spec, layout, parts, identities, place)


def check_members(store: Store, cursor: duckdb.DuckDBPyConnection, parcel: Parcel) -> None:
    """Refuse a folder that is not of the version its manifest names; the cursor has its views afterwards.

    Until this is known nothing that the manifest says of the version, its fingerprint included, means anything.

    Raises:
        BadFileError: a column is wrong, or the members, encoder, layout, data sets or filter are not those of the
            fingerprint.
    """
    for name, wanted in parcel.columns().items():
        with usable(name):
            _check_columns(store, cursor, parcel, name, wanted)
    parcel.open(store, cursor)
    _check_members(store, cursor, parcel)
    _check_datasets(store, cursor, parcel)


def check_contents(
    store: Store, cursor: duckdb.DuckDBPyConnection, parcel: Parcel, progress: Progress = silent
) -> None:
    """Refuse a folder whose files do not hold what an export writes, on a cursor of :func:`check_members`.

    Raises:
        BadFileError: a number of rows, an id, a reference or a vector is wrong; the message names the file.
    """
    columns = parcel.columns()
    total = 2 * len(columns)
    for done, name in enumerate(columns):
        progress(done, total, f"counting {name}")
        with usable(name):
            n = store.execute(cursor, statement("exchange/count", view=view_of(name))).fetchall()[0][0]
        if n != parcel.said["files"][f"{name}.parquet"]["n_rows"]:
            raise BadFileError(f"{name}.parquet has {n} rows, not what {MANIFEST} says", hint=KIND.hint)
    for done, name in enumerate(columns, len(columns)):
        store.check()
        progress(done, total, f"checking {name}")
        with usable(name):
            _check_rows(store, cursor, parcel, name)


@contextmanager
def usable(name: str) -> Iterator[None]:
    """Turn what the engine says of a file into an error that names it."""
    try:
        yield
    except QueryError as problem:
        if isinstance(problem.__cause__, duckdb.OutOfMemoryException):
            raise
        raise BadFileError(
            f"{name}.parquet cannot be read: {problem.problem.splitlines()[0]}", hint=KIND.hint
        ) from None


def _check_columns(
    store: Store, cursor: duckdb.DuckDBPyConnection, parcel: Parcel, name: str, wanted: Mapping[str, str]
) -> None:
    rows = store.execute(cursor, fill_in(statement("exchange/describe"), {"path": parcel.literal(name)})).fetchall()
    found = {column: kind.replace('"', "") for column, kind in rows}
    for column in [*wanted, *found]:
        if found.get(column) != wanted.get(column):
            raise BadFileError(
                f"{name}.parquet: column {column!r} is {found.get(column, 'missing')}",
                hint=f"it should be {wanted.get(column, 'left out')}; {KIND.hint}",
            )


def _check_rows(store: Store, cursor: duckdb.DuckDBPyConnection, parcel: Parcel, name: str) -> None:
    kind, _, part = name.partition("_") if name.startswith("vectors_") else (name, "", "")
    checks = [kind, "texts"] if part and parcel.spec.rendering == RENDERING else [kind]
    pieces = {
        "stored": parcel.stored,
        "floats": _FLOATS[parcel.spec.precision],
        "list": STORED[parcel.spec.precision]["embedding"],
    }
    values = {"part": part, "dim": parcel.spec.dim, "datasets": parcel.snapshot["datasets"]}
    for check in checks:
        query = fill_in(statement(f"exchange/checks/{check}", view=view_of(name)), pieces)
        taken = {key: value for key, value in values.items() if f"${key}" in query}
        for (problem,) in store.execute(cursor, query, taken or None).fetchall():
            raise BadFileError(f"{name}.parquet: {problem}", hint=KIND.hint)


def _check_members(store: Store, cursor: duckdb.DuckDBPyConnection, parcel: Parcel) -> None:
    """Compute the fingerprint again; where members were withdrawn it is that of the others."""
    said = parcel.snapshot
    with usable("responses"):
        store.execute(cursor, statement("exchange/import/members")).fetchall()
        members, ids = snapshots.frozen_members(store, cursor)
    found = snapshots.NewSnapshot(
        said["name"], 0, parcel.spec.key, said["layout"], tuple(said["datasets"]), said["where"], members, ids
    )
    if members.num_rows != said["n_members"] or found.fingerprint != said["members_fingerprint"]:
        raise BadFileError("responses.parquet does not hold the members that the fingerprint is of", hint=KIND.hint)


def _check_datasets(store: Store, cursor: duckdb.DuckDBPyConnection, parcel: Parcel) -> None:
    with usable("datasets"):
        found = store.execute(cursor, statement("exchange/datasets")).fetchall()
    if found != [tuple(row[column] for column in TABLES["datasets"]) for row in parcel.said["datasets"]]:
        raise BadFileError(f"datasets.parquet does not hold the data sets of {MANIFEST}", hint=KIND.hint)


def _check_manifest(said: Mapping[str, Any]) -> tuple[EncoderSpec, Layout]:
    snapshot = json_types.check(said["snapshot"], SNAPSHOT, f"snapshot of {MANIFEST}")
    encoder = json_types.check(said["encoder"], _ENCODER, f"encoder of {MANIFEST}")
    references.valid_name(snapshot["name"], kind="snapshot")
    for row in (*said["datasets"], *said["dropped_datasets"]):
        references.valid_name(json_types.check(row, _DATASET, f"a data set of {MANIFEST}")["name"], kind="data set")
    for name in snapshot["datasets"]:
        references.valid_name(name, kind="data set")
    n_told = sum(_check_withdrawal(row) for row in said["withdrawals"])
    layout = parse_layout(snapshot["layout"])
    n, lost = snapshot["n_members"], snapshot["n_withdrawn"]
    for wrong, problem in (
        (said["id_version"] != ID_VERSION, f"id version is {said['id_version']}, this rmstore has {ID_VERSION}"),
        (layout.text != snapshot["layout"], f"layout is {snapshot['layout']!r}, written {layout.text!r}"),
        (snapshot["version"] < 1, f"version is {snapshot['version']}"),
        (n < 1, f"{n} members, which no exported snapshot has"),
        (lost < 0 or n + lost != snapshot["n_rows"], f"{n} members and {lost} withdrawn are not n_rows"),
        (not lost and snapshot["fingerprint"] != snapshot["members_fingerprint"], "the two fingerprints differ"),
        (n_told > lost, f"withdrawals of {n_told} responses are told, {lost} were withdrawn"),
        (snapshot["datasets"] != sorted(set(snapshot["datasets"])), "the data sets are not sorted"),
    ):
        if wrong:
            raise BadFileError(f"snapshot of {MANIFEST}: {problem}", hint=KIND.hint)
    return _spec(encoder), layout


def _check_withdrawal(row: Any) -> int:
    """Return how many responses a withdrawal took."""
    said = json_types.check(row, _WITHDRAWAL, f"a withdrawal of {MANIFEST}")
    references.valid_name(said["dataset"], kind="data set")
    try:
        when = datetime.fromisoformat(said["withdrawn_at"])
    except ValueError:
        when = None
    if when is None or when.tzinfo is not None or said["n_responses"] < 1:
        raise BadFileError(
            f"a withdrawal of {MANIFEST} took {said['n_responses']} responses at {said['withdrawn_at'][:60]!r}",
            hint=KIND.hint,
        )
    return int(said["n_responses"])


def _spec(encoder: Mapping[str, Any]) -> EncoderSpec:
    """Return the encoder if its spec is one and has the key."""
    where = f"spec of the encoder of {MANIFEST}"
    try:
        spec = EncoderSpec.from_dict(encoder["spec"])
    except TypeError as problem:
        raise BadFileError(f"{where} is none: {problem}", hint=KIND.hint) from None
    json_types.check(spec.to_dict(), json_types.of_record(EncoderSpec), where)
    valid_precision(spec.precision)
    if not 1 <= spec.dim <= WIDEST:
        raise BadFileError(f"dim of {where} is {spec.dim}", hint=KIND.hint)
    if spec.key != encoder["key"]:
        raise BadFileError(f"the encoder of {MANIFEST} does not have the key {encoder['key'][:60]!r}", hint=KIND.hint)
    return spec
