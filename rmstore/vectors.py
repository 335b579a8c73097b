"""Vectors in a store: which encoder made them, and one table per width and precision."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from rmstore.encoders import load_encoder
from rmstore.encoders.base import RUN_OPTIONS, Encoder, EncoderSpec
from rmstore.encoders.imported import Imported
from rmstore.encoders.layouts import Layout, parse_layout
from rmstore.encoders.rendering import render
from rmstore.errors import InputError, UnknownNameError
from rmstore.hashing import canonical_json
from rmstore.precision import packed, rounded, valid_precision
from rmstore.snapshots import list_snapshots, resolve
from rmstore.store import Store, fill_in, statement, utc_now


class Width(Protocol):
    """What says which table holds vectors: an encoder's spec, or a snapshot."""

    @property
    def dim(self) -> int:
        """Components of a vector."""

    @property
    def precision(self) -> str:
        """How they are stored, see :mod:`rmstore.precision`."""


def vectors_table(of: Width) -> str:
    """Return the name of the table that holds the vectors of an encoder or a snapshot, such as embeddings_384_f32."""
    return f"embeddings_{int(of.dim)}_{valid_precision(of.precision)}"


def vectors_relation(of: Width) -> str:
    """Return the SQL of the relation (encoder_id, text_id, embedding) whose vectors are floats, however stored."""
    text = statement(f"vectors/read_{valid_precision(of.precision)}", vectors=vectors_table(of))
    return fill_in(text.strip(), {"dim": str(int(of.dim))})


def dataset_names(store: Store, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the names sorted and each once, if all of them are data sets."""
    if not wanted:
        raise InputError("no data set was named", hint="rmstore dataset list shows them")
    known = [row["name"] for row in store.run("embedding/datasets") if not row["is_dropped"]]
    for name in wanted:
        if name not in known:
            raise UnknownNameError("data set", name, known)
    return tuple(sorted(set(wanted)))


def find_encoder(store: Store, name: str, options: Mapping[str, Any] | None = None) -> Encoder:
    """Return a loaded encoder by its name in the store or by the name of its model; loaded once per store.

    Options that only say how to run it, ``device`` and ``processes``, go with either name; others make another
    encoder of the model.

    An encoder whose vectors were imported is there too; it refuses to embed a text.

    Raises:
        InputError: the model found under its name is not the one that made the vectors.
        OptionError: an option is unknown or has a value outside its range.
    """
    given = dict(options or {})
    spec = encoder_specs(store).get(name)
    if spec is not None and given.keys() - RUN_OPTIONS:
        if spec.options:
            raise InputError(
                f"the encoder {name!r} has options of its own: {canonical_json(spec.options)}",
                hint=f"give all options with the name of its model, {spec.model}",
            )
        spec = None
    if spec is not None and spec.kind == "imported":
        return Imported(name, spec)
    slot = ("encoder", name, canonical_json(given), spec.key if spec else None)
    with store.lock:
        if slot not in store.cache:
            store.cache[slot] = load_encoder(name, given) if spec is None else _load_again(name, spec, given)
        encoder: Encoder = store.cache[slot]
        return encoder


def _load_again(name: str, spec: EncoderSpec, run_options: Mapping[str, Any]) -> Encoder:
    encoder = load_encoder(spec.model, {**spec.options, **run_options})
    if encoder.spec.key != spec.key:
        old, new = spec.to_dict(), encoder.spec.to_dict()
        unlike = ", ".join(f"{field} {old[field]!r} is now {new[field]!r}" for field in old if old[field] != new[field])
        raise InputError(
            f"the model {spec.model!r} is not the one that made the vectors of encoder {name!r}: {unlike}",
            hint="give the path of the model that was used",
        )
    return encoder


def encoder_specs(store: Store) -> dict[str, EncoderSpec]:
    """Return the encoders of a store by name."""
    return {row["name"]: EncoderSpec.from_dict(json.loads(row["spec"])) for row in store.run("vectors/encoders")}


def encoder_number(store: Store, spec: EncoderSpec, *, write: bool = True) -> int:
    """Return the number of an encoder in the store, entering it and making its table where it is new.

    Without ``write`` an encoder that is not there has number 0. The name of the model is the name of the encoder;
    with options a part of the key is added, so that the plain name always means the plain model.
    """
    rows = store.run("vectors/encoder_by_key", {"encoder_key": spec.key})
    if rows:
        return int(rows[0]["encoder_id"])
    if not write:
        return 0
    taken = encoder_specs(store)
    name = f"{spec.model}-{spec.key[:6]}" if spec.options or spec.model in taken else spec.model
    with store.atomic() as cursor:
        values = {
            "name": name,
            "encoder_key": spec.key,
            "dim": spec.dim,
            "precision": spec.precision,
            "spec": canonical_json(spec.to_dict()),
            "model": spec.model,
            "revision": spec.revision,
            "license": spec.license,
            "now": utc_now(),
        }
        store.execute(cursor, statement("vectors/insert_encoder"), values)
        table = statement(f"vectors/table_{valid_precision(spec.precision)}", vectors=vectors_table(spec))
        store.execute(cursor, fill_in(table, {"dim": str(int(spec.dim))}))
    return int(store.run("vectors/encoder_by_key", {"encoder_key": spec.key})[0]["encoder_id"])


def embed_texts(store: Store, name: str, responses: Sequence[str], prompts: Sequence[str] | None = None) -> np.ndarray:
    """Return the vectors of responses to prompts, or of texts alone, (n, width) float32; nothing is stored.

    Args:
        store: where encoders and snapshots are.
        name: an encoder, whose joint vector comes back, or a snapshot, whose encoder and layout are used.
        responses: texts.
        prompts: text of the prompt of each response.

    Raises:
        InputError: the layout of the snapshot needs prompts and there are none.
    """
    encoder, layout = _encoder_and_layout(store, name, "response" if prompts is None else "joint")
    if prompts is None and layout.parts != ("response",):
        raise InputError(
            f"snapshot {name!r} has layout {layout.text!r}, which needs a prompt",
            hint=f"rm_embed({name!r}, prompt, response)",
        )
    return laid_out(store, encoder, layout, responses, prompts)


def laid_out(
    store: Store, encoder: Encoder, layout: Layout, responses: Sequence[str], prompts: Sequence[str] | None
) -> np.ndarray:
    """Return the vectors of a layout, (n, width) float32; prompts may be None where no part needs them."""
    sides = {"joint": (prompts, responses), "prompt": (prompts, None), "response": (None, responses)}
    parts = {}
    for part in layout.parts:
        store.check()
        vectors = encoder.encode(render(encoder, *sides[part]).texts, poll=store.check)
        parts[part] = rounded(vectors, encoder.spec.precision)
    terms = [np.prod([parts[part] for part in term], axis=0, dtype=np.float32) for term in layout.terms]
    return np.concatenate(terms, axis=1)


def _encoder_and_layout(store: Store, name: str, layout: str) -> tuple[Encoder, Layout]:
    """Return what a name means: an encoder of the store, else a snapshot, else a model to load."""
    if "@" in name or (name not in encoder_specs(store) and name in {info.name for info in list_snapshots(store)}):
        info = resolve(store, name)
        return find_encoder(store, info.encoder), parse_layout(info.layout)
    return find_encoder(store, name), parse_layout(layout)


def fresh_table(ids: pa.ChunkedArray, vectors: np.ndarray, precision: str = "f32") -> pa.Table:
    """Return text ids with the columns that hold their vectors; see :func:`rmstore.precision.packed`."""
    return pa.table({"text_id": ids, **packed(vectors, precision)})
