"""Low-rank adapters under ReLU layers as torch tensors: their start, their regularisers and their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore.heads.base import Pairs, Poll
from rmstore.heads.mlp_training import course_of
from rmstore.heads.torch_training import Drop, Net, generators, train_net
from rmstore.heads.units import in_their_unit, in_units, standardised
from rmstore.heads.warm import between
from rmstore.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

JOINT = 0.3
"""Share of the progress that the joint phase of a shared head counts for."""
SCALE = 1 / 32
"""Of U V while it is learned, like alpha / rank of LoRA: at full scale an adapter overfits in its first passes."""
MEASURED = 4096
"""Training pairs on which the regularisers are measured after a fit."""


@dataclass(frozen=True)
class Weights:
    """What adapter members hold, float32: z = e + e @ down @ up, then ReLU layers on z.

    Attributes:
        down: (members, d, rank).
        up: (members, rank, d).
        layers: weights (members, in, out) and biases (members, out) from z to the reward; an array that all members
            share has length 1 in its first axis.
    """

    down: np.ndarray
    up: np.ndarray
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    @property
    def is_shared(self) -> bool:
        """True where the members have hidden layers in common."""
        return len(self.layers) > 1 and len(self.layers[0][0]) < len(self.down)

    def adapted(self, vector: np.ndarray) -> np.ndarray:
        """Return z of one vector (d,) for every member, (members, d) float64."""
        one = np.broadcast_to(vector.astype(np.float64), (len(self.down), 1, len(vector)))
        return (one + one @ self.down @ self.up)[:, 0]

    def standardised(self, centre: np.ndarray, spread: np.float32) -> Weights:
        """Return the same members over (e - centre) / spread instead of e."""
        weight, bias = self.layers[0]
        return self._begun(weight * spread, bias + self._at(centre, weight))

    def original(self, centre: np.ndarray, spread: np.float32) -> Weights:
        """Return members over (e - centre) / spread as members over e."""
        weight, bias = self.layers[0]
        return self._begun(weight / spread, bias - self._at(centre, weight / spread))

    def times(self, unit: np.float32) -> Weights:
        """Return members whose rewards are so many times as large."""
        *hidden, (weight, bias) = self.layers
        return replace(self, layers=(*hidden, (weight * unit, bias * unit)))

    def mean(self) -> Weights:
        """Return one member with the mean of every array."""
        layers = tuple((weight.mean(0, keepdims=True), bias.mean(0, keepdims=True)) for weight, bias in self.layers)
        return Weights(self.down.mean(0, keepdims=True), self.up.mean(0, keepdims=True), layers)

    def take(self, rows: Sequence[int], *, shared: bool) -> Weights:
        """Return some members, in the order given; hidden layers that they have in common stay so if ``shared``."""

        def some(part: np.ndarray) -> np.ndarray:
            return part[rows] if len(part) == len(self.down) else part[[0] * len(rows)]

        def common(part: np.ndarray) -> np.ndarray:
            return part if shared and len(part) == 1 else some(part)

        *hidden, (weight, bias) = self.layers
        layers = [*((common(inner), common(shift)) for inner, shift in hidden), (some(weight), some(bias))]
        return Weights(some(self.down), some(self.up), tuple(layers))

    def _at(self, vector: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the first product at one vector, (members, width)."""
        return (self.adapted(vector)[:, None] @ weight)[:, 0]

    def _begun(self, weight: np.ndarray, bias: np.ndarray) -> Weights:
        first = weight.astype(np.float32), bias.astype(np.float32)
        return replace(self, layers=(first, *self.layers[1:]))


