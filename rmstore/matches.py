"""The operator's query that says which vector belongs to which response, looked at before anything is written.

It runs twice. The first run looks at every vector and keeps none; the second gives them in slices. Neither needs the
vectors in memory: joins, and sorts of what must be compared, go to disk at the memory limit of the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from rmstore.encoders.base import EncoderSpec
from rmstore.errors import InputError
from rmstore.store import Store, fill_in, quote_identifier, statement
from rmstore.vectors import vectors_relation, vectors_table

TOLERANCE = 1e-3
"""Distance up to which two vectors of one response count as equal but for rounding."""

_SLICE_ROWS, _SLICE_BYTES = 65_536, 1 << 26
_WIDEST = 100_000
"""What an array of the engine can hold."""

_ROUNDING = {"f32": (0.0, 0.0), "f16": (2.0**-11, 0.0), "i8": (0.0, 1 / 254)}
"""How far storing moves a vector at most: as a share of its length, and of its largest component times sqrt(width)."""


class Match:
    """A match that was found good: known responses, vectors of one width, every number finite.

    Attributes:
        store: where the responses are.
        cursor: has the relation ``file`` and, from now on, the table ``_rm_members`` of response ids.
        n_rows: rows of the match.
        n_responses: different responses among them.
        dim: width of the vectors.
        is_unit: True where all vectors of members have length 1.
        has_rewards: True where the match has a column ``reward``.
        shown: data sets that have members, and were asked for.
        missing: each of them with the number of its responses that are no members.
    """

    def __init__(
        self,
        store: Store,
        cursor: duckdb.DuckDBPyConnection,
        reader: duckdb.DuckDBPyConnection,
        query: str,
        datasets: Sequence[str] | None,
    ) -> None:
        """Run the query once and check what it gives.

        Args:
            store: where the responses are.
            cursor: has the relation ``file``.
            reader: has it too, and streams the second run while the cursor does the rest.
            query: one query, with the columns ``response_id`` and ``embedding``.
            datasets: data sets whose responses become members; None takes all.

        Raises:
            InputError: it lacks a column, or gives no row, unknown responses, vectors of several widths, or numbers
                that are not finite.
        """
        self.store, self.cursor, self._reader, self._query = store, cursor, reader, query
        self.dim = 0
        with store.translated():
            columns = cursor.sql(query).columns
        for name in ("response_id", "embedding"):
            if name not in columns:
                raise InputError(
                    f"the match has no column {name!r}, only {', '.join(columns)}",
                    hint="select r.response_id, f.embedding from file as f join ...",
                )
        self.has_rewards = "reward" in columns
        self._run("imports/found", reward="reward::double" if self.has_rewards else "null::double")
        self.n_rows, self.n_responses, self.dim = self._check()
        wanted = {"datasets": None if datasets is None else list(datasets)}
        self.run("imports/members", wanted)
        found = self.run("imports/datasets")
        self.missing = [(name, n) for name, n, _ in found if datasets is None or name in datasets]
        self.shown = tuple(name for name, _ in self.missing)
        if not self.shown:
            raise InputError("no matched response belongs to a data set", hint="rmstore dataset list shows them")
        self.is_unit = bool(self.run("imports/is_unit")[0][0])

    def run(self, name: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement on the cursor and return its rows."""
        return self.store.execute(self.cursor, statement(name), values).fetchall()

    def n_left(self, place: Mapping[str, Any]) -> int:
        """Return how many members have no vector in a place, which is an ``encoder_id`` and a ``part``."""
        return int(self.run("imports/left", place)[0][0])

    def refuse_conflicts(self, spec: EncoderSpec, encoder_id: int, part: str) -> None:
        """Compare vectors of the same response, within the match and with those in the store.

        Vectors that are the same to the last bit are told by a hash, so that few are ever compared in full.

        Raises:
            InputError: two differ by more than rounding.
        """
        tolerance = {"tolerance": TOLERANCE}
        if self._suspects("imports/repeated") and (n := self._run("imports/conflicts_within", tolerance)[0][0]):
            raise InputError(
                f"{n} responses have different vectors in the file", hint="match one vector to each response"
            )
        place = {"encoder_id": encoder_id, "part": part}
        if self.n_left(place) == int(self.run("imports/count_members")[0][0]):
            return
        stored = {"vectors": quote_identifier(vectors_table(spec))}
        # only what is stored as it came has the checksum of what comes
        if not self._suspects("imports/unlike_stored", {**place, "is_exact": spec.precision == "f32"}, **stored):
            return
        of_length, of_largest = _ROUNDING[spec.precision]
        slack = {"of_length": of_length, "of_largest": of_largest * sqrt(spec.dim)}
        values = {**place, **tolerance, **slack}
        if n := self._run("imports/conflicts_before", values, vectors=vectors_relation(spec))[0][0]:
            raise InputError(
                f"{n} responses have another vector from this encoder already",
                hint="give the encoder another name, or its weights_sha256, if another model made these",
            )

    def slices(self) -> Iterator[pa.Table]:
        """Give the rows of the match as tables with the columns position (from 0), response_id and embedding."""
        size = max(1, min(_SLICE_ROWS, _SLICE_BYTES // (4 * self.dim)))
        with self.store.translated():
            for batch in self._reader.sql(self._text("imports/stream")).to_arrow_reader(size):
                yield pa.Table.from_batches([batch]).append_column("position", pa.array(np.arange(batch.num_rows)))

    def _check(self) -> tuple[int, int, int]:
        facts = self.store.rows(statement("imports/facts"), cursor=self.cursor)[0]
        for wrong, problem, hint in (
            (facts["n_rows"] == 0, "the match gives no row", "check the join: which ids does the file have?"),
            (facts["n_null"], "rows of the match have no response or no vector", "filter them in the match"),
            (facts["n_unknown"], "rows of the match name a response that the store does not have", "ingest it first"),
            (facts["narrowest"] != facts["widest"], "vectors of several widths", "one encoder has one width"),
            (facts["widest"] == 0, "the vectors have no components", "is it the right column?"),
            (facts["widest"] > _WIDEST, f"vectors wider than {_WIDEST:,}", "is it the right column?"),
            (facts["n_not_finite"], "vectors have NaN or infinite components", "leave them out in the match"),
            (facts["n_bad_rewards"], "rewards are NaN or infinite", "leave them out in the match"),
        ):
            if wrong:
                count = f"{wrong} of {facts['n_rows']} " if not isinstance(wrong, bool) else ""
                raise InputError(f"{count}{problem}", hint=hint)
        return int(facts["n_rows"]), int(facts["n_responses"]), int(facts["widest"])

    def _suspects(self, name: str, values: Mapping[str, Any] | None = None, **parts: str) -> bool:
        self._run(name, values, **parts)
        return bool(self.run("imports/count_suspects")[0][0])

    def _run(self, name: str, values: Mapping[str, Any] | None = None, **parts: str) -> list[tuple[Any, ...]]:
        return self.store.execute(self.cursor, self._text(name, **parts), values).fetchall()

    def _text(self, name: str, **parts: str) -> str:
        # the operator's own text goes in last, so that nothing in it is filled in
        return fill_in(statement(name), {"dim": str(self.dim), **parts, "match": self._query})
