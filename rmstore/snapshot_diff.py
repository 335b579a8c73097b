"""Two snapshots side by side: which responses came, went or stand for another text, and how far their vectors moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rmstore.encoders.layouts import Layout, parse_layout
from rmstore.member_vectors import member_places, member_vectors, vectors_at
from rmstore.records import Progress, SnapshotInfo, silent
from rmstore.snapshots import resolve
from rmstore.store import Store, fill_in, quote_identifier, quote_literal, statement
from rmstore.vectors import encoder_specs

CHANGES = ("added", "removed", "kept", "rerendered", "reencoded")

SLICE_BYTES = 2**28
"""Vectors of one side that are in memory at a time while cosines are computed."""


@dataclass(frozen=True)
class SnapshotDiff:
    """What a snapshot has that another has not, and what became of the responses of both.

    Attributes:
        old: the snapshot compared with.
        new: the snapshot that is compared.
        n_added: responses of ``new`` alone.
        n_removed: responses of ``old`` alone.
        n_kept: responses of both with the same text, encoder and layout.
        n_rerendered: responses of both for which another text stands, under another rendering or layout.
        n_reencoded: responses of both whose text, as far as is known, is the same, under another encoder.
        datasets: the same counts by data set; a response of two data sets counts in both.
        moved: number ``n`` and quantiles ``min``, ``p1`` .. ``p95`` of the cosine between the two vectors of a
            response of both; None where they cannot be compared or were not read.
        notes: what a reader of these figures should know.
    """

    old: SnapshotInfo
    new: SnapshotInfo
    n_added: int
    n_removed: int
    n_kept: int
    n_rerendered: int
    n_reencoded: int
    datasets: tuple[dict[str, Any], ...]
    moved: dict[str, Any] | None
    notes: tuple[str, ...]

    @property
    def n_common(self) -> int:
        """Responses of both."""
        return self.n_kept + self.n_rerendered + self.n_reencoded

    @property
    def same_encoder(self) -> bool:
        """True where one encoder made the vectors of both."""
        return self.old.encoder_key == self.new.encoder_key

    @property
    def same_layout(self) -> bool:
        """True where vectors of both are put together alike."""
        return self.old.layout == self.new.layout


def diff(store: Store, old: str, new: str, *, vectors: bool = True, progress: Progress = silent) -> SnapshotDiff:
    """Return what ``new`` has that ``old`` has not, the other way round, and how far the vectors of the rest moved.

    Vectors are read only where encoder or layout differ, in slices of ``SLICE_BYTES``: memory does not grow with the
    snapshots.

    Args:
        store: where they are.
        old: reference of the snapshot to compare with.
        new: reference of the snapshot to compare.
        vectors: False counts only.
        progress: told after every slice of vectors.

    Raises:
        UnknownNameError: there is no such snapshot.
    """
    pair = _Pair(store, resolve(store, old), resolve(store, new))
    changes = pair.changes(tokens=False)
    counts = store.rows(fill_in(statement("snapshots/diff_counts"), {"changes": changes}))[0]
    shown = {"old_datasets": list(pair.old.datasets), "new_datasets": list(pair.new.datasets)}
    datasets = store.rows(fill_in(statement("snapshots/diff_datasets"), {"changes": changes}), shown)
    n_common = counts["n_kept"] + counts["n_rerendered"] + counts["n_reencoded"]
    moved, notes = None, [*pair.lost(), *(pair.notes() if n_common else [])]
    if pair.is_comparable and n_common and vectors:
        moved = _still(n_common) if pair.is_same else _moved(store, pair, n_common, progress)
        if moved["n"] < n_common:
            notes = [*notes, f"{n_common - moved['n']} responses of both lack a vector, or have one of length 0"]
    return SnapshotDiff(
        pair.old, pair.new, **counts, datasets=tuple(datasets),
        moved=moved if moved and moved["n"] else None, notes=tuple(notes),
    )  # fmt: skip


def diff_sql(store: Store, old: SnapshotInfo, new: SnapshotInfo) -> str:
    """Return the query of ``rm_snapshot_diff``."""
    pair = _Pair(store, old, new)
    cosine, moves = "null::double", ""
    if pair.is_same:
        cosine = "case when changes.change = 'kept' then 1e0 end"
    elif pair.is_comparable:
        cosine, moves = "moves.cosine", fill_in(statement("snapshots/diff_moves"), {"cosines": pair.cosines()})
    parts = {"changes": pair.changes(tokens=True), "cosine": cosine, "moves": moves}
    return fill_in(statement("snapshots/diff_rows"), parts)


class _Pair:
    """What can be told apart between two snapshots, and the SQL that tells it."""

    def __init__(self, store: Store, old: SnapshotInfo, new: SnapshotInfo) -> None:
        specs = encoder_specs(store)
        self.old, self.new = old, new
        self.specs = specs[old.encoder], specs[new.encoder]
        self.layouts = parse_layout(old.layout), parse_layout(new.layout)

    @property
    def is_same(self) -> bool:
        """True where encoder and layout are the same, so that nothing can have changed."""
        return self.old.encoder_key == self.new.encoder_key and self._same_layout

    @property
    def is_comparable(self) -> bool:
        """True where the two vectors of a response have components in common."""
        same_parts = self.old.dim == self.new.dim and len(self.layouts[0].terms) == len(self.layouts[1].terms)
        return same_parts or self._leading is not None

    def changes(self, *, tokens: bool) -> str:
        """Return a query for response_id, change, old_n_tokens, new_n_tokens; without ``tokens`` these may be NULL."""
        # Ids of imported texts are made of the encoder's key, so they say nothing about the texts.
        told = self._same_layout and not self.is_same and not self._is_imported
        if told:
            common = statement("snapshots/diff_common_texts").strip()
        else:
            common = quote_literal("kept" if self.is_same else "reencoded" if self._same_layout else "rerendered")
        sides = {
            side: _texts(info, layout) if tokens or told else _plain(info)
            for side, info, layout in zip(("old", "new"), (self.old, self.new), self.layouts, strict=True)
        }
        return fill_in(statement("snapshots/diff_changes"), {"common": common, **sides})

    def cosines(self) -> str:
        """Return a query for response_id and cosine of the responses with two vectors."""
        sides = {side: member_vectors(info, leading=self._kept(info)) for side, info in self._sides}
        return self._cosines(fill_in(statement("snapshots/diff_pairs"), sides))

    def places(self) -> str:
        """Return the statement that makes ``_rm_places``: where both vectors of every response of both lie."""
        names = [f"{side}_{part}" for side, parts in self._parts for part in parts]
        first = next((part for part in self.layouts[0].parts if part != "prompt"), "prompt")
        sides = {side: member_places(info, side) for side, info in self._sides}
        parts = {"places": ", ".join(map(quote_identifier, names)), "first": quote_identifier(f"old_{first}")}
        return fill_in(statement("snapshots/diff_places"), {**sides, **parts})

    def slice_cosines(self) -> str:
        """Return the query of :meth:`cosines` for the places of ``_rm_slice``."""
        vectors = {side: vectors_at(info, side, leading=self._kept(info)) for side, info in self._sides}
        parts = {"joins": "".join(joins for _, joins in vectors.values())}
        parts.update((side, vector) for side, (vector, _) in vectors.items())
        return self._cosines(fill_in(statement("snapshots/diff_slice_pairs"), parts))

    def lost(self) -> list[str]:
        """Return which side lost responses since it was frozen; they count as if they had never been there."""
        return [
            f"{info.n_withdrawn} responses of {info.reference} were withdrawn with dropped data sets and count nowhere"
            for info in dict.fromkeys((self.old, self.new))
            if info.n_withdrawn
        ]

    def notes(self) -> list[str]:
        """Return what a reader of the figures should know."""
        notes = []
        if self._is_imported and not self.is_same:
            notes.append("vectors that were imported do not tell which text they stand for: changed texts do not show")
        if not self.is_comparable:
            widths = [layout.width(spec.dim) for layout, spec in zip(self.layouts, self.specs, strict=True)]
            notes.append(
                f"no cosine: vectors of {widths[0]} components ({self.old.encoder}, {self.old.layout}) cannot be "
                f"compared with vectors of {widths[1]} ({self.new.encoder}, {self.new.layout})"
            )
            return notes
        if self._leading is not None:
            notes.append(f"cosines are over the first {self._leading} components of each part, which both have")
        if not self._same_layout:
            notes.append("the layouts differ, so that the two vectors of a response stand for different texts")
        if not self._are_variants:
            notes.append(
                f"{self.old.encoder} and {self.new.encoder} are two models, whose spaces have nothing in common: a "
                "cosine means something between variants of one model, such as f32 and f16"
            )
        return notes

    @property
    def _sides(self) -> tuple[tuple[str, SnapshotInfo], ...]:
        return ("old", self.old), ("new", self.new)

    @property
    def _parts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ("old", self.layouts[0].parts), ("new", self.layouts[1].parts)

    def _kept(self, info: SnapshotInfo) -> int | None:
        """Return how many components of a part are compared, None for all."""
        return self._leading if self._leading != info.dim else None

    @staticmethod
    def _cosines(pairs: str) -> str:
        return fill_in(statement("snapshots/diff_cosines"), {"pairs": pairs})

    @property
    def _same_layout(self) -> bool:
        return self.old.layout == self.new.layout

    @property
    def _is_imported(self) -> bool:
        return "imported" in {spec.kind for spec in self.specs}

    @property
    def _are_variants(self) -> bool:
        """True where the weights are the same, or, where no hash is known, at least kind and name of the model."""
        one, other = self.specs
        if one.weights_sha256 or other.weights_sha256:
            return one.weights_sha256 == other.weights_sha256
        return (one.kind, one.model) == (other.kind, other.model)

    @property
    def _leading(self) -> int | None:
        """Components that a truncated (Matryoshka) variant shares with a wider one of the same weights."""
        narrow, wide = sorted(self.specs, key=lambda spec: spec.dim)
        if narrow.dim == wide.dim or not self._same_layout or not narrow.weights_sha256 or not self._are_variants:
            return None
        return narrow.dim if narrow.truncate_dim == narrow.dim else None


def _texts(info: SnapshotInfo, layout: Layout) -> str:
    """Return a query for response_id, n_tokens and texts, NULL where nothing was rendered."""
    joins = [
        fill_in(
            statement("snapshots/diff_part", rendering=f"{part}_rendering"),
            {
                "item": f"responses.{'prompt_id' if part == 'prompt' else 'response_id'}",
                "part": quote_literal(part),
                "encoder_id": str(int(info.encoder_id)),
            },
        )
        for part in layout.parts
    ]
    named = {part: quote_identifier(f"{part}_rendering") for part in layout.parts}
    counted = ["joint"] if "joint" in layout.parts else list(layout.parts)
    parts = {
        "n_tokens": " + ".join(f"{named[part]}.n_tokens" for part in counted),
        "text_ids": ", ".join(f"{named[part]}.text_id" for part in layout.parts),
        "joins": "".join(joins),
        "snapshot_id": str(int(info.snapshot_id)),
    }
    return fill_in(statement("snapshots/diff_texts"), parts)


def _plain(info: SnapshotInfo) -> str:
    return fill_in(statement("snapshots/diff_members"), {"snapshot_id": str(int(info.snapshot_id))})


def _still(n: int) -> dict[str, Any]:
    return {"n": n, **dict.fromkeys(("min", "p1", "p5", "p25", "p50", "p75", "p95"), 1.0)}


def _moved(store: Store, pair: _Pair, n_common: int, progress: Progress) -> dict[str, Any]:
    """Return the quantiles of the cosines, computed slice by slice and kept as numbers alone."""
    widest = max(len(layout.parts) * spec.dim * 4 for layout, spec in zip(pair.layouts, pair.specs, strict=True))
    query = fill_in(statement("snapshots/diff_compare"), {"cosines": pair.slice_cosines()})
    cursor = store.cursor()
    cursor.execute("begin transaction")  # rows keep their numbers for as long as somebody looks at them
    store.execute(cursor, statement("snapshots/diff_moved")).fetchall()
    (n_places,) = store.execute(cursor, pair.places()).fetchall()[0]
    for first, last in _slices(n_places, max(1, SLICE_BYTES // widest)):
        store.check()
        progress(first - 1, n_common, "vectors compared")
        store.execute(cursor, statement("snapshots/diff_slice"), {"first": first, "last": last}).fetchall()
        store.execute(cursor, query).fetchall()
    progress(n_common, n_common, "vectors compared")
    quantiles = store.rows(statement("snapshots/diff_quantiles"), cursor=cursor)[0]
    cursor.close()
    return quantiles


def _slices(n: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield first and last number of the slices of n places, which are numbered from 1."""
    for first in range(1, n + 1, size):
        yield first, min(first + size - 1, n)
