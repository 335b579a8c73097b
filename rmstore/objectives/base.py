"""The contract of every training objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Labels:
    """What is known about each pair beside its two rewards, every array of shape (p,) float64.

    Attributes:
        prob: P(chosen preferred), 1 for a hard label.
        margin: reward margin the label asks for, 0 where none is given.
    """

    prob: np.ndarray
    margin: np.ndarray


class Objective(ABC):
    """A loss over the rewards of pairs; weights are applied by the head, not here."""

    name: ClassVar[str]
    pairwise: ClassVar[bool] = True
    """True where the loss depends on the rewards through chosen - rejected alone."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None: ...

    @abstractmethod
    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss of every pair, (p,), from rewards of shape (p,)."""

    @abstractmethod
    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return d loss / d chosen and d loss / d rejected, each (p,)."""

    @abstractmethod
    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return the non-negative second derivatives with respect to chosen and to rejected, each (p,).

        For a pairwise objective both equal the second derivative in chosen - rejected.
        """
