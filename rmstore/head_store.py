"""Head versions in a store: save, resolve references, load for scoring, deploy, drop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rmstore import __version__, references
from rmstore.errors import RmstoreError, StoreError, UnknownNameError
from rmstore.hashing import canonical_json
from rmstore.heads import HEADS
from rmstore.heads.base import Head
from rmstore.kernels import Field, Scorer
from rmstore.records import HeadFacts, HeadInfo
from rmstore.store import Store, statement

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DEPLOYED = "deployed"
"""Tag of the version that a bare name means."""

METRICS = pa.schema({"split": pa.string(), "metric": pa.string(), "value": pa.float64(), "n": pa.int64()})


@dataclass(frozen=True, kw_only=True)
class NewHead(HeadFacts):
    """A fitted head to be stored.

    Attributes:
        data: what ``Head.to_bytes`` gave.
        metrics: (split, metric) to (value, n).
        group_ids: groups it saw, in training or in validation.
        rmstore_version: the version that trained it.
        descriptions: what people say of it, by field.
        origin: what the folder of an imported head says of the store that trained it; None for one trained here.
    """

    data: bytes
    metrics: Mapping[tuple[str, str], tuple[float, int]]
    group_ids: Iterable[str]
    rmstore_version: str = __version__
    descriptions: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, Any] | None = None


def save(store: Store, new: NewHead) -> HeadInfo:
    """Store a fitted head as the next version of its name, in one transaction, and return it."""
    references.valid_name(new.name, kind="head")
    with store.atomic() as cursor:
        row = cursor.execute(statement("heads/next"), {"name": new.name}).fetchone()
        assert row is not None
        head_id, version = row
        _insert(cursor, new, head_id, version)
        store.check()
    return resolve(store, f"{new.name}@{version}")


def _insert(cursor: DuckDBPyConnection, new: NewHead, head_id: int, version: int) -> None:
    record = _facts(new)
    for key in ("options", "chosen", "inputs"):
        record[key] = canonical_json(record[key])
    for key in ("member_means", "member_scales", "notes"):
        record[key] = list(record[key])
    record |= {"head_id": head_id, "version": version, "rmstore_version": new.rmstore_version}
    cursor.execute(statement("heads/insert"), record)
    digest = hashlib.sha256(new.data).hexdigest()
    cursor.execute(statement("heads/insert_weights"), {"head_id": head_id, "sha256": digest, "bytes": new.data})
    rows = [
        {"split": split, "metric": metric, "value": value, "n": n}
        for (split, metric), (value, n) in sorted(new.metrics.items())
    ]
    groups = pa.array(sorted(set(new.group_ids)), type=pa.string())
    cursor.register("new_metrics", pa.Table.from_pylist(rows, METRICS))
    cursor.register("trained_groups", pa.table({"group_id": groups}))
    for part, table in (("metrics", "new_metrics"), ("training", "trained_groups")):
        cursor.execute(statement(f"heads/insert_{part}"), {"head_id": head_id})
        cursor.unregister(table)
    for name, value in sorted(new.descriptions.items()):
        cursor.execute(statement("heads/describe"), {"head_id": head_id, "field": name, "value": value})
    if new.origin is not None:
        facts = canonical_json(new.origin)
        cursor.execute(statement("heads/insert_origin"), {"head_id": head_id, "facts": facts})


def list_heads(store: Store, name: str | None = None, fingerprint: str | None = None) -> list[HeadInfo]:
    """Return the head versions of a store, of one name, or with one fingerprint, oldest first."""
    return [_info(row) for row in store.run("heads/list", {"name": name, "fingerprint": fingerprint})]


def find(store: Store, fingerprint: str, name: str | None = None) -> HeadInfo | None:
    """Return the newest version, of a name or of any, that was trained from exactly this, or None."""
    same = list_heads(store, name, fingerprint)
    return same[-1] if same else None


def copy(store: Store, info: HeadInfo, name: str) -> HeadInfo:
    """Store a version once more as the next version of another name; what people say of it stays behind."""
    new = NewHead(
        **{**_facts(info), "name": name},
        data=weights(store, info),
        metrics=metrics(store, info.head_id),
        group_ids=group_ids(store, info.head_id),
        rmstore_version=info.rmstore_version,
        origin=origin(store, info.head_id),
    )
    return save(store, new)


def resolve(store: Store, text: str) -> HeadInfo:
    """Return the version that a reference means: deployed if there is one, else latest, for a bare name.

    Raises:
        UnknownNameError: no such head, version or tag, with a suggestion.
        InvalidNameError: the text is not a reference.
    """
    reference = references.parse(text, kind="head")
    versions = {info.version: info for info in list_heads(store, reference.name)}
    if not versions:
        raise UnknownNameError("head", reference.name, {info.name for info in list_heads(store)})
    wanted = reference.version
    if wanted is None:
        wanted = _tagged(store, reference, max(versions))
    if wanted not in versions:
        known = [f"{reference.name}@{version}" for version in versions]
        raise UnknownNameError("head", str(reference), [*known, f"{reference.name}@latest"])
    return versions[wanted]


def scorer(store: Store, head_id: int) -> Scorer:
    """Return a head ready to score, kept in memory: a version never changes."""
    key = ("scorer", head_id)
    held = store.cache.get(key)
    if held is None:
        with store.lock:
            held = store.cache.get(key) or _load(store, head_id)
            store.cache[key] = held
    return held


def metrics(store: Store, head_id: int) -> dict[tuple[str, str], tuple[float, int]]:
    """Return (split, metric) -> (value, n) of a head version."""
    rows = store.run("heads/metrics", {"head_id": head_id})
    return {(row["split"], row["metric"]): (row["value"], row["n"]) for row in rows}


def group_ids(store: Store, head_id: int) -> list[str]:
    """Return the groups that a head saw, in order; none where they are not known."""
    return [row["id"] for row in store.run("heads/groups", {"head_id": head_id})]


def origin(store: Store, head_id: int) -> dict[str, Any] | None:
    """Return what the folder of an imported head says of the store that trained it, None for one trained here."""
    rows = store.run("heads/origin", {"head_id": head_id})
    return json.loads(rows[0]["facts"]) if rows else None


def weights(store: Store, info: HeadInfo) -> bytes:
    """Return the bytes of a head version.

    Raises:
        StoreError: they are gone, or do not match their checksum.
    """
    return bytes(_stored(store, info.head_id)["bytes"])


def tag(store: Store, text: str, name: str) -> HeadInfo:
    """Give a version a tag; a tag that another version has moves."""
    references.valid_tag(name)
    info = resolve(store, text)
    with store.atomic() as cursor:
        move_tag(cursor, info, name)
    return info


def move_tag(cursor: DuckDBPyConnection, info: HeadInfo, name: str) -> None:
    """Give a version a tag, inside the caller's transaction."""
    cursor.execute(statement("heads/untag"), {"name": info.name, "tag": name})
    cursor.execute(statement("heads/tag"), {"name": info.name, "tag": name, "version": info.version})


