"""Stands for a model that made vectors elsewhere: it is known by its spec, and embeds nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from rmstore.encoders.base import Encoder, EncoderSpec, Poll, Tokens, never
from rmstore.errors import InputError


class Imported(Encoder):
    """What has a vector already can be frozen under it; any text that would have to be embedded is an error."""

    kind = "imported"

    def __init__(self, name: str, spec: EncoderSpec) -> None:
        self.name, self.spec = name, spec

    @classmethod
    def load(cls, model: str, options: Mapping[str, Any]) -> Imported:
        """Refuse: only a store knows what was imported.

        Raises:
            InputError: always.
        """
        raise InputError(f"{model!r} names vectors that were imported", hint="rmstore import-vectors brings them")

    @property
    def window(self) -> int:
        """Tokens of a text that the model read, as far as it was declared."""
        return self.spec.max_tokens

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Refuse: the tokenizer is not here.

        Raises:
            InputError: always.
        """
        self._refuse()

    def encode(self, texts: Sequence[str], *, poll: Poll = never) -> np.ndarray:
        """Refuse: the model is not here.

        Raises:
            InputError: always.
        """
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InputError(
            f"the vectors of encoder {self.name!r} were imported, so no text can be embedded with it",
            hint="import vectors of the rest, choose responses and a layout that have theirs, or another encoder",
        )
