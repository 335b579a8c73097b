"""A snapshot as a folder of Parquet that any engine reads without rmstore, and another store can take.

Content, provenance, votes, ratings and steps are normalised as in a store; ``vectors_<part>.parquet`` holds the vectors
of each part of the layout; ``rows.sql`` puts them together with plain DuckDB. Files are sorted by id and written by
one version of the engine and of pyarrow byte for byte alike, so that the same snapshot has the same checksums whenever
and wherever it is exported. :mod:`rmstore.snapshot_import` reads such folders.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

import rmstore
from rmstore import migrate, snapshots
from rmstore.encoders.layouts import Layout, parse_layout
from rmstore.errors import StoreError
from rmstore.export import replacing_folder
from rmstore.folders import MANIFEST, Kind, write_manifest
from rmstore.hashing import ID_VERSION
from rmstore.records import Progress, SnapshotInfo, silent
from rmstore.snapshot_readme import readme
from rmstore.snapshot_vectors import count_items, write_vectors
from rmstore.store import Store, fill_in, quote_identifier, quote_literal, statement

TABLES: dict[str, dict[str, str]] = {
    "datasets": {"name": "VARCHAR", "license": "VARCHAR", "source": "VARCHAR", "format": "VARCHAR"},
    "dataset_files": {
        "dataset": "VARCHAR", "file": "INTEGER", "path": "VARCHAR", "sha256": "VARCHAR", "format": "VARCHAR",
        "options": "VARCHAR", "n_rows": "BIGINT", "n_prompts": "BIGINT", "n_responses": "BIGINT",
        "n_preferences": "BIGINT", "n_ratings": "BIGINT", "n_steps": "BIGINT", "n_rejected": "BIGINT",
        "ingested_at": "TIMESTAMP",
    },
    "prompts": {
        "prompt_id": "VARCHAR", "group_id": "VARCHAR", "split": "VARCHAR",
        "messages": "STRUCT(role VARCHAR, content VARCHAR)[]",
    },
    "prompt_sources": {
        "prompt_id": "VARCHAR", "dataset": "VARCHAR", "file": "INTEGER", "row": "BIGINT", "subset": "VARCHAR",
        "split": "VARCHAR", "metadata": "VARCHAR",
    },
    "responses": {"response_id": "VARCHAR", "prompt_id": "VARCHAR", "text": "VARCHAR"},
    "generations": {
        "generation_id": "VARCHAR", "response_id": "VARCHAR", "dataset": "VARCHAR", "subset": "VARCHAR",
        "policy": "VARCHAR", "variant": "VARCHAR", "logp": "DOUBLE", "n_tokens": "INTEGER", "origin": "VARCHAR",
        "parent": "VARCHAR",
    },
    "preferences": {
        "preference_id": "VARCHAR", "chosen_id": "VARCHAR", "rejected_id": "VARCHAR", "prob": "DOUBLE",
        "margin": "DOUBLE", "weight": "DOUBLE", "annotator": "VARCHAR", "source": "VARCHAR", "dataset": "VARCHAR",
        "subset": "VARCHAR", "file": "INTEGER", "row": "BIGINT", "occurrence": "INTEGER",
    },
    "ratings": {
        "rating_id": "VARCHAR", "response_id": "VARCHAR", "dataset": "VARCHAR", "attribute": "VARCHAR",
        "annotator": "VARCHAR", "value": "DOUBLE",
    },
    "steps": {"step_id": "VARCHAR", "response_id": "VARCHAR", "step": "INTEGER", "text": "VARCHAR"},
    "step_labels": {"step_id": "VARCHAR", "dataset": "VARCHAR", "source": "VARCHAR", "label": "DOUBLE"},
}  # fmt: skip
"""Files with their columns. Ids and JSON are text, which every engine reads; a data set is named, a file numbered."""

ITEMS = {"joint": "response", "prompt": "prompt", "response": "response", "step": "step"}
"""What the items of a part are."""

ROWS, README = "rows.sql", "README.md"

KIND = Kind(
    "snapshot",
    1,
    frozenset({*(f"{name}.parquet" for name in (*TABLES, *(f"vectors_{part}" for part in ITEMS))), ROWS, README}),
    needed=frozenset({*(f"{name}.parquet" for name in TABLES), ROWS, README}),
    fields={
        "rmstore_version": str, "duckdb_version": str, "migration": int, "id_version": int, "snapshot": dict,
        "encoder": dict, "datasets": list[dict], "dropped_datasets": list[dict], "withdrawals": list[dict],
    },
    facts={"n_rows": int | None},
    largest=16 << 20,
)  # fmt: skip

SNAPSHOT = {
    "name": str, "version": int, "fingerprint": str, "members_fingerprint": str, "layout": str, "where": str | None,
    "datasets": list[str], "n_rows": int, "n_withdrawn": int, "n_members": int, "author": str | None,
    "message": str | None, "created_at": str,
}  # fmt: skip
"""What the manifest says of the snapshot; members_fingerprint is over the members that were not withdrawn."""


def export_folder(
    store: Store, reference: str, to: Path, *, force: bool = False, progress: Progress = silent
) -> SnapshotInfo:
    """Write a snapshot version to a folder and return what is known of it.

    The folder appears when it is complete; until then, and after an error, what was there before stays. All of it is
    what the store held when the export began, whatever other threads drop meanwhile. Everything is streamed, so that
    memory does not grow with the snapshot beyond what the engine's ``memory_limit`` allows; until it is done, the
    vectors of a part lie on the disk twice.

    Args:
        store: an open store.
        reference: the version; a bare name means the latest.
        to: the folder to make.
        force: replace an exported snapshot that is there; a folder with other files is never touched.
        progress: told after every file.

    Raises:
        UnknownNameError: no such snapshot.
        InputError: the version has no members, or none any more.
        StoreError: the place is taken or cannot be written; or members or vectors are not those that were frozen.
    """
    with (
        snapshots.held(store, reference, "exchange/export/members") as (info, cursor),
        store.interruptible(cursor),
    ):
        layout = parse_layout(info.layout)
        ids = store.execute(cursor, statement("rows/dataset_ids"), {"names": list(info.datasets)}).fetchall()
        values = {"dataset_ids": [row[0] for row in ids]}
        _stage(store, cursor, values)
        said = _manifest(store, cursor, info)
        with replacing_folder(to, force=force, ours=(*KIND.names, MANIFEST)) as folder:
            writer = _Writer(store, cursor, folder, progress, len(TABLES) + len(layout.parts) + 1)
            for name in TABLES:
                writer.table(name, values)
            parts = writer.vectors(info, layout)
            said["datasets"] = _rows(store, cursor, "datasets", values)
            (folder / ROWS).write_text(views(info, layout), encoding="utf-8")
            (folder / README).write_text(readme(info, said, writer.n_rows, parts), encoding="utf-8")
            facts = {path.name: {"n_rows": writer.n_rows.get(path.stem)} for path in folder.iterdir()}
            store.check()
            write_manifest(folder, KIND, said, facts)
    return info


def views(info: SnapshotInfo, layout: Layout) -> str:
    """Return ``rows.sql``: the layout, rows and pairs of a snapshot as views of plain DuckDB over its files."""
    floats = fill_in(statement(f"exchange/views/floats_{info.precision}").strip(), {"dim": str(int(info.dim))})
    joins = [
        fill_in(
            statement("exchange/views/part", part=part).rstrip(),
            {"floats": floats, "file": quote_literal(f"vectors_{part}.parquet"), "item": f"{ITEMS[part]}_id"},
        )
        for part in layout.parts
    ]
    terms = [_term(term) for term in layout.terms]
    counted = ["joint"] if "joint" in layout.parts else list(layout.parts)
    vectors = {
        "layout": layout.text,
        "n_tokens": " + ".join(f"{quote_identifier(part)}.n_tokens" for part in counted),
        "embedding": f"({' || '.join(terms)})::float[{layout.width(info.dim)}]",
        "joins": "\n".join(joins),
    }
    head = statement("exchange/views/head").replace("{reference}", info.reference)
    return head + fill_in(statement("exchange/views/vectors"), vectors) + statement("exchange/views/rows")


class _Writer:
    """Writes the Parquet files of one folder and counts their rows."""

    def __init__(
        self, store: Store, cursor: duckdb.DuckDBPyConnection, folder: Path, progress: Progress, total: int
    ) -> None:
        self.store, self.cursor, self.folder, self.progress, self.total = store, cursor, folder, progress, total
        self.n_rows: dict[str, int] = {}

    def table(self, name: str, values: dict[str, Any]) -> None:
        """Write a table."""
        self._begin(name)
        query = statement(f"exchange/export/{name}")
        wanted = {key: value for key, value in values.items() if f"${key}" in query}
        place = quote_literal(str((self.folder / f"{name}.parquet").absolute()))
        text = f"copy (\n{query}\n) to {place} (format parquet, compression zstd)"
        self.n_rows[name] = int(self.store.execute(self.cursor, text, wanted or None).fetchall()[0][0])

    def vectors(self, info: SnapshotInfo, layout: Layout) -> tuple[str, ...]:
        """Write the vectors of every part, and of the steps where all have one; return the parts."""
        counted = self.store.execute(self.cursor, statement("exchange/export/counts")).fetchall()[0]
        needed = dict(zip(("response", "prompt", "step"), counted, strict=True))
        parts = []
        for part in (*layout.parts, "step") if needed["step"] else layout.parts:
            self._begin(f"vectors_{part}")
            n = count_items(self.store, self.cursor, info, part)
            lacking = needed[ITEMS[part]] - n
            if lacking and part == "step":  # steps are embedded when asked for
                continue
            if lacking:
                raise StoreError(
                    f"{lacking} vectors of part {part!r} of {info.reference!r} are missing",
                    hint="rmstore doctor says more; embed the data sets again",
                )
            write_vectors(self.store, self.cursor, info, n, self.folder / f"vectors_{part}.parquet")
            self.n_rows[f"vectors_{part}"] = n
            parts.append(part)
        return tuple(parts)

    def _begin(self, name: str) -> None:
        self.store.check()
        self.progress(len(self.n_rows), self.total, name)


def _stage(store: Store, cursor: duckdb.DuckDBPyConnection, values: dict[str, Any]) -> None:
    """Choose what belongs to the members, in tables of the cursor."""
    for name in ("sources", "votes"):
        store.execute(cursor, statement(f"exchange/export/{name}"), values).fetchall()
    store.execute(cursor, statement("exchange/export/files")).fetchall()


def _manifest(store: Store, cursor: duckdb.DuckDBPyConnection, info: SnapshotInfo) -> dict[str, Any]:
    """Return what the manifest says beside files and data sets."""
    members, ids = snapshots.frozen_members(store, cursor)
    n_members, found = members.num_rows, snapshots.content_fingerprint(info, ids)
    snapshots.refuse_empty(info, info.n_rows - info.n_withdrawn)
    if n_members + info.n_withdrawn != info.n_rows or (not info.n_withdrawn and found != info.fingerprint):
        raise StoreError(
            f"the members of {info.reference!r} are not those that were frozen", hint="rmstore doctor says more"
        )
    (row,) = (row for row in store.run("vectors/encoders") if row["encoder_id"] == info.encoder_id)
    which = {"snapshot_id": info.snapshot_id}
    known = {name: getattr(info, name) for name in SNAPSHOT if hasattr(info, name)}
    return {
        "rmstore_version": rmstore.__version__,
        "duckdb_version": duckdb.__version__,
        "migration": max(migrate.applied(store.con)),
        "id_version": ID_VERSION,
        "snapshot": {**known, "n_members": n_members, "members_fingerprint": found},
        "dropped_datasets": _rows(store, cursor, "dropped_datasets", {**which, "names": list(info.datasets)}),
        "withdrawals": _rows(store, cursor, "withdrawals", which),
        "encoder": {"name": info.encoder, "key": info.encoder_key, "spec": json.loads(row["spec"])},
    }


def _rows(store: Store, cursor: duckdb.DuckDBPyConnection, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    return store.arrow(cursor, statement(f"exchange/export/{name}"), values).to_pylist()


def _term(term: tuple[str, ...]) -> str:
    first, *second = (f"{quote_identifier(part)}.embedding" for part in term)
    if not second:
        return first
    return f"list_transform(list_zip({first}, {second[0]}), lambda pair: pair[1] * pair[2])"
