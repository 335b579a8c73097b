"""A head as a folder that another store or engine can take: weights, facts, card, and a manifest of checksums.

``head.safetensors`` or ``head.txt`` (LightGBM) holds the weights, ``head.json`` all that is known of the head,
``card.md`` its card, ``manifest.json`` size and SHA-256 of each. The same version gives the same bytes whenever it is
exported. :mod:`rmstore.head_import` reads them.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from rmstore import card_text, head_card, head_store
from rmstore.export import replacing_folder
from rmstore.folders import MANIFEST, Kind, json_bytes, write_manifest
from rmstore.records import HeadFacts, HeadInfo
from rmstore.store import Store, statement

FACTS, CARD = "head.json", "card.md"
WEIGHTS = ("head.safetensors", "head.txt")
KIND = Kind("head", 1, frozenset({*WEIGHTS, FACTS, CARD}), needed=frozenset({FACTS, CARD}), fields={}, facts={})
LOCAL = frozenset({"name", "snapshot_id"})
"""Facts that mean something in their own store alone."""


def export_folder(store: Store, text: str, to: Path, *, force: bool = False) -> HeadInfo:
    """Write a head version to a folder and return what is known of it.

    The folder appears when it is complete; until then, and after an error, what was there before stays.

    Args:
        store: an open store.
        text: reference of the head.
        to: the folder to make.
        force: replace an exported head that is there; a folder with other files is never touched.

    Raises:
        UnknownNameError: no such head.
        StoreError: the place is taken or cannot be written, or the weights are damaged.
    """
    info = head_store.resolve(store, text)
    data = head_store.weights(store, info)
    found = facts(store, info)
    contents = {
        weights_name(data): data,
        FACTS: json_bytes(found),
        CARD: card_text.markdown(found["card"]).encode(),
    }
    with replacing_folder(to, force=force, ours=(*KIND.names, MANIFEST)) as part:
        for name, content in contents.items():
            (part / name).write_bytes(content)
        write_manifest(part, KIND, {})
    return info


def facts(store: Store, info: HeadInfo) -> dict[str, Any]:
    """Return all that ``head.json`` says of a head."""
    origin = head_store.origin(store, info.head_id)
    return {
        "reference": info.reference,
        "name": info.name,
        "rmstore_version": info.rmstore_version,
        "created_at": info.created_at,
        "facts": {field.name: getattr(info, field.name) for field in fields(HeadFacts) if field.name not in LOCAL},
        "metrics": [
            {"split": split, "metric": metric, "value": value, "n": n}
            for (split, metric), (value, n) in head_store.metrics(store, info.head_id).items()
        ],
        "group_ids": head_store.group_ids(store, info.head_id),
        "descriptions": head_card.descriptions(store, info.head_id),
        "encoder": _encoder(store, info) if origin is None else origin["encoder"],
        "snapshot": _snapshot(store, info) if origin is None else origin["snapshot"],
        "card": head_card.card(store, info.reference),
    }


def weights_name(data: bytes) -> str:
    """Return the file name that goes with bytes of a head: safetensors begin with the length of a JSON header."""
    return WEIGHTS[0] if data[8:9] == b"{" else WEIGHTS[1]


def _encoder(store: Store, info: HeadInfo) -> dict[str, Any] | None:
    rows = store.run("encoder_of_key", {"encoder_key": info.encoder_key})
    return json.loads(rows[0]["spec"]) if rows else None


def _snapshot(store: Store, info: HeadInfo) -> dict[str, Any] | None:
    rows = store.rows(statement("cards/snapshot"), {"snapshot_id": info.snapshot_id})
    names = ("reference", "fingerprint", "datasets", "where", "n_rows")
    return {name: rows[0][name] for name in names} if rows else None
