"""Encoders: texts to vectors, one file per kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rmstore.registry import Registry

if TYPE_CHECKING:
    from rmstore.encoders.base import Encoder

ENCODERS = Registry(
    "encoder kind",
    "encoders",
    {
        "lm": "rmstore.encoders.language_model:LanguageModelEncoder",
        "sentence-transformers": "rmstore.encoders.sentence_transformers:SentenceTransformersEncoder",
        "toy": "rmstore.encoders.toy:ToyEncoder",
    },
)

DEFAULT = "all-MiniLM-L6-v2"


def load_encoder(name: str = DEFAULT, options: Mapping[str, Any] | None = None) -> Encoder:
    """Return the encoder of a name.

    Args:
        name: ``toy``, ``toy:DIM``, ``lm:MODEL`` for the last token of a language model, ``KIND:MODEL`` for kinds of
            other packages, else a name or path of a sentence-transformers model.
        options: options of the encoder; each kind names its own.

    Raises:
        OptionError: an option is unknown or has a value outside its range.
        InputError: there is no such model, or its files cannot be used.

    Example:
        >>> load_encoder("toy:4").spec.dim
        4
    """
    kind = name.partition(":")[0]
    found = kind if kind in ENCODERS else "sentence-transformers"
    loaded: Encoder = ENCODERS[found].load(name, dict(options or {}))
    return loaded
