"""A trained head in Python: rewards of vectors, of texts, and as a callable for trainers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rmstore import __version__, head_store, snapshots
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError
from rmstore.store import statement

if TYPE_CHECKING:
    from rmstore.records import HeadInfo
    from rmstore.store import Store

Messages = Sequence[Mapping[str, str]]
"""Chat turns, each with ``role`` and ``content``."""


@dataclass(frozen=True)
class HeadHandle:
    """A head version that stays the same whatever is trained or deployed later.

    Attributes:
        store: where the head is kept.
        info: what is known of it.
    """

    store: Store
    info: HeadInfo

    @classmethod
    def open(cls, store: Store, reference: str) -> HeadHandle:
        """Return the version that a reference means now."""
        return cls(store, head_store.resolve(store, reference))

    def score(self, vectors: np.ndarray) -> np.ndarray:
        """Return the reward of every vector, (n,) float32.

        Args:
            vectors: (n, d), laid out as in the snapshot that the head was trained on.

        Raises:
            InputError: the width differs, a value is not finite, or the head takes more than a vector.
        """
        matrix = np.ascontiguousarray(vectors, dtype=np.float32)
        if matrix.ndim != 2:
            raise InputError(f"the vectors have shape {matrix.shape}", hint="give (n, d), one row per response")
        return self._rewards(_vector_column(matrix))

    def score_texts(self, prompts: Sequence[str | Messages], responses: Sequence[str | Messages]) -> np.ndarray:
        """Return the reward of every response to its prompt, (n,) float32, embedded as its snapshot was.

        Args:
            prompts: texts, or chat turns; one prompt may stand several times.
            responses: as many texts, or assistant turns.

        Raises:
            InputError: the lengths differ, or the head was not trained on a snapshot.
            TypeError: a single text was given instead of a list, whose letters would be scored one by one.
        """
        if isinstance(prompts, str) or isinstance(responses, str):
            raise TypeError("prompts and responses are lists, such as score_texts([prompt], [response])")
        if len(prompts) != len(responses):
            raise InputError(f"{len(prompts)} prompts and {len(responses)} responses", hint="give one prompt each")
        if not len(prompts):
            return np.empty(0, np.float32)
        texts = [_text(response) for response in responses]
        column = _vector_column(self._embed(self._prompt_texts(prompts), texts))
        names = [field["name"] for field in self.info.inputs]
        if names == [""]:
            return self._rewards(column)
        lengths = np.array([len(text) for text in texts], np.float64)
        known = {"log_len": np.log(np.maximum(lengths, 1)), "n_chars": lengths}
        parts = [pa.array(known[name]) if name in known else column for name in names]
        return self._rewards(pa.StructArray.from_arrays(parts, names=names))

    def reward_function(self) -> Callable[..., list[float]]:
        """Return a function in the shape that TRL's trainers take: ``f(prompts, completions, **kwargs)``."""

        def reward(prompts: Sequence[Any], completions: Sequence[Any], **_: Any) -> list[float]:
            return [float(value) for value in self.score_texts(prompts, completions)]

        reward.__name__ = reward.__qualname__ = self.info.reference
        return reward

    def _rewards(self, column: pa.Array) -> np.ndarray:
        rewards: np.ndarray = head_store.scorer(self.store, self.info.head_id).score(column).to_numpy()
        return rewards

    def _prompt_texts(self, prompts: Sequence[str | Messages]) -> list[str]:
        turns = [
            [{"role": "user", "content": prompt}]
            if isinstance(prompt, str)
            else [{"role": turn["role"], "content": turn["content"]} for turn in prompt]
            for prompt in prompts
        ]
        texts: list[str] = self.store.value(statement("prompt_texts"), {"prompts": turns})
        return texts

    def _embed(self, prompts: list[str], responses: list[str]) -> np.ndarray:
        from rmstore.vectors import find_encoder, laid_out

        if self.info.encoder_key is None or self.info.layout is None:
            raise InputError(
                f"head {self.info.reference} does not know which encoder its vectors came from",
                hint="train it with snapshot := 'NAME', or give vectors to score",
            )
        rows = self.store.run("encoder_of_key", {"encoder_key": self.info.encoder_key})
        if not rows:
            origin = head_store.origin(self.store, self.info.head_id) or {}
            model = (origin.get("encoder") or {}).get("model", "unknown")
            raise InputError(
                f"head {self.info.reference} was imported, and this store lacks its encoder {model!r}",
                hint="embed something with that encoder first, or give vectors to score",
            )
        encoder = find_encoder(self.store, rows[0]["name"])
        return laid_out(self.store, encoder, parse_layout(self.info.layout), responses, prompts)


def score_to(store: Store, head: str, *, snapshot: str, to: Path) -> int:
    """Write the rows of a snapshot with their rewards to a file and return how many.

    A Parquet file says in its metadata which head, snapshot and SQL made the numbers.

    Raises:
        InputError: the head was trained on another encoder or layout.
    """
    from rmstore.export import export

    info, source = head_store.resolve(store, head), snapshots.resolve(store, snapshot)
    query = statement("score_rows")
    metadata = {
        "rmstore.head": info.reference,
        "rmstore.head_fingerprint": info.fingerprint,
        "rmstore.snapshot": source.reference,
        "rmstore.snapshot_fingerprint": source.fingerprint,
        "rmstore.sql_sha256": hashlib.sha256(query.encode()).hexdigest(),
        "rmstore.version": __version__,
    }
    values = {"head": info.reference, "snapshot": source.reference}
    return export(store, query, to, values, metadata=metadata)


def _vector_column(matrix: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])


def _text(response: str | Messages) -> str:
    return response if isinstance(response, str) else "\n\n".join(turn["content"] for turn in response)
