"""Head versions in a store: save, resolve references, load for scoring, deploy, drop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from rmstore import references
from rmstore.errors import RmstoreError, StoreError, UnknownNameError
from rmstore.hashing import canonical_json
from rmstore.heads import HEADS
from rmstore.heads.base import Head
from rmstore.kernels import Field, Scorer
from rmstore.records import HeadFacts, HeadInfo
from rmstore.store import Store, statement

DEPLOYED = "deployed"
"""Tag of the version that a bare name means."""

METRICS = pa.schema({"split": pa.string(), "metric": pa.string(), "value": pa.float64(), "n": pa.int64()})


@dataclass(frozen=True, kw_only=True)
class NewHead(HeadFacts):
    """A fitted head to be stored; ``metrics`` maps (split, metric) to (value, n)."""

    data: bytes
    metrics: Mapping[tuple[str, str], tuple[float, int]]
    group_ids: Iterable[str]


def save(store: Store, new: NewHead) -> HeadInfo:
    """Store a fitted head as the next version of its name, in one transaction, and return it."""
    references.valid_name(new.name, kind="head")
    record = _facts(new)
    for key in ("options", "chosen", "inputs"):
        record[key] = canonical_json(record[key])
    for key in ("member_means", "member_scales", "notes"):
        record[key] = list(record[key])
    with store.atomic() as cursor:
        row = cursor.execute(statement("heads/next"), {"name": new.name}).fetchone()
        assert row is not None
        head_id, version = row
        cursor.execute(statement("heads/insert"), {**record, "head_id": head_id, "version": version})
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
        store.check()
    return resolve(store, f"{new.name}@{version}")


def list_heads(store: Store, name: str | None = None, fingerprint: str | None = None) -> list[HeadInfo]:
    """Return the head versions of a store, of one name, or with one fingerprint, oldest first."""
    return [_info(row) for row in store.run("heads/list", {"name": name, "fingerprint": fingerprint})]


def find(store: Store, fingerprint: str, name: str | None = None) -> HeadInfo | None:
    """Return the newest version, of a name or of any, that was trained from exactly this, or None."""
    same = list_heads(store, name, fingerprint)
    return same[-1] if same else None


def copy(store: Store, info: HeadInfo, name: str) -> HeadInfo:
    """Store a version once more as the next version of another name."""
    row = store.run("heads/weights", {"head_id": info.head_id})[0]
    groups = store.run("heads/groups", {"head_id": info.head_id})
    new = NewHead(
        **{**_facts(info), "name": name},
        data=bytes(row["bytes"]),
        metrics=metrics(store, info.head_id),
        group_ids=[row["id"] for row in groups],
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


def deploy(store: Store, text: str) -> HeadInfo:
    """Make the version that a reference means the one that its bare name means."""
    info = resolve(store, text)
    tag(store, info.reference, DEPLOYED)
    return info


def tag(store: Store, text: str, name: str) -> HeadInfo:
    """Give a version a tag; a tag that another version has moves."""
    references.valid_tag(name)
    info = resolve(store, text)
    with store.atomic() as cursor:
        cursor.execute(statement("heads/untag"), {"name": info.name, "tag": name})
        cursor.execute(statement("heads/tag"), {"name": info.name, "tag": name, "version": info.version})
    return info


def drop(store: Store, text: str) -> HeadInfo:
    """Drop a version: its bytes and groups go, its row and number stay."""
    info = resolve(store, text)
    with store.atomic() as cursor:
        for name in ("drop_weights", "drop_training", "drop"):
            cursor.execute(statement(f"heads/{name}"), {"head_id": info.head_id})
        cursor.execute(statement("heads/drop_tags"), {"name": info.name, "version": info.version})
    store.cache.pop(("scorer", info.head_id), None)
    return info


def _facts(head: HeadFacts) -> dict[str, Any]:
    """Return what a version and its copy share."""
    return {field.name: getattr(head, field.name) for field in fields(HeadFacts)}


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
    rows = store.run("heads/weights", {"head_id": head_id})
    if not rows:
        raise StoreError(f"head number {head_id} has no weights in this store", hint="it was dropped; train it again")
    row, data = rows[0], bytes(rows[0]["bytes"])
    name = f"{row['name']}@{row['version']}"
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        raise StoreError(
            f"the weights of head {name!r} do not match their checksum",
            hint="restore the store, or train the head again",
        )
    head: Head = HEADS[row["kind"]].from_bytes(data)
    inputs = tuple(Field(**field) for field in json.loads(row["inputs"]))
    means, scales = np.asarray(row["member_means"], np.float32), np.asarray(row["member_scales"], np.float32)
    return Scorer(head, inputs, row["reference_mean"], means, scales, row["temperature"], name)


def _info(row: dict[str, Any]) -> HeadInfo:
    decoded = dict(row)
    for key in ("options", "chosen"):
        decoded[key] = json.loads(row[key])
    decoded["inputs"] = tuple(json.loads(row["inputs"]))
    for key in ("member_means", "member_scales", "notes"):
        decoded[key] = tuple(row[key])
    return HeadInfo(**decoded)
