"""What encoders that run a transformer share: fast tokens, passes over texts of like length, several processes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from rmstore.encoders.base import Encoder, EncoderSpec, Poll, Tokens, never
from rmstore.encoders.rendering import RULES
from rmstore.encoders.windows import over_windows
from rmstore.encoders.workers import Workers

_TOKENS_PER_PASS = {"cpu": 2_048}
"""Tokens in one forward pass: small on a CPU, whose caches hold them; a GPU wants more."""
_TOKENS_PER_PASS_ELSEWHERE = 65_536


class FastTokens(Tokens):
    """Tokens as the Rust tokenizers give them."""

    def __init__(self, encoding: Any) -> None:
        self._encoding = encoding

    def __len__(self) -> int:
        return len(self._encoding)

    def spans(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return begin, end and word of every token; a tokenizer that knows no words gives each token its own."""
        offsets = np.array(self._encoding.offsets, np.int64).reshape(-1, 2)
        words = self._encoding.word_ids
        known = None not in words
        return offsets[:, 0], offsets[:, 1], np.array(words, np.int64) if known else np.arange(len(offsets))


class TransformerEncoder(Encoder):
    """Tokenizes once and runs forward passes over texts of like length; a member says what one pass computes.

    Args:
        spec: what determines the vectors.
        tokenizer: a fast tokenizer of transformers.
        device: type of the device that computes.
        workers: other processes that hold the same encoder; None computes everything here.
    """

    def __init__(self, spec: EncoderSpec, tokenizer: Any, *, device: str = "cpu", workers: Workers | None) -> None:
        from tokenizers import Tokenizer

        self.spec, self._workers = spec, workers
        plain = tokenizer.backend_tokenizer.to_str()
        self._tokenizer, self._reader = Tokenizer.from_str(plain), Tokenizer.from_str(plain)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._reader.no_padding()
        self._reader.enable_truncation(spec.max_tokens)  # does nothing to rendered texts
        self._n_special = int(self._tokenizer.num_special_tokens_to_add(False))
        self._pad = int(tokenizer.pad_token_id or 0)
        self._tokens_per_pass = _TOKENS_PER_PASS.get(device, _TOKENS_PER_PASS_ELSEWHERE)
        self.commit_size = (256 if device == "cpu" else 4_096) * (workers.count if workers else 1)

    @property
    def window(self) -> int:
        """``max_tokens`` less the special tokens that the tokenizer adds."""
        return self.spec.max_tokens - self._n_special

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of each text, made in Rust on all cores."""
        return [FastTokens(found) for found in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def encode(self, texts: Sequence[str], *, poll: Poll = never) -> np.ndarray:
        """Return one vector per text; texts of like length share a forward pass."""
        if self._workers is not None and self._workers.worth_it(texts):
            return self._workers.encode(texts, self.spec.dim, poll)
        if self.spec.truncation == RULES["windows"]:
            return over_windows(self, texts, partial(self._passes, poll=poll))
        return self._passes(texts, poll)

    @abstractmethod
    def _forward(self, tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the vectors of one pass, (n, dim).

        Args:
            tokens: (n, width) token ids, padded on the right.
            mask: (n, width), 1 for a token and 0 for padding.
        """

    def _passes(self, texts: Sequence[str], poll: Poll) -> np.ndarray:
        vectors = np.zeros((len(texts), self.spec.dim), np.float32)
        ids = [encoding.ids for encoding in self._reader.encode_batch_fast(list(texts))]
        sizes = np.fromiter(map(len, ids), np.int64, len(ids))
        order = np.argsort(sizes, kind="stable")[::-1]
        order = order[sizes[order] > 0]  # nothing at all has the vector 0
        for rows in self._batches(order, sizes):
            poll()
            vectors[rows] = self._forward(*self._padded([ids[row] for row in rows]))
        return vectors

    def _batches(self, order: np.ndarray, sizes: np.ndarray) -> Iterator[np.ndarray]:
        """Yield rows for one forward pass each: as many as fit the budget when padded to the longest."""
        start = 0
        while start < len(order):
            count = max(self._tokens_per_pass // int(sizes[order[start]]), 1)
            yield order[start : start + count]
            start += count

    def _padded(self, ids: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
        width = max(map(len, ids))
        tokens = np.full((len(ids), width), self._pad, np.int64)
        mask = np.zeros((len(ids), width), np.int64)
        for row, found in enumerate(ids):
            tokens[row, : len(found)] = found
            mask[row, : len(found)] = 1
        return tokens, mask


def workers_of(kind: type[Encoder], model: str, options: Mapping[str, Any], processes: int) -> Workers | None:
    """Return the processes that hold the encoder a second time, or None where one process is enough."""
    rest = {name: value for name, value in options.items() if name != "processes"}
    return Workers(kind, model, rest, processes) if processes > 1 else None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep progress bars of transformers out of ours while a model loads."""
    from transformers.utils import logging

    was_enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            logging.enable_progress_bar()
