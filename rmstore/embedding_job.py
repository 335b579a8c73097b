"""What members of a snapshot lack of an encoder, and how it gets there: rendered, embedded, committed by batches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from rmstore.encoders.base import Encoder
from rmstore.encoders.rendering import Rendered, render
from rmstore.records import Progress
from rmstore.store import Store, statement, utc_now
from rmstore.vectors import fresh_table, vectors_table

FETCH = 16_384
"""Items whose texts are in memory at a time."""

WHOLE = 2**31 - 1
"""Tokens of the longest text where windows are averaged, so that nothing is cut."""

_KINDS = {"prompt": "prompts", "step": "steps"}
"""What the items of a part are; those of every other part are responses."""


class EmbeddingJob:
    """Renders and embeds the items of the table ``_rm_members`` on a cursor that have no vector yet.

    The parts are those of a layout, and ``step``: the items of that are the steps of the members, each rendered
    jointly with its prompt and all steps before it.
    Vectors and the renderings that point at them are committed together, so whatever has a rendering has its
    vector, and what is left to do is found by an anti-join. With them goes the encoder's time, so that
    ``embedding_runs`` counts exactly the texts that are there, also after a kill.

    Progress is told in tokens, guessed from characters before anything is rendered: texts differ in cost by orders
    of magnitude, so that a share of texts says little about the time left.
    """

    def __init__(
        self,
        store: Store,
        cursor: duckdb.DuckDBPyConnection,
        encoder: Encoder,
        encoder_id: int,
        batch_size: int,
        progress: Progress,
    ) -> None:
        self.store, self.cursor, self.encoder, self.encoder_id = store, cursor, encoder, encoder_id
        self.batch_size, self.progress = batch_size, progress
        self.table = vectors_table(encoder.spec)
        self._done, self._total, self._n_embedded = 0, 0, 0
        self._began = utc_now()
        self._longest = WHOLE if encoder.spec.truncation.startswith("windows") else encoder.window

    def count(self, parts: Sequence[str]) -> int:
        """Return how many items lack a rendering; a prompt counts once."""
        return sum(self.find_missing(part)[0] for part in parts)

    def run(self, parts: Sequence[str]) -> int:
        """Embed what is missing and return the number of texts that were embedded."""
        self._done, self._n_embedded = 0, 0
        self._total = sum(self.find_missing(part)[1] for part in parts)
        for part in parts:
            n_items, _ = self.find_missing(part)
            for first in range(1, n_items + 1, FETCH):
                self.store.check()
                self._embed_items(part, first, min(first + FETCH - 1, n_items))
        return self._n_embedded

    def summary(self, parts: Sequence[str]) -> dict[str, Any]:
        """Return n_items, n_texts, n_truncated and n_steps of the members; prompts and steps are items too."""
        values = {
            "encoder_id": self.encoder_id,
            "response_parts": [part for part in parts if part not in _KINDS],
            "with_prompts": "prompt" in parts,
            "with_steps": "step" in parts,
        }
        names = ("n_items", "n_texts", "n_truncated", "n_steps")
        return dict(zip(names, self.query("embedding/counts", values)[0], strict=True))

    def find_missing(self, part: str) -> tuple[int, int]:
        """Put the items without a rendering into ``_rm_todo``; return how many there are, and about how many tokens."""
        values = {"encoder_id": self.encoder_id, "part": part, "window": self._longest}
        self.query(f"embedding/todo_{_KINDS.get(part, 'responses')}", values)
        n_items, n_tokens = self.query("embedding/count_todo")[0]
        return int(n_items), int(n_tokens)

    def rendered(self, part: str, first: int, last: int) -> tuple[pa.Table, Rendered]:
        """Return items of ``_rm_todo`` from position ``first`` to ``last``, and the texts that the encoder reads."""
        items = self.arrow(f"embedding/fetch_{part}", {"first": first, "last": last})
        texts = [items[side].to_pylist() if side in items.column_names else None for side in ("prompt", "response")]
        return items, render(self.encoder, *texts)

    def query(self, name: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement of ``sql/queries`` on the cursor, with the table of the encoder, and return its rows."""
        # Every result is fetched to its end: an open one blocks the cursor.
        return self.store.execute(self.cursor, statement(name, vectors=self.table), values).fetchall()

    def arrow(self, name: str, values: Mapping[str, Any] | None = None) -> pa.Table:
        """Run a statement as :meth:`query` does and return its rows as an arrow table."""
        return self.store.arrow(self.cursor, statement(name, vectors=self.table), values)

    def _embed_items(self, part: str, first: int, last: int) -> None:
        items, rendered = self.rendered(part, first, last)
        self.cursor.register("_rm_rendered", _rendered_table(items, rendered))
        texts = self.arrow("vectors/text_ids")
        self.cursor.register("_rm_texts", texts)
        new = self.arrow("vectors/new_texts", {"encoder_id": self.encoder_id})
        self._save_known(part, texts, _total(texts["size"]) - _total(new["size"]))
        for offset in range(0, new.num_rows, self.batch_size):
            self.store.check()
            self._embed_batch(part, texts, new.slice(offset, self.batch_size))

    def _embed_batch(self, part: str, texts: pa.Table, batch: pa.Table) -> None:
        """Commit the vectors of a batch, the renderings that point at them, and the time it took."""
        began = time.perf_counter()
        vectors = self.encoder.encode(batch["text"].to_pylist(), poll=self.store.check)
        seconds = time.perf_counter() - began
        self.store.check()
        with self.store.atomic() as cursor:
            cursor.register("_rm_texts", texts)
            cursor.register("_rm_fresh", fresh_table(batch["text_id"], vectors, self.encoder.spec.precision))
            self._write(cursor, "vectors/insert_vectors")
            self._write(cursor, "vectors/insert_renderings", part=part)
            self._write(
                cursor, "embedding/add_run", n_texts=batch.num_rows, n_tokens=_total(batch["n_tokens"]),
                seconds=seconds, began=self._began,
            )  # fmt: skip
        self._n_embedded += batch.num_rows
        self._tell(part, _total(batch["size"]))

    def _save_known(self, part: str, texts: pa.Table, size: int) -> None:
        """Commit the renderings of texts that have a vector already."""
        self.store.check()
        with self.store.atomic() as cursor:
            cursor.register("_rm_texts", texts)
            self._write(cursor, "vectors/insert_known", part=part)
        self._tell(part, size)

    def _write(self, cursor: duckdb.DuckDBPyConnection, name: str, **values: Any) -> None:
        text = statement(name, vectors=self.table)
        self.store.execute(cursor, text, {"encoder_id": self.encoder_id, **values}).fetchall()

    def _tell(self, part: str, size: int) -> None:
        self._done += size
        self.progress(self._done, self._total, f"{part}: {self._n_embedded:,} texts; tokens")


def _rendered_table(items: pa.Table, rendered: Rendered) -> pa.Table:
    return pa.table(
        {
            "item_id": items["item_id"], "size": items["size"], "text": rendered.texts,
            "n_tokens": rendered.n_tokens, "n_cut": rendered.n_cut,
        }
    )  # fmt: skip


def _total(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)
