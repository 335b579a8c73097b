"""The card of a reward head: what it is for, what it learned from, how good it is, what nobody knows of it.

The fields follow the descriptors that arXiv 2310.13595 finds missing from reward models; the list is our own reading,
not a quotation. A card is computed from the store alone, so that it comes out the same whenever it is asked for. What
the store does not know is ``unknown``; what only people know is entered with :func:`describe`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rmstore import head_store, withdrawals
from rmstore.errors import OptionError, UnknownNameError
from rmstore.features import struct_of_inputs
from rmstore.hashing import canonical_json
from rmstore.objectives import OBJECTIVES, learns_from_items
from rmstore.records import HeadInfo
from rmstore.reports.files import get as get_report
from rmstore.store import Store, statement

UNKNOWN = "unknown"

DESCRIBED = (
    "intended_use", "out_of_scope", "license", "contact", "annotators", "annotation_dates", "instructions",
    "pay_and_consent", "aggregation", "collection_dates", "out_of_distribution", "prompt_blindness", "hacking_curve",
    "known_failures",
)  # fmt: skip
"""Fields that people fill in."""

Card = dict[str, dict[str, Any]]
"""Sections, each with fields; a field is a value, a list of rows, or ``unknown``."""


def describe(store: Store, text: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Enter what people say of a head, and return all that they have said.

    Args:
        store: an open store.
        text: reference of the head.
        fields: values by field; an empty one takes the field back.

    Raises:
        UnknownNameError: no such head, or no such field.
        OptionError: a value is no text.
    """
    info = head_store.resolve(store, text)
    for name, value in fields.items():
        if name not in DESCRIBED:
            raise UnknownNameError("field of a card", name, DESCRIBED)
        if not isinstance(value, str):
            raise OptionError(f"{name} is {value!r}", hint="give a text")
    if fields:
        with store.atomic() as cursor:
            for name, value in fields.items():
                cursor.execute(statement("heads/undescribe"), {"head_id": info.head_id, "field": name})
                if value.strip():
                    row = {"head_id": info.head_id, "field": name, "value": value.strip()}
                    cursor.execute(statement("heads/describe"), row)
    return descriptions(store, info.head_id)


def descriptions(store: Store, head_id: int) -> dict[str, str]:
    """Return what people have said of a head, by field."""
    return {row["field"]: row["value"] for row in store.run("heads/descriptions", {"head_id": head_id})}


def card(store: Store, text: str) -> Card:
    """Return the card of a head version.

    The card of an imported head is the one that came with it, under the name and with the descriptions it has here.

    Raises:
        UnknownNameError: no such head.
    """
    info = head_store.resolve(store, text)
    origin = head_store.origin(store, info.head_id)
    found = _measured(store, info) if origin is None else json.loads(canonical_json(origin["card"]))
    found["head"] |= {"reference": info.reference, "imported_from": UNKNOWN}
    if origin is None:
        del found["head"]["imported_from"]
    else:
        found["head"]["imported_from"] = origin["reference"]
    said = descriptions(store, info.head_id)
    return {
        section: {name: _known(said.get(name, value)) for name, value in fields.items()}
        for section, fields in found.items()
    }


def _measured(store: Store, info: HeadInfo) -> Card:
    """Return the card of a head that this store trained, None where it does not know."""
    ids = {"head_id": info.head_id, "snapshot_id": info.snapshot_id}
    source = _first(store, "snapshot", ids)
    tests = _tests(store, info, source)
    return {
        "head": _identity(store, info),
        "use": {"intended_use": None, "out_of_scope": None},
        "preferences": {
            "data_sets": _rows(store, "datasets", ids),
            "withdrawn": withdrawals.of_head(store, info.head_id) or "none: no data set it saw was dropped",
            "votes": [] if learns_from_items(info.objective) else _rows(store, "sources", ids),
            "ratings": _rows(store, "ratings", ids) if learns_from_items(info.objective) else "none: trained on pairs",
            **dict.fromkeys(("annotators", "annotation_dates", "instructions", "pay_and_consent")),
        },
        "labels": _labels(store, info, ids),
        "prompts_and_policies": {
            "prompts": _rows(store, "prompts", ids),
            "policies": _rows(store, "policies", ids),
            "collection_dates": None,
        },
        "encoder": _encoder(store, info, source, ids),
        "training": _training(info, source),
        "metrics": {
            "recorded": [
                {"split": split, "metric": metric, "value": value, "n": n}
                for (split, metric), (value, n) in head_store.metrics(store, info.head_id).items()
            ],
            "test": tests["accuracy"],
            "test_by_length": tests["lengths"],
            "out_of_distribution": None,
            "reports_run": _rows(store, "runs", ids),
        },
        "calibration": {
            "temperature": info.temperature,
            "temperature_from": info.chosen.get("temperature_from"),
            "test": tests["calibration"],
        },
        "failure_modes": {
            "length_correlation": tests["rewards"].get("length_correlation"),
            "length_prompts": tests["rewards"].get("length_prompts"),
            "prompt_blindness": "complete: the vector is of the response alone" if info.layout == "response" else None,
            "levels_across_prompts": _levels(info),
            "hacking_curve": None,
            "known_failures": None,
        },
        "scale": {
            "reference_set": _REFERENCE[learns_from_items(info.objective)],
            "subtracted_mean": info.reference_mean,
            "member_means": list(info.member_means),
            "member_deviations": list(info.member_scales),
            **{f"test_{name}": tests["rewards"].get(name) for name in _SPREAD},
        },
    }  # fmt: skip


_REFERENCE = {
    False: "the distinct items of the training rows, their mean reward subtracted from every score",
    True: "none: rewards are on the scale of the ratings",
}
_SPREAD = ("responses", "mean", "deviation", "lowest", "highest")


