"""Attributes that are linear in the input: what ratings teach the multi head, and what its gate weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from rmstore.errors import OptionError
from rmstore.heads.base import Pairs
from rmstore.heads.debias import debias

ARRAYS = ("weights", "bias", "centre", "scale", "transform")


@dataclass(frozen=True)
class Attributes:
    """Attributes of an item x: r = W x + b in units of each attribute, r' = r T, ratings = centre + scale * r.

    Attributes:
        names: of the attributes.
        weights: W over the first columns of the input, (k, d) float32.
        bias: b, (k,) float32.
        centre, scale: zero and unit of every attribute in the scale of its ratings, (k,) float32.
        transform: T, (k, k) float32; the identity unless verbosity was taken out.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    transform: np.ndarray

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def shapes(cls, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of every array, for k attributes over d columns."""
        return {"weights": (k, d), "bias": (k,), "centre": (k,), "scale": (k,), "transform": (k, k)}

    @property
    def width(self) -> int:
        """Number of columns that the attributes read."""
        return self.weights.shape[1]

    @cached_property
    def _mixed(self) -> tuple[np.ndarray, np.ndarray]:
        return np.ascontiguousarray(self.weights.T @ self.transform), self.bias @ self.transform

    @cached_property
    def _rated(self) -> tuple[np.ndarray, np.ndarray]:
        return np.ascontiguousarray((self.weights * self.scale[:, None]).T), self.centre + self.scale * self.bias

    @property
    def folded(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Matrix (d, k) and bias (k,) of the ratings, then of r': each is one product over the input."""
        return *self._rated, *self._mixed

    @cached_property
    def even(self) -> np.ndarray:
        """Equal weights of the attributes that T leaves, (k,) float32, with sum 1."""
        left = self.transform.any(axis=0)
        return (left / max(left.sum(), 1)).astype(np.float32)

    def plain(self, items: np.ndarray) -> np.ndarray:
        """Return r, (n, k) float32: before verbosity is taken out."""
        return items[:, : self.width] @ self.weights.T + self.bias

    def rewards(self, items: np.ndarray) -> np.ndarray:
        """Return r', (n, k) float32: what a gate weighs."""
        matrix, bias = self._mixed
        return items[:, : self.width] @ matrix + bias

    def ratings(self, items: np.ndarray) -> np.ndarray:
        """Return the predicted ratings, (n, k) float32, in the scale of the ratings."""
        matrix, bias = self._rated
        return items[:, : self.width] @ matrix + bias

    def without(self, verbosity: str | None, train: Pairs) -> tuple[Attributes, dict[str, Any]]:
        """Return the attributes with verbosity taken out, as measured on the training items, and what that came to.

        Raises:
            OptionError: no attribute has that name.
        """
        if verbosity is None:
            return self, {}
        if verbosity not in self.names:
            raise OptionError(
                f"verbosity is {verbosity!r}, which is no attribute", hint=f"attributes: {', '.join(self.names)}"
            )
        items = train.items[np.unique(np.concatenate([train.chosen, train.rejected]))]
        transform, told = debias(self.plain(items), self.names, verbosity)
        return replace(self, transform=transform.astype(np.float32)), {"verbosity": told}


def from_arrays(names: tuple[str, ...], arrays: Mapping[str, np.ndarray]) -> Attributes:
    """Return attributes over arrays by name, as float32; without ``transform`` nothing is taken out."""
    given = {"transform": np.eye(len(names)), **arrays}
    return Attributes(names, **{name: np.asarray(given[name], dtype=np.float32) for name in ARRAYS})
