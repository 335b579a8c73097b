"""Heads from folders: everything is checked before anything is stored, and nothing in a folder is ever run."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmstore import head_store, json_types, references
from rmstore.encoders.base import EncoderSpec
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import BadFileError
from rmstore.folders import MANIFEST, read_manifest, read_plain
from rmstore.head_card import DESCRIBED
from rmstore.head_folder import CARD, FACTS, KIND, LOCAL, WEIGHTS, weights_name
from rmstore.heads import HEADS
from rmstore.kernels import Field
from rmstore.records import HeadFacts, HeadInfo
from rmstore.store import Store

HEAD = {
    "reference": str, "name": str, "rmstore_version": str, "created_at": str, "facts": dict, "metrics": list[dict],
    "group_ids": list[str], "descriptions": dict[str, str], "encoder": dict | None, "snapshot": dict | None,
    "card": dict[str, dict[str, Any]],
}  # fmt: skip
METRIC = {"split": str, "metric": str, "value": float, "n": int}
SNAPSHOT = {"reference": str, "fingerprint": str, "datasets": list[str], "where": str | None, "n_rows": int}
CELL = str | int | float | bool | None
HINT = KIND.hint


@dataclass(frozen=True)
class HeadImport:
    """An imported head version, and whether it is new here."""

    info: HeadInfo
    is_new: bool


def import_folder(store: Store, folder: Path, name: str | None = None) -> HeadImport:
    """Store the head of a folder as the next version of its name, in one transaction.

    A version of the same name, fingerprint and weights is given back instead. The encoder need not be known here: its
    key goes along, so that vectors of another one are refused. A snapshot here with the same fingerprint as that of the
    training becomes the head's snapshot.

    Args:
        store: an open store.
        folder: what :func:`rmstore.head_folder.export_folder` wrote.
        name: name of the head here; its own by default.

    Raises:
        BadFileError: a file is missing, changed, too many, no plain file, or says what no head says.
        UnknownNameError: a kind of head that this rmstore lacks.
        InvalidNameError: the name is none.
    """
    data, said = read_folder(folder)
    name = references.valid_name(name or said["name"], kind="head")
    given = said["facts"]
    digest = hashlib.sha256(data).hexdigest()
    for known in head_store.list_heads(store, name, given["fingerprint"]):
        if hashlib.sha256(head_store.weights(store, known)).hexdigest() == digest:
            return HeadImport(known, is_new=False)
    tuples = {key: tuple(given[key]) for key in ("inputs", "member_means", "member_scales", "notes")}
    new = head_store.NewHead(
        **{**given, **tuples},
        name=name,
        snapshot_id=_same_snapshot(store, said["snapshot"]),
        data=data,
        metrics={(row["split"], row["metric"]): (row["value"], row["n"]) for row in said["metrics"]},
        group_ids=said["group_ids"],
        rmstore_version=said["rmstore_version"],
        descriptions=said["descriptions"],
        origin={key: said[key] for key in ("reference", "created_at", "encoder", "snapshot", "card")},
    )
    return HeadImport(head_store.save(store, new), is_new=True)


def read_folder(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """Return the weights of a folder and what its ``head.json`` says, all of it checked.

    Raises:
        BadFileError: see :func:`import_folder`.
        UnknownNameError: a kind of head that this rmstore lacks.
    """
    files = read_manifest(folder, KIND)["files"]
    if len(files) != 3:
        raise BadFileError(
            f"{MANIFEST} names {', '.join(sorted(files))}",
            hint=f"it should name one of {', '.join(WEIGHTS)} beside {FACTS} and {CARD}",
        )
    contents = {name: read_plain(folder / name, KIND, facts) for name, facts in files.items()}
    said = json_types.check(json_types.parse(contents[FACTS], FACTS), HEAD, FACTS)
    (weights,) = files.keys() & set(WEIGHTS)
    _check(said)
    _check_weights(contents[weights], weights, said["facts"])
    return contents[weights], said


def _check(said: Mapping[str, Any]) -> None:
    """Refuse facts of the wrong type, and numbers that no head has."""
    references.valid_name(said["name"], kind="head")
    facts = json_types.check(said["facts"], json_types.of_record(HeadFacts, LOCAL), f"facts of {FACTS}")
    for row in said["metrics"]:
        json_types.check(row, METRIC, f"a metric of {FACTS}")
    for entry in facts["inputs"]:
        json_types.check(entry, json_types.of_record(Field), f"an input of {FACTS}")
    if said["snapshot"] is not None:
        json_types.check(said["snapshot"], SNAPSHOT, f"snapshot of {FACTS}")
    positive = {"temperature": [facts["temperature"]], "member_scales": facts["member_scales"],
                "scale of an input": [entry["scale"] for entry in facts["inputs"]],
                "width of an input": [entry["width"] for entry in facts["inputs"]]}  # fmt: skip
    for name, values in positive.items():
        if not all(value > 0 for value in values):
            raise BadFileError(f"{name} is {values}", hint="every one is above 0; " + HINT)
    _check_names(said)
    _check_encoder(said)
    _check_card(said["card"])


def _check_names(said: Mapping[str, Any]) -> None:
    for group in said["group_ids"]:
        try:
            uuid.UUID(group)
        except ValueError:
            raise BadFileError(f"{group[:60]!r} is not the id of a group", hint=HINT) from None
    for name in said["descriptions"]:
        if name not in DESCRIBED:
            raise BadFileError(f"descriptions of {FACTS} has a field {name!r} that nobody knows", hint=HINT)


def _check_encoder(said: Mapping[str, Any]) -> None:
    """Refuse an encoder whose spec is not the one that its key stands for."""
    spec, facts = said["encoder"], said["facts"]
    if facts["layout"] is not None:
        parse_layout(facts["layout"])
    if spec is None:
        return
    try:
        key = EncoderSpec.from_dict(spec).key
    except (TypeError, ValueError):
        key = None
    if key != facts["encoder_key"]:
        raise BadFileError(f"the encoder of {FACTS} does not have the key {facts['encoder_key']!r}", hint=HINT)


def _check_card(card: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a card that is more than sections of values, lists of values and tables."""
    if not isinstance(card.get("head", {}).get("reference"), str):
        raise BadFileError(f"card of {FACTS} names no head", hint=HINT)
    for section in card.values():
        for name, value in section.items():
            table = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
            whole = json_types.fits(value, list[dict[str, Any]] if table else CELL | list[CELL])
            if not whole or (table and any(row.keys() != value[0].keys() for row in value)):
                raise BadFileError(f"{name} of the card of {FACTS} is no value and no table", hint=HINT)


def _check_weights(data: bytes, name: str, facts: Mapping[str, Any]) -> None:
    """Refuse weights that are not of the kind, width and number of members that the facts say."""
    if weights_name(data) != name:
        raise BadFileError(f"{name} does not hold what its ending says", hint=HINT)
    head = HEADS[facts["kind"]].from_bytes(data)
    width = sum(entry["width"] for entry in facts["inputs"])
    counts = {head.n_members, len(facts["member_means"]), len(facts["member_scales"])}
    if head.dim != width or len(counts) != 1:
        raise BadFileError(
            f"the weights take {head.dim} numbers and have {head.n_members} members; {FACTS} says {width} and "
            f"{len(facts['member_means'])}",
            hint=HINT,
        )


def _same_snapshot(store: Store, snapshot: Mapping[str, Any] | None) -> int | None:
    if snapshot is None:
        return None
    found: int | None = store.run("heads/same_snapshot", {"fingerprint": snapshot["fingerprint"]})[0]["snapshot_id"]
    return found