def _identity(store: Store, info: HeadInfo) -> dict[str, Any]:
    weights = _first(store, "weights", {"head_id": info.head_id})
    return {
        "reference": info.reference,
        "fingerprint": info.fingerprint,
        "created_at": info.created_at[:19],
        "rmstore_version": info.rmstore_version,
        "weights_sha256": weights.get("sha256"),
        "weights_bytes": weights.get("n_bytes"),
        "license": None,
        "contact": None,
    }


def _labels(store: Store, info: HeadInfo, ids: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "votes", "pairs", "ties", "soft_votes", "votes_across_prompts", "most_votes_on_a_pair", "pairs_voted_on_again",
        "disagreement", "label_noise", "share_longer_chosen",
    )  # fmt: skip
    found = {} if learns_from_items(info.objective) else _first(store, "labels", ids)
    learns = OBJECTIVES[info.objective].uses_ties
    return {
        "aggregation": "none after the training query: each of its rows is a pair of its own",
        "tie_policy": f"votes of probability 0.5 are {'learned from' if learns else 'left out'}",
        **{name: found.get(name) for name in names},
    }


def _encoder(store: Store, info: HeadInfo, source: Mapping[str, Any], ids: Mapping[str, Any]) -> dict[str, Any]:
    spec = json.loads(source["spec"]) if source else {}
    cuts = _first(store, "cuts", ids)
    names = (
        "model", "revision", "license", "kind", "backend", "weights_sha256", "tokenizer_sha256", "rendering", "pooling",
        "max_tokens", "truncation", "truncate_dim", "precision", "normalize", "dim",
    )  # fmt: skip
    shown = {f"encoder_{name}" if name == "license" else name: spec.get(name) for name in names}
    if spec:
        shown["truncate_dim"] = spec.get("truncate_dim") or "none"
        shown["max_tokens"] = spec.get("max_tokens") or None
    return {
        **shown,
        "layer": "last" if spec.get("kind") == "sentence-transformers" else None,
        "key": info.encoder_key,
        "layout": info.layout,
        "texts": cuts.get("texts"),
        "texts_cut": cuts.get("texts_cut"),
    }


def _training(info: HeadInfo, source: Mapping[str, Any]) -> dict[str, Any]:
    inputs = [
        {"field": entry["name"] or "vector", "width": entry["width"], "less": entry["shift"], "over": entry["scale"]}
        for entry in info.inputs
    ]
    return {
        "kind": info.kind,
        "objective": info.objective,
        "options": canonical_json(info.options),
        "chosen_by_the_fit": canonical_json(info.chosen),
        "members": info.members,
        "merge": info.merge or "none",
        "seed": info.seed,
        "inputs": inputs,
        "snapshot": source.get("reference"),
        "data_fingerprint": source.get("fingerprint"),
        "snapshot_filter": (source.get("where") or "none") if source else None,
        "training_sql": info.training_sql,
        "rows_used": info.n_used,
        "rows_skipped": info.n_skipped,
        "seconds": info.seconds,
        "notes": "; ".join(info.notes) or "none",
    }


def _levels(info: HeadInfo) -> str | None:
    if learns_from_items(info.objective):
        return "learned: every item has a value of its own"
    if info.within_prompt is None:
        return None
    if info.within_prompt:
        return "not identified: every pair lay within one prompt, so rewards of different prompts do not compare"
    return "compared in training: some pairs answer different prompts"


def _tests(store: Store, info: HeadInfo, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the test split of the head's own snapshot says, nothing where its rows cannot be scored."""
    nothing: dict[str, Any] = {"accuracy": None, "lengths": None, "calibration": None, "rewards": {}}
    if not source or source["is_dropped"] or not _is_scorable(info):
        return nothing
    place = {"head": info.reference, "snapshot": source["reference"]}
    bare = {**place, "baselines": False}  # those that learn are not on the card
    columns = ("dataset", "subset", "n_pairs", "n_groups", "n_ties", "accuracy", "low", "high", "longest")
    accuracy = [{name: _rounded(row[name]) for name in columns} for row in _report(store, "accuracy", bare)]
    calibration = [
        {name: _rounded(value) for name, value in row.items() if name not in {"split", "temperature", "n_seen"}}
        for row in _report(store, "calibration", place)
    ]
    return {
        "accuracy": accuracy,
        "lengths": _rows(store, "lengths", place),
        "calibration": calibration,
        "rewards": _first(store, "rewards", place),
    }


def _report(store: Store, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a report with the given parameters, the others at their defaults."""
    report = get_report(name)
    values = {param.name: param.default for param in report.params} | dict(params)
    with store.cursor("report_macros") as cursor:
        return store.rows(report.sql, values, cursor=cursor)


def _is_scorable(info: HeadInfo) -> bool:
    """Return whether ``rm_rewards`` can build the head's input from the rows of a snapshot."""
    from rmstore.errors import InputError

    names = [field["name"] for field in info.inputs]
    try:
        return names == [""] or bool(struct_of_inputs(names))
    except InputError:
        return False


def _first(store: Store, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    rows = _rows(store, name, params)
    return rows[0] if rows else {}


def _rows(store: Store, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    text = statement(f"cards/{name}")
    used = {key: value for key, value in params.items() if f"${key}" in text}
    return [{key: _rounded(value) for key, value in row.items()} for row in store.rows(text, used)]


def _rounded(value: Any) -> Any:
    """Return a computed number to six digits: sums vary in the last ones with the number of threads."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _known(value: Any) -> Any:
    """Return a value with everything that is missing marked as unknown."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [{name: _known(entry) for name, entry in row.items()} for row in value]
    return UNKNOWN if value is None or value == [] else value
