"""The contract of every encoder, and the record of what determines its vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from rmstore.hashing import fingerprint

Poll = Callable[[], None]
"""Called between forward passes; raises ``Interrupted`` to stop."""

_METADATA = frozenset({"model", "revision", "license", "options"})

RUN_OPTIONS = frozenset({"device", "processes"})
"""Options that say where and how vectors are computed, not what they are; no spec keeps them."""


def never(*_: object) -> None:
    """Poll that never stops anything."""


@dataclass(frozen=True)
class EncoderSpec:
    """Everything that determines a vector, with the names of the model beside it.

    Attributes:
        kind: name in the registry of encoders, or ``imported`` for vectors made elsewhere.
        model: name or path of the model; metadata, as are revision, license and options.
        dim: width of a vector.
        max_tokens: window of the model, its special tokens included; 0 where unknown.
        weights_sha256: hash of the weights that were really used; None where unknown.
        tokenizer_sha256: hash of the tokenizer; None where unknown.
        rendering: how a prompt and a response become one text.
        pooling: how token vectors become one vector.
        truncation: what happens to a text that is longer than the window, see :mod:`rmstore.encoders.rendering`.
        truncate_dim: leading components that are kept, scaled back to length 1 where ``normalize``; None keeps all.
        precision: number type of a stored vector: ``f32``, ``f16`` or ``i8``; ``encode`` gives float32 for all.
        normalize: True where vectors have length 1.
        backend: what computes them: ``torch``, ``torch-bf16``, ``onnx``, ``openvino``, ``numpy``.
        revision: revision of the model.
        license: license of the model.
        options: options other than the default, to load it again.
    """

    kind: str
    model: str
    dim: int
    max_tokens: int
    weights_sha256: str | None
    tokenizer_sha256: str | None
    rendering: str
    pooling: str
    truncation: str
    normalize: bool
    backend: str
    truncate_dim: int | None = None
    precision: str = "f32"
    revision: str | None = None
    license: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Fingerprint of all fields but the names of the model."""
        return fingerprint({name: value for name, value in asdict(self).items() if name not in _METADATA})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EncoderSpec:
        """Return the spec that :meth:`to_dict` gave; fields this version does not know are left out."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


class Tokens(ABC):
    """The tokens of one text, without special ones.

    ``len`` is cheap; the arrays are made when asked for, which only texts longer than the window need.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def spans(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the first character, the character after the last, and the word number of every token.

        A text cut between two words has the tokens of the words that remain.
        """


class Encoder(ABC):
    """Turns texts into vectors; knows its own tokens, so that texts can be cut before they meet the window."""

    kind: ClassVar[str]
    spec: EncoderSpec
    commit_size: int = 256
    """Texts that are embedded between two commits."""

    @classmethod
    @abstractmethod
    def load(cls, model: str, options: Mapping[str, Any]) -> Encoder:
        """Return the encoder of a model.

        Raises:
            OptionError: an option is unknown or has a value outside its range.
            InputError: there is no such model, or its files cannot be used.
        """

    @property
    @abstractmethod
    def window(self) -> int:
        """Tokens of a text that the model reads: ``max_tokens`` less special tokens."""

    @abstractmethod
    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of each text, none cut off."""

    @abstractmethod
    def encode(self, texts: Sequence[str], *, poll: Poll = never) -> np.ndarray:
        """Return one vector per text, (n, dim) float32, C-contiguous, in the order of the texts.

        Neither the order nor the company of a text changes its vector by more than 1e-5.
        """
