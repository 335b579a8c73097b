"""The contract of every reward head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rmstore.options import Option, fill

if TYPE_CHECKING:
    from rmstore.heads.graph import Graph
    from rmstore.objectives.base import Objective

Poll = Callable[[float, str], None]
"""Called often during a fit with the share done and a note; raises ``Interrupted`` to stop it."""


@dataclass(frozen=True)
class Pairs:
    """Preference pairs, or rated items, over distinct items: vectors once, pairs as row numbers.

    Attributes:
        items: inputs, (n, d) float32, C-contiguous and finite; never edited.
        chosen: row of the preferred item, (p,) int64.
        rejected: row of the other item, (p,) int64.
        prob: P(chosen preferred) in [0.5, 1], (p,) float64; 1 is a hard label, 0.5 a tie.
        margin: reward margin the label asks for, (p,) float64; 0 where none is given.
        weight: non-negative weight of the pair, (p,) float64.
        group: number of the pair's group (its prompt), (p,) int64; bootstraps draw groups.
        value: what a single item was given, (p,) float64; ``rejected`` then equals ``chosen``.
        attribute: number of the rated attribute in ``attributes``, (p,) int64.
        similarity: how alike the two sides are, in [0, 1], (p,) float64.
        choice: number of the choice that the pair belongs to, (p,) int64: one item chosen over several others, whose
            pairs weigh as much as one pair together.
        chosen_logp, rejected_logp: log-probability of either side under its policy, (p,) float64.
        attributes: names of the attributes.

    Fields from ``value`` on are None, or empty, where the query did not give them.
    """

    items: np.ndarray
    chosen: np.ndarray
    rejected: np.ndarray
    prob: np.ndarray
    margin: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    value: np.ndarray | None = None
    attribute: np.ndarray | None = None
    similarity: np.ndarray | None = None
    choice: np.ndarray | None = None
    chosen_logp: np.ndarray | None = None
    rejected_logp: np.ndarray | None = None
    attributes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.chosen)


class Head(ABC):
    """A trained map from inputs to rewards, holding one or more ensemble members."""

    kind: ClassVar[str]
    table: ClassVar[Mapping[str, Option]]
    """The options by name."""
    takes_attributes: ClassVar[bool] = False
    """True where ratings of several attributes train one head, whose members are then the attributes."""
    reads_prompt: ClassVar[bool] = False
    """True where the option ``prompt_at`` says which columns of the input are the vector of the prompt."""

    @classmethod
    def options(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options with defaults filled in.

        Raises:
            OptionError: an option is unknown (with a suggestion) or has a value outside its range.
        """
        return fill(f"the {cls.kind} head", cls.table, given)

    @classmethod
    @abstractmethod
    def fit(
        cls,
        train: Pairs,
        valid: Pairs | None,
        *,
        objective: Objective,
        options: Mapping[str, Any],
        members: int,
        merge: str | None,
        seed: int,
        poll: Poll,
        start: Head | None = None,
    ) -> tuple[Head, dict[str, Any]]:
        """Return the fitted head and a record of what the fit chose (``l2``, ``epochs`` ...).

        ``train`` and ``valid`` share ``items``. With ``start`` the fit goes on from a head that was trained before.
        Same arguments, same bytes.

        Raises:
            OptionError: the head cannot train this objective, cannot ``merge``, or cannot go on from ``start``.
        """

    @abstractmethod
    def members(self, items: np.ndarray) -> np.ndarray:
        """Return the reward of every member, (n, m) float32, for items of shape (n, d) float32."""

    def score(self, items: np.ndarray) -> np.ndarray:
        """Return the member mean, (n,) float32."""
        return self.members(items).mean(axis=1)

    @property
    @abstractmethod
    def n_members(self) -> int:
        """Number of ensemble members."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Width of the input."""

    def operators(self, graph: Graph, items: str) -> str | None:
        """Add the head to a graph and return the name of its members' rewards, (n, m), or None where it is no graph.

        ``items`` names the standardised input, (n, d). A head whose reward is not the mean of its members sets
        ``graph.score`` too.
        """
        return None

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Return the head as safetensors or LightGBM text; equal heads give equal bytes."""

    @classmethod
    @abstractmethod
    def from_bytes(cls, data: bytes) -> Head:
        """Return the head that ``to_bytes`` wrote.

        Raises:
            BadFileError: the bytes are truncated or not a head of this kind.
        """
