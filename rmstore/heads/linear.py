"""The linear head: reward = w . x, fitted to its optimum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rmstore import options as opt
from rmstore.heads import pairs as on
from rmstore.heads import serial
from rmstore.heads.base import Head, Pairs, Poll
from rmstore.heads.graph import Graph
from rmstore.heads.newton import PRECISE, ROUGH, Design, Loss, glimpse, minimise
from rmstore.objectives.base import Objective

DECADES = range(1, -9, -1)
"""Candidates for ``l2``: powers of ten in units of the mean squared length of a difference, strong to weak."""
PATIENCE = 2
"""Decades without a better validation loss after which no weaker penalty is tried."""


class LinearHead(Head):
    """Rewards linear in the input, one weight vector per member.

    Options:
        l2: strength of the penalty l2 / 2 |w|^2 beside the weighted *mean* loss (scikit-learn's C is 1 / (l2 * sum of
            weights)), or 'auto': the strength with the lowest validation loss, by decades, then by quarters of one.
            Without validation pairs 'auto' is a Gaussian prior under which a gap of typical length has variance 1.
        diversity: how members differ. 'bootstrap' draws groups with replacement, 'split' gives each member another
            80 % of the groups; with 'seed' all members coincide, since the optimum is unique.

    Members share the ``l2`` of the whole training set. ``merge='weights'`` averages them (WARM, adaptation); for a
    linear head that is the ensemble mean itself.

    Attributes:
        weights: (members, dim) float32.
        bias: (members,) float32; 0 unless the objective is pointwise.
    """

    kind = "linear"
    table = {
        "l2": opt.either("auto", opt.number("auto", 0, open_low=True)),
        "diversity": opt.choice("bootstrap", *on.DIVERSITIES),
    }

    def __init__(self, weights: np.ndarray, bias: np.ndarray) -> None:
        self.weights, self.bias = weights, bias
        self._columns = np.ascontiguousarray(weights.T)
        self._mean_weights, self._mean_bias = weights.mean(axis=0), bias.mean()

    @classmethod
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
    ) -> tuple[LinearHead, dict[str, Any]]:
        """Return the head at the optimum, and ``l2``, ``l2_path`` and ``valid_loss``; ``start`` saves steps alone."""
        chosen = cls.options(options)
        valid = on.check(train, valid, members, merge)
        on.check_convex(cls.kind, objective)
        loss = _loss(train, objective)
        origin = None if start is None else _origin(on.same_kind(cls, start, train), loss)
        record: dict[str, Any] = {"l2": chosen["l2"]}
        if chosen["l2"] != "auto":
            best = _fit(loss, chosen["l2"], origin, poll, 0.5)
        elif valid is None:
            record["l2"] = _prior(loss, train)
            best = _fit(loss, record["l2"], origin, poll, 0.5)
        else:
            if origin is None:
                likely = _prior(loss, train)
                glimpse(loss, likely, _ticks(poll, 0.0, likely))
                origin = np.zeros(len(loss.design.penalty))
            best, record = _choose(loss, _loss(valid, objective), origin, poll)
        stack = [best] * members
        if members > 1 and chosen["diversity"] != "seed":
            stack = [
                _fit(loss.reweighted(weight), record["l2"], best, poll, 0.6 + 0.4 * member / members)
                for member, weight in enumerate(on.member_weights(train, chosen["diversity"], seed, members))
            ]
        if merge:
            stack = [np.mean(stack, axis=0)]
        poll(1.0, "fitted")
        return cls._of(np.stack(stack), train.items.shape[1]), record

    @classmethod
    def _of(cls, stack: np.ndarray, dim: int) -> LinearHead:
        bias = stack[:, dim] if stack.shape[1] > dim else np.zeros(len(stack))
        return cls(stack[:, :dim].astype(np.float32), bias.astype(np.float32))

    def members(self, items: np.ndarray) -> np.ndarray:
        """Return the reward of every member, (n, m) float32."""
        return on.check_items(items, self.dim) @ self._columns + self.bias

    def score(self, items: np.ndarray) -> np.ndarray:
        """Return the member mean, (n,) float32, by averaging the weights instead of the rewards."""
        return on.check_items(items, self.dim) @ self._mean_weights + self._mean_bias

    @property
    def n_members(self) -> int:
        """Number of ensemble members."""
        return len(self.weights)

    @property
    def dim(self) -> int:
        """Width of the input."""
        return self.weights.shape[1]

    def operators(self, graph: Graph, items: str) -> str:
        """Add one product and one sum."""
        product = graph.add("MatMul", items, graph.constant(self._columns))
        return graph.add("Add", product, graph.constant(self.bias))

    def to_bytes(self) -> bytes:
        """Return the head as safetensors with tensors ``weights`` and ``bias``."""
        return serial.pack(self.kind, {"weights": self.weights, "bias": self.bias})

    @classmethod
    def from_bytes(cls, data: bytes) -> LinearHead:
        """Return the head that ``to_bytes`` wrote."""
        tensors, _ = serial.unpack(cls.kind, data)
        weights, bias = tensors.get("weights"), tensors.get("bias")
        if weights is None or bias is None or weights.ndim != 2 or bias.shape != (len(weights),) or not weights.size:
            serial.refuse(cls.kind, "the tensors are not weights (members, dim) and bias (members,)")
        return cls(weights, bias)


def _loss(pairs: Pairs, objective: Objective) -> Loss:
    return Loss(Design.of(pairs, sees=objective.sees), pairs, objective)


def _fit(
    loss: Loss, l2: float, start: np.ndarray | None, poll: Poll, share: float, gain: float = PRECISE
) -> np.ndarray:
    tick = _ticks(poll, share, l2)
    return minimise(loss, l2, glimpse(loss, l2, tick) if start is None else start, tick, gain)


def _ticks(poll: Poll, share: float, l2: float) -> Callable[[], None]:
    return lambda: poll(share, f"linear, l2 {l2:.2g}")


def _prior(loss: Loss, train: Pairs) -> float:
    """Return the ``l2`` under which a gap of typical length has variance 1."""
    return loss.design.scale / on.effective(train.weight)


def _origin(start: LinearHead, loss: Loss) -> np.ndarray:
    """Return the mean weights of a head as a place to begin, with its intercept where the loss has one."""
    weights = np.append(start._mean_weights, start._mean_bias).astype(np.float64)
    return weights[: len(loss.design.penalty)]


def _choose(loss: Loss, valid: Loss, origin: np.ndarray, poll: Poll) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the fit with the lowest validation loss; each fit starts from the best one so far."""
    tried: dict[float, tuple[float, np.ndarray]] = {}

    def best() -> float:
        return min(tried, key=lambda decade: tried[decade][0])

    def attempt(decade: float) -> None:
        start = tried[best()][1] if tried else origin
        share = 0.5 * len(tried) / (len(DECADES) + 4)
        weights = _fit(loss, loss.design.scale * 10.0**decade, start, poll, share, ROUGH)
        tried[decade] = valid.value(valid.design.forward(weights)), weights

    for decade in DECADES:
        attempt(decade)
        if best() - decade >= PATIENCE:
            break
    for step in (0.5, 0.25):
        middle = best()
        attempt(middle - step)
        attempt(middle + step)
    path = [[loss.design.scale * 10.0**decade, tried[decade][0]] for decade in sorted(tried, reverse=True)]
    l2 = loss.design.scale * 10.0 ** best()
    lowest, weights = tried[best()]
    return _fit(loss, l2, weights, poll, 0.5), {"l2": l2, "valid_loss": lowest, "l2_path": path}
