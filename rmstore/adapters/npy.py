"""Published vectors without their texts: an array of k vectors for each of n prompts, and rewards beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rmstore.adapters.base import Adapter, Column
from rmstore.errors import OptionError

_NUMBER = Column(("number",), required=True, is_stored=False)


class Npy(Adapter):
    """A ``.npy`` of shape (n, k, d), as the embedding repository of arXiv 2502.04357 publishes them.

    Its prompts and responses get placeholders as texts, such as ``prompt 17 of 5f2a…`` with the first twelve digits
    of the file's SHA-256, and ``response 3 to`` it, both counted from 0. The option ``rewards`` names a ``.npy`` of
    shape (n, k, 1) or (n, k) with the reward of each response, which becomes the rating ``attribute``. The vectors
    themselves come with ``import-vectors``, which does this ingest on the way where it is given no match.

    Other files may hold the rows that are read from an array: ``file``, ``prompt_number``, ``n_responses`` and, if
    there are any, ``rewards``, a list of numbers.
    """

    name = "npy"
    description = "an array (n, k, d) of vectors whose texts were not published, rewards (n, k, 1) beside it"
    sql = "npy"
    columns = {
        "file": Column(("text",), required=True, is_stored=False),
        "prompt_number": _NUMBER,
        "n_responses": _NUMBER,
        "rewards": Column(("list",), is_stored=False),
    }
    options = {"rewards": None, "attribute": "gold"}

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__(given)
        rewards, attribute = self.values["rewards"], self.values["attribute"]
        if rewards is not None and not isinstance(rewards, str):
            raise OptionError(f"rewards of the format 'npy' is {rewards!r}", hint="give the path of an array")
        if not isinstance(attribute, str) or not attribute:
            raise OptionError(f"attribute of the format 'npy' is {attribute!r}", hint="give a name, such as gold")
        self.beside = rewards

    def parameters(self) -> dict[str, Any]:
        """Return the attribute that the rewards rate."""
        return {"attribute": self.values["attribute"]}
