"""SQL text of ``rm_steps`` and ``rm_step_rewards``: reasoning steps with the vectors of their prefixes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore import head_store
from rmstore.errors import InputError, UnknownNameError
from rmstore.functions.base import sql_function
from rmstore.functions.rewards import check_encoder
from rmstore.functions.rows import snapshot_numbers, snapshot_of
from rmstore.store import fill_in, quote_identifier, quote_literal, statement
from rmstore.vectors import vectors_relation

if TYPE_CHECKING:
    from rmstore.records import SnapshotInfo
    from rmstore.store import Store

NUMBER = "step"
"""Side feature of a step head that ``rm_step_rewards`` can give by name: the number of the step."""


@sql_function("_rm_steps_sql", "VARCHAR")
def steps_sql(store: Store, references: pa.ChunkedArray, sources: pa.ChunkedArray) -> pa.Array:
    """Return the query of ``rm_steps(snapshot, source)``; the engine reads it while it binds."""
    given = zip(references.to_pylist(), sources.to_pylist(), strict=True)
    return pa.array([_steps_text(store, snapshot_of(store, reference), source) for reference, source in given])


@sql_function("_rm_step_rewards_sql", "VARCHAR")
def step_rewards_sql(
    store: Store, heads: pa.ChunkedArray, references: pa.ChunkedArray, sources: pa.ChunkedArray
) -> pa.Array:
    """Return the query of ``rm_step_rewards(head, snapshot, source)``; the engine reads it while it binds."""
    given = zip(heads.to_pylist(), references.to_pylist(), sources.to_pylist(), strict=True)
    return pa.array([_rewards_text(store, *one) for one in given])


def _steps_text(store: Store, info: SnapshotInfo, source: str | None) -> str:
    """Return rows/steps.sql for a snapshot whose steps all have vectors.

    Raises:
        InputError: the members have no steps, or some of these are not embedded.
        UnknownNameError: no step has a label of the source.
    """
    given = {"snapshot_id": info.snapshot_id, "encoder_id": info.encoder_id, "datasets": list(info.datasets)}
    found = store.run("rows/step_facts", given)[0]
    if not found["n_steps"]:
        raise InputError(
            f"no response of snapshot {info.reference!r} has reasoning steps",
            hint=f"rmstore ingest FILE --format steps --dataset NAME, then {_embed_command(info)}",
        )
    if found["n_missing"]:
        raise InputError(
            f"{found['n_missing']} of {found['n_steps']} steps of snapshot {info.reference!r} are not embedded",
            hint=_embed_command(info),
        )
    if source is not None and source not in found["sources"]:
        raise UnknownNameError("label source", str(source), found["sources"])
    label = "agreed" if source is None else f"labels[{quote_literal(str(source))}]"
    values = {"label": label, "vectors": vectors_relation(info), **snapshot_numbers(store, info)}
    return fill_in(statement("rows/steps"), values)


def _rewards_text(store: Store, head: str | None, reference: str | None, source: str | None) -> str:
    if head is None:
        raise InputError("the head is NULL", hint="rm_step_rewards('prm', 'traces@1')")
    info, snapshot = head_store.resolve(store, head), snapshot_of(store, reference)
    check_encoder(info, snapshot)
    reads = _input([field["name"] for field in info.inputs])
    parts = {"head_id": str(info.head_id), "input": reads, "steps": _steps_text(store, snapshot, source)}
    return fill_in(statement("step_rewards"), parts)


def _input(names: Sequence[str]) -> str:
    """Return the SQL of a head's input over the columns of ``rm_steps``: the vector, or a struct with the number.

    Raises:
        InputError: two fields are not the step's number, so one of them has no column to come from.
    """
    vectors = [name for name in names if name != NUMBER]
    if len(vectors) > 1:
        raise InputError(
            f"the steps of a snapshot give one vector and {NUMBER!r}, not {vectors[-1]!r}",
            hint="score with rm_step_prob and build the struct in the query",
        )
    if vectors == [""]:
        return "embedding"
    parts = [f"{quote_identifier(name)} := {'step::double' if name == NUMBER else 'embedding'}" for name in names]
    return f"struct_pack({', '.join(parts)})"


def _embed_command(info: SnapshotInfo) -> str:
    """Return the command that embeds the steps of a snapshot and leaves its version as it is."""
    words = [*info.datasets, "--snapshot", info.name, "--encoder", info.encoder, "--layout", info.layout]
    words += ["--where", info.where] if info.where else []
    return shlex.join(["rmstore", "embed", *words, "--steps"])