def train_members(
    train: Pairs,
    valid: Pairs | None,
    objective: Objective,
    settings: Mapping[str, Any],
    weights: np.ndarray,
    *,
    seed: int,
    same_start: bool,
    start: Weights | None,
    poll: Poll,
) -> tuple[Weights, dict[str, Any]]:
    """Return the members and what the training chose.

    Args:
        train: pairs to learn from.
        valid: pairs that decide when to stop; each member keeps its best epoch.
        objective: gives the gradient with respect to the rewards.
        settings: the options of the head.
        weights: weight of every pair for every member, (members, p).
        seed: with the member's number, seeds its initialisation and its order of pairs.
        same_start: let all members start from one initialisation.
        start: members to go on from, as many as are trained.
        poll: called before every batch.
    """
    items, centre, spread = standardised(train)
    root = np.float32(items.shape[1] ** 0.5)  # mean square norm 1, as the layers of the MLP head have it
    items, spread = items / root, spread * root
    train = replace(train, items=items)
    valid = None if valid is None else replace(valid, items=items)
    train, valid, unit = in_units(train, valid, objective)
    course = course_of(settings, len(train))
    draws = generators(seed, len(weights))
    first = draws[:1] if same_start else draws
    located = objective.sees != "gap"
    record: dict[str, Any] = {}
    if start is not None:
        begin = start.standardised(centre, spread).times(1 / unit)
    elif settings["share"]:
        alone = [np.random.default_rng([seed, len(weights)])]
        plain = AdapterNet(initial(items.shape[1], 0, settings["hidden"], alone), located=located)
        joint = train_net(
            plain, train, valid, objective=objective, course=replace(course, epochs=settings["joint_epochs"]),
            weights=train.weight[None], draws=alone, poll=between(poll, 0, JOINT), note="adapter, joint phase",
        )  # fmt: skip
        poll, record = between(poll, JOINT, 1), {"joint_epochs": joint["epochs"]}
        down, up = _adapters(items.shape[1], settings["rank"], first, len(draws))
        begin = replace(plain.weights().take([0] * len(draws), shared=True), down=down, up=up)
    else:
        begin = initial(items.shape[1], settings["rank"], settings["hidden"], first)
        begin = begin.take([0] * len(draws), shared=False) if same_start else begin
    extra = Regulariser(settings["grm"], settings["regulariser"], train, weights) if settings["grm"] else None
    net = AdapterNet(begin, located=located, frozen=settings["share"], extra=extra)
    record |= train_net(
        net, train, valid, objective=objective, course=course, weights=weights, draws=draws, poll=poll, note="adapter"
    )
    record |= {} if extra is None else extra.measure(net)
    return net.weights().original(centre, spread).times(unit), in_their_unit(record, unit)


def initial(dim: int, rank: int, hidden: Sequence[int], draws: Sequence[np.random.Generator]) -> Weights:
    """Return layers drawn uniformly within 1 / sqrt(inputs), torch's own start, under adapters that change nothing.

    Layers are drawn first, so that they are those of the same seed without an adapter.
    """
    layers = []
    for wide, narrow in pairwise([dim, *hidden, 1]):
        limit = wide**-0.5
        stack = np.stack([draw.uniform(-limit, limit, (wide + 1, narrow)).astype(np.float32) for draw in draws])
        layers.append((stack[:, :-1], stack[:, -1]))
    return Weights(*_adapters(dim, rank, draws, len(draws)), tuple(layers))


