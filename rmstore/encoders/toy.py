"""An encoder that is computed by eye: component ``i`` counts the words of length ``i + 1``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from rmstore.encoders.base import Encoder, EncoderSpec, Poll, Tokens, never
from rmstore.encoders.options import STORED, read_options, recorded
from rmstore.encoders.rendering import RENDERING, RULES
from rmstore.encoders.windows import over_windows, unit
from rmstore.errors import InputError
from rmstore.options import flag, whole

_WORD = re.compile(r"\S+")
_OPTIONS = {**STORED, "max_tokens": whole(64, 1), "normalize": flag(False)}


class ToyTokens(Tokens):
    """Words between white space; every word is a token."""

    def __init__(self, text: str) -> None:
        self._matches = list(_WORD.finditer(text))

    def __len__(self) -> int:
        return len(self._matches)

    def spans(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where words begin and end, and their numbers."""
        begins = np.array([match.start() for match in self._matches], np.int64)
        ends = np.array([match.end() for match in self._matches], np.int64)
        return begins, ends, np.arange(len(self._matches))


class ToyEncoder(Encoder):
    """``toy`` counts words of 1 .. 8 letters, ``toy:4`` of 1 .. 4; longer words count in the last component.

    Example:
        >>> ToyEncoder.load("toy:4", {}).encode(["a bb bb elephant"]).tolist()
        [[1.0, 2.0, 0.0, 1.0]]
    """

    kind: ClassVar[str] = "toy"
    commit_size = 2_048

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec = spec

    @classmethod
    def load(cls, model: str, options: Mapping[str, Any]) -> ToyEncoder:
        """Return ``toy`` or ``toy:DIM``; options: ``max_tokens``, ``normalize``, ``truncation``, ``precision``."""
        dim = model.partition(":")[2] or "8"
        if not dim.isascii() or not dim.isdigit() or not 1 <= int(dim) <= 4096:
            raise InputError(f"{model!r} is not a toy encoder", hint="toy, or toy:DIM with 1 to 4096 components")
        chosen = read_options(options, _OPTIONS, encoder=model)
        return cls(
            EncoderSpec(
                kind=cls.kind,
                model=model,
                dim=int(dim),
                max_tokens=chosen["max_tokens"],
                weights_sha256=None,
                tokenizer_sha256=None,
                rendering=RENDERING,
                pooling="word-lengths",
                truncation=RULES[chosen["truncation"]],
                normalize=chosen["normalize"],
                backend="numpy",
                precision=chosen["precision"],
                options=recorded(chosen, _OPTIONS),
            )
        )

    @property
    def window(self) -> int:
        """All of ``max_tokens``: there are no special tokens."""
        return self.spec.max_tokens

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the words of each text."""
        return [ToyTokens(text) for text in texts]

    def encode(self, texts: Sequence[str], *, poll: Poll = never) -> np.ndarray:
        """Return the counts of word lengths."""
        if self.spec.truncation == RULES["windows"]:
            return over_windows(self, texts, partial(self._counts, poll=poll))
        return self._counts(texts, poll)

    def _counts(self, texts: Sequence[str], poll: Poll) -> np.ndarray:
        dim = self.spec.dim
        vectors = np.zeros((len(texts), dim), np.float32)
        for row, text in enumerate(texts):
            lengths = [min(len(word), dim) - 1 for word in _WORD.findall(text)[: self.window]]
            vectors[row] = np.bincount(np.array(lengths, np.int64), minlength=dim)
        poll()
        return unit(vectors) if self.spec.normalize else vectors