def drop(store: Store, text: str) -> HeadInfo:
    """Drop a version: its bytes and groups go, its row and number stay."""
    info = resolve(store, text)
    with store.atomic() as cursor:
        for name in ("drop_weights", "drop_training", "drop_descriptions", "drop_origin", "drop"):
            cursor.execute(statement(f"heads/{name}"), {"head_id": info.head_id})
        cursor.execute(statement("heads/drop_tags"), {"name": info.name, "version": info.version})
    store.cache.pop(("scorer", info.head_id), None)
    return info


def _facts(head: HeadFacts) -> dict[str, Any]:
    """Return what a version and its copy share."""
    return {entry.name: getattr(head, entry.name) for entry in fields(HeadFacts)}


def _tagged(store: Store, reference: references.Reference, latest: int) -> int | None:
    if reference.tag == "latest":
        return latest
    if reference.tag == "best":
        version = store.value(statement("heads/best"), {"name": reference.name})
        if version is None:
            raise RmstoreError(
                f"no version of head {reference.name!r} has a validation NLL", hint=f"{reference.name}@latest exists"
            )
        return int(version)
    version = store.value(statement("heads/tagged"), {"name": reference.name, "tag": reference.tag or DEPLOYED})
    if version is None and reference.tag is None:
        return latest
    return None if version is None else int(version)


def _load(store: Store, head_id: int) -> Scorer:
    row = _stored(store, head_id)
    head: Head = HEADS[row["kind"]].from_bytes(bytes(row["bytes"]))
    inputs = tuple(Field(**entry) for entry in json.loads(row["inputs"]))
    means, scales = np.asarray(row["member_means"], np.float32), np.asarray(row["member_scales"], np.float32)
    name = f"{row['name']}@{row['version']}"
    return Scorer(head, inputs, row["reference_mean"], means, scales, row["temperature"], name, row["objective"])


def _stored(store: Store, head_id: int) -> dict[str, Any]:
    """Return what scoring needs of a head, its bytes checked."""
    rows = store.run("heads/weights", {"head_id": head_id})
    if not rows:
        raise StoreError(f"head number {head_id} has no weights in this store", hint="it was dropped; train it again")
    row = rows[0]
    if hashlib.sha256(row["bytes"]).hexdigest() != row["sha256"]:
        raise StoreError(
            f"the weights of head '{row['name']}@{row['version']}' do not match their checksum",
            hint="restore the store, or train the head again",
        )
    return row


def _info(row: dict[str, Any]) -> HeadInfo:
    decoded = dict(row)
    for key in ("options", "chosen"):
        decoded[key] = json.loads(row[key])
    decoded["inputs"] = tuple(json.loads(row["inputs"]))
    for key in ("member_means", "member_scales", "notes"):
        decoded[key] = tuple(row[key])
    return HeadInfo(**decoded)