def _adapters(dim: int, rank: int, draws: Sequence[np.random.Generator], members: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``down`` drawn, by every member or once for all, and ``up`` at 0 (LoRA, arXiv 2106.09685)."""
    rank, limit = min(rank, dim), dim**-0.5
    down = np.stack([draw.uniform(-limit, limit, (dim, rank)).astype(np.float32) for draw in draws])
    return np.tile(down, (members // len(draws), 1, 1)), np.zeros((members, rank, dim), np.float32)


class AdapterNet(Net):
    """Adapters and ReLU layers.

    Unless rewards are ``located``, the last bias stays 0: gaps say nothing about it.

    Args:
        begin: the weights to start from, over standardised items.
        located: the objective sees the level of the rewards.
        frozen: leave the hidden layers as they are.
        extra: what is added to the loss, whose share of it the objective gives up.
    """

    def __init__(
        self, begin: Weights, *, located: bool, frozen: bool = False, extra: Regulariser | None = None
    ) -> None:
        import torch

        self._down, self._up = (torch.tensor(part, requires_grad=True) for part in (begin.down, begin.up / SCALE))
        self._layers = [
            (torch.tensor(weight, requires_grad=not frozen), torch.tensor(bias, requires_grad=not frozen))
            for weight, bias in begin.layers[:-1]
        ]
        weight, bias = begin.layers[-1]
        last = torch.tensor(weight, requires_grad=True), torch.tensor(bias if located else 0 * bias)
        last[1].requires_grad_(located)
        self._layers.append(last)
        learned = [part for layer in self._layers for part in layer if not frozen or layer is last]
        self.parameters = [self._down, self._up, *learned, *([] if extra is None else extra.parameters)]
        self.products = 2 * begin.down[0].size + sum(weight[0].numel() for weight, _ in self._layers)
        self._extra = extra

    def adapted(self, x: Tensor) -> Tensor:
        """Return z, (members, n, d)."""
        return x + SCALE * ((x @ self._down) @ self._up)

    def rewards(self, x: Tensor, drop: Drop) -> Tensor:
        """Return the rewards, (members, n)."""
        h = self.adapted(x)
        for weight, bias in self._layers[:-1]:
            h = drop((h @ weight + bias[:, None]).relu_())
        weight, bias = self._layers[-1]
        rewards = (h @ weight).squeeze(2) + bias
        if self._extra is not None and rewards.requires_grad:
            kept = 1 - self._extra.strength
            rewards.register_hook(lambda slope: kept * slope)
        return rewards

    def penalty(self, batch: np.ndarray) -> Tensor | None:
        """Return strength times the regulariser of a batch, (members,)."""
        if self._extra is None:
            return None
        first, *others = self._extra.errors(self, batch).values()
        return self._extra.strength * sum(others, first)

    def weights(self) -> Weights:
        """Return the members as arrays."""
        layers = tuple((weight.detach().numpy(), bias.detach().numpy()) for weight, bias in self._layers)
        return Weights(self._down.detach().numpy(), SCALE * self._up.detach().numpy(), layers)


class Regulariser:
    """What keeps z informative: linear maps from z back to e, or to the log-probability (methods of GRM, adapted).

    The map back to e starts as the identity, right where the adapter changes nothing, and the one to the
    log-probability at 0: no numbers are drawn, so that members are the same without a regulariser, but for its pull.

    Args:
        strength: share of the loss, in (0, 1].
        which: 'reconstruction', 'logp' or 'both'.
        train: pairs over standardised items, with log-probabilities for 'logp'.
        weights: weight of every pair for every member, (members, p).

    Attributes:
        parameters: the maps, trained with the members.
    """

    def __init__(self, strength: float, which: str, train: Pairs, weights: np.ndarray) -> None:
        import torch

        self.strength = strength
        dim, members = train.items.shape[1], len(weights)
        sides = np.stack([train.chosen, train.rejected], axis=1)
        self._items, self._sides = torch.from_numpy(train.items), torch.from_numpy(sides)
        self._weight = torch.from_numpy((weights / weights.mean(axis=1, keepdims=True)).astype(train.items.dtype))
        self._targets: dict[str, Tensor | None] = {}
        self.parameters: list[Tensor] = []
        if which in {"reconstruction", "both"}:
            self._targets["reconstruction"] = None
        if which in {"logp", "both"}:
            self._targets["logp"] = torch.from_numpy(_standard_logp(train).astype(train.items.dtype))
        for target in self._targets.values():
            begin = torch.eye(dim) if target is None else torch.zeros(dim, 1)
            self.parameters.append(begin.to(self._items.dtype).repeat(members, 1, 1).requires_grad_())

    def errors(self, net: AdapterNet, batch: np.ndarray) -> dict[str, Tensor]:
        """Return the weighted mean error of every map over both sides of a batch, (members,) each."""
        import torch

        pairs = torch.from_numpy(batch)
        there = pairs >= 0
        weight = (self._weight.gather(1, pairs.clamp(min=0)) * there / there.sum(1, keepdim=True)).repeat_interleave(
            2, dim=1
        )
        x = self._items[self._sides[pairs].flatten(1)]
        z = net.adapted(x)
        found = {}
        for (name, target), back in zip(self._targets.items(), self.parameters, strict=True):
            if target is None:
                size = x.square().sum(2)
                # an item at the very centre has no direction to keep
                error = (x - z @ back).square().sum(2) / size.clamp(min=1e-6)
            else:
                error = (target[pairs].flatten(1) - (z @ back).squeeze(2)).square()
            found[name] = (weight * error).sum(1) / 2
        return found

    def measure(self, net: AdapterNet) -> dict[str, float]:
        """Return the errors of the trained maps by name, as mean over members and some training pairs."""
        import torch

        rows = np.linspace(0, len(self._sides) - 1, min(MEASURED, len(self._sides))).astype(np.int64)
        with torch.no_grad():
            found = self.errors(net, np.tile(rows, (len(self._weight), 1)))
        return {f"{name}_error": float(error.mean()) for name, error in found.items()}


def _standard_logp(train: Pairs) -> np.ndarray:
    """Return the log-probabilities of both sides with mean 0 and variance 1, (p, 2): their unit is free."""
    sides = [side for side in (train.chosen_logp, train.rejected_logp) if side is not None]
    both = np.stack(sides, axis=1)
    return (both - both.mean()) / (both.std() or 1.0)
