"""Whether a snapshot is what it was when it was frozen: its members, their texts, every vector and its checksum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from rmstore import snapshots
from rmstore.doctor import Finding
from rmstore.encoders.base import Encoder, EncoderSpec
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError, OptionError
from rmstore.member_vectors import member_vectors
from rmstore.records import Progress, SnapshotInfo, silent
from rmstore.store import Store, fill_in, statement
from rmstore.vectors import encoder_specs, find_encoder, laid_out, vectors_table

TOLERANCE = 1e-5
"""What two runs of one model may differ by, in a component of about 1 and in the cosine."""

ROUNDING = {"f32": 0.0, "f16": 2.0**-10, "i8": 1 / 127, "bf16": 2.0**-6}
"""One step of a stored number, and for bf16 of what is computed, relative to the largest component of a vector."""

_AT_A_TIME = 4_096
_AGAIN = "drop the snapshot and make it again, or take it from a folder: rmstore snapshot import"
_REPAIR = "rmstore doctor --repair embeds them again"
_IMPORT = "import these vectors again: rmstore import-vectors"

_MEMBERS = {
    "repeated": "members stand once",
    "unknown": "members are responses that are there",
}
_VECTORS = {
    "rendering": "every member has its texts",
    "vector": "every text has its vector",
    "finite": "vectors are finite",
    "checksum": "vectors match their checksums",
}


@dataclass(frozen=True, repr=False)
class Verification:
    """What was found.

    Attributes:
        snapshot: what was verified.
        n_members: members it has now.
        n_vectors: vectors that were read, each once.
        findings: every check with what it found.
        notes: what could not be checked, and how far vectors that were made again differ.
    """

    snapshot: SnapshotInfo
    n_members: int
    n_vectors: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """True where no check found anything."""
        return not any(finding.n for finding in self.findings)

    def __repr__(self) -> str:
        wrong = [finding.check for finding in self.findings if finding.n]
        state = f"not in order: {'; '.join(wrong)}" if wrong else "all in order"
        return f"<Verification of {self.snapshot.reference}: {state}>"


def verify(
    store: Store, reference: str, *, sample: int = 0, seed: int = 0, progress: Progress = silent
) -> Verification:
    """Return what is wrong with a snapshot, if anything; nothing is written.

    The fingerprint is computed again from the members; every member must have a text and a vector for each part of
    the layout, and every vector must be finite and match its checksum (the steps of members that were embedded are
    looked at too). All of it is what the store holds when the check begins, whatever other threads drop meanwhile.
    Vectors are streamed: memory holds ids, never the vectors.

    Args:
        store: where it is.
        reference: the version.
        sample: members that are rendered and embedded again and compared with what is stored.
        seed: draws other members for another number.
        progress: told at every stage.

    Raises:
        UnknownNameError: there is no such snapshot.
        InputError: a sample is asked for, and the vectors were imported or the model is another one now.
        OptionError: the sample is negative.
    """
    if sample < 0:
        raise OptionError(f"sample is {sample}", hint="how many members to embed again, such as 100")
    with (
        snapshots.held(store, reference, "snapshots/restore_members") as (info, cursor),
        store.interruptible(cursor),
    ):
        spec = encoder_specs(store)[info.encoder]
        if sample and spec.kind == "imported":
            raise InputError(
                f"the vectors of {info.reference} were imported, so none can be made again",
                hint="verify without a sample: checksums are compared all the same",
            )
        encoder = find_encoder(store, info.encoder) if sample else None
        progress(0, None, "members")
        n_members, findings, notes = _members(store, cursor, info)
        progress(0, None, "vectors")
        n_vectors, found, said = _vectors(store, cursor, info, _IMPORT if spec.kind == "imported" else _REPAIR)
        findings, notes = findings + found, notes + said
        if encoder is not None:
            _run(store, cursor, "verify_sample", {"seed": str(seed), "sample": sample})
            again, note = _embedded_again(store, cursor, info, encoder, progress)
            findings, notes = [*findings, again], [*notes, note]
    return Verification(info, n_members, n_vectors, tuple(findings), tuple(notes))


def _members(
    store: Store, cursor: duckdb.DuckDBPyConnection, info: SnapshotInfo
) -> tuple[int, list[Finding], list[str]]:
    """Check the members and their fingerprint."""
    digest, n = _run(store, cursor, "fingerprint")[0][0], _run(store, cursor, "verify_count")[0][0]
    expected = info.n_rows - info.n_withdrawn
    told = (f"{n} members, {expected} were frozen",) if n != expected else ()
    findings = [Finding("as many members as were frozen", abs(n - expected), told, _AGAIN)]
    for wrong, n_wrong, examples in _run(store, cursor, "verify_members"):
        findings.append(Finding(_MEMBERS[wrong], n_wrong, tuple(f"response {name}" for name in examples), _AGAIN))
    if info.n_withdrawn:
        return n, findings, [f"{info.n_withdrawn} members were withdrawn, so the fingerprint cannot be computed again"]
    found = snapshots.content_fingerprint(info, digest)
    told = () if found == info.fingerprint else (f"{found}, not {info.fingerprint}",)
    return n, [*findings, Finding("members and configuration match the fingerprint", len(told), told, _AGAIN)], []


def _vectors(
    store: Store, cursor: duckdb.DuckDBPyConnection, info: SnapshotInfo, hint: str
) -> tuple[int, list[Finding], list[str]]:
    """Check that every text has a sound vector."""
    parts = parse_layout(info.layout).parts
    wanted = {
        "encoder_id": info.encoder_id,
        "response_parts": [part for part in parts if part != "prompt"],
        "with_prompts": "prompt" in parts,
    }
    _run(store, cursor, "verify_needed", wanted)
    store.check()
    stored = "embedding, scale" if info.precision == "i8" else "embedding"
    text = fill_in(statement("snapshots/verify_vectors", vectors=vectors_table(info)), {"stored": stored})
    store.execute(cursor, text, {"encoder_id": info.encoder_id}).fetchall()
    n_vectors, n_unsummed = _run(store, cursor, "verify_counts")[0]
    found = {wrong: (n, tuple(examples)) for wrong, n, examples in _run(store, cursor, "verify_findings")}
    findings = [Finding(check, *found.get(wrong, (0, ())), hint) for wrong, check in _VECTORS.items()]
    notes = [f"{n_unsummed} vectors were stored before there were checksums"] if n_unsummed else []
    return n_vectors, findings, notes


def _embedded_again(
    store: Store, cursor: duckdb.DuckDBPyConnection, info: SnapshotInfo, encoder: Encoder, progress: Progress
) -> tuple[Finding, str]:
    """Compare stored vectors of the sample with vectors made now, part by part."""
    n_sample = _run(store, cursor, "verify_sample_count")[0][0]
    unlike, n_compared, farthest, lowest = [], 0, 0.0, 1.0
    for part in parse_layout(info.layout).parts:
        layout = parse_layout(part)
        query = fill_in(
            statement("snapshots/verify_sample_rows"), {"vectors": member_vectors(info, layout=layout).strip()}
        )
        for first, last in _spans(n_sample):
            progress(first - 1, n_sample, f"embedding again: {part}")
            rows = store.arrow(cursor, query, {"first": first, "last": last})
            if not rows.num_rows:
                continue
            stored = rows["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            stored = stored.reshape(rows.num_rows, -1)
            texts = rows["response"].to_pylist(), rows["prompt"].to_pylist()
            gap, cosine, is_close = compared(stored, laid_out(store, encoder, layout, *texts), encoder.spec)
            n_compared += rows.num_rows
            farthest, lowest = max(farthest, float(gap.max())), min(lowest, float(cosine.min()))
            for row in np.flatnonzero(~is_close):
                unlike.append(f"{part} of response {rows['response_id'][int(row)]} by {gap[row]:.2g}")
    note = (
        f"{n_compared} vectors of {n_sample} members were made again: largest difference {farthest:.2g}, "
        f"lowest cosine {lowest:.6f}"
    )
    hint = f"texts or vectors were changed, or this machine computes otherwise; {_REPAIR}"
    return Finding("vectors made again equal those stored", len(unlike), tuple(sorted(unlike)[:3]), hint), note


def compared(stored: np.ndarray, fresh: np.ndarray, spec: EncoderSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the largest difference, the cosine and whether both are within rounding, for each of n vectors.

    A number that lies between two steps of its precision may fall on either side, so one step is allowed; the cosine
    of vectors of d components follows from it, since the length is at least the largest component.

    Args:
        stored: (n, d) float32.
        fresh: (n, d) float32, rounded as they would be stored.
        spec: whose precision and backend made them.

    Example:
        >>> from rmstore.encoders.toy import ToyEncoder
        >>> compared(np.eye(2), np.array([[1, 0], [0.9, 0.1]]), ToyEncoder.load("toy:2", {}).spec)[2].tolist()
        [True, False]
    """
    step = ROUNDING[spec.precision] + (ROUNDING["bf16"] if "bf16" in spec.backend else 0)
    one, other = np.asarray(stored, np.float64), np.asarray(fresh, np.float64)
    top = np.abs(one).max(axis=1, initial=0)
    gap = np.abs(one - other).max(axis=1, initial=0)
    length = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    same = (one == other).all(axis=1)
    cosine = np.where(same, 1.0, (one * other).sum(axis=1) / np.where(length > 0, length, 1))
    is_close = (gap <= TOLERANCE * np.maximum(top, 1) + step * top) & (
        1 - cosine <= TOLERANCE + one.shape[1] * step**2 / 2
    )
    return gap, cosine, is_close


def _spans(n: int) -> Iterator[tuple[int, int]]:
    for first in range(1, n + 1, _AT_A_TIME):
        yield first, min(first + _AT_A_TIME - 1, n)


def _run(
    store: Store, cursor: duckdb.DuckDBPyConnection, name: str, values: dict[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    return store.execute(cursor, statement(f"snapshots/{name}"), values).fetchall()
