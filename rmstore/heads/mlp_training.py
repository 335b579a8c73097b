"""The layers of MLP members as torch tensors, and their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore.heads.base import Pairs, Poll
from rmstore.heads.torch_training import Course, Drop, Net, generators, standardised, train_net
from rmstore.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

Layers = list[tuple[np.ndarray, np.ndarray]]
"""Weights (members, in, out) and biases (members, out), float32, from the input to the reward."""


def train_members(
    train: Pairs,
    valid: Pairs | None,
    objective: Objective,
    settings: Mapping[str, Any],
    weights: np.ndarray,
    *,
    seed: int,
    same_start: bool,
    poll: Poll,
) -> tuple[Layers, dict[str, Any]]:
    """Return the layers of every member and what the training chose.

    Args:
        train: pairs to learn from.
        valid: pairs that decide when to stop; each member keeps its best epoch.
        objective: gives the gradient with respect to the rewards.
        settings: the options of the head.
        weights: weight of every pair for every member, (members, p).
        seed: with the member's number, seeds its initialisation and its order of pairs.
        same_start: let all members start from one initialisation.
        poll: called before every batch.
    """
    draws = generators(seed, len(weights))
    items, centre, spread = standardised(train)
    sizes = [items.shape[1], *settings["hidden"], 1]
    net = _LayerNet(_initial(sizes, draws, same_start=same_start), located=objective.sees != "gap")
    course = Course(**{name: settings[name] for name in Course.__dataclass_fields__ if name in settings})
    record = train_net(
        net, replace(train, items=items), None if valid is None else replace(valid, items=items),
        objective=objective, course=course, weights=weights, draws=draws, poll=poll, note="mlp",
    )  # fmt: skip
    layers = net.layers()
    first, bias = layers[0]
    layers[0] = (first / spread, bias - (centre / spread) @ first)
    return layers, record


def _initial(sizes: Sequence[int], draws: Sequence[np.random.Generator], *, same_start: bool) -> Layers:
    """Return layers drawn uniformly within 1 / sqrt(inputs), torch's own start."""
    members = len(draws)
    if same_start:
        draws = draws[:1]
    layers = []
    for wide, narrow in pairwise(sizes):
        limit = wide**-0.5
        drawn = [draw.uniform(-limit, limit, (wide + 1, narrow)).astype(np.float32) for draw in draws]
        stack = np.stack(drawn * (members // len(drawn)))
        layers.append((stack[:, :-1], stack[:, -1]))
    return layers


class _LayerNet(Net):
    """ReLU layers.

    Unless rewards are ``located``, the last bias stays 0: gaps say nothing about it, and Adam would make steps of
    rounding errors.
    """

    def __init__(self, layers: Layers, *, located: bool) -> None:
        import torch

        self.parameters = [torch.tensor(part, requires_grad=True) for layer in layers for part in layer]
        if not located:
            self.parameters[-1].requires_grad_(False).zero_()
        self.products = sum(weight[0].size for weight, _ in layers)

    def rewards(self, x: Tensor, drop: Drop) -> Tensor:
        """Return the rewards, (members, n)."""
        h = x.expand(len(self.parameters[0]), -1, -1)
        *hidden, (weight, bias) = zip(self.parameters[::2], self.parameters[1::2], strict=True)
        for inner, shift in hidden:
            h = drop((h @ inner + shift[:, None]).relu_())
        return (h @ weight).squeeze(2) + bias

    def layers(self) -> Layers:
        """Return the layers as arrays."""
        parts = [part.detach().numpy() for part in self.parameters]
        return list(zip(parts[::2], parts[1::2], strict=True))
