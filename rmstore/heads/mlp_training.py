"""Training of MLP members, all at once: one batched product per layer serves every member.

The loss is the objective's own: rewards leave torch as float64 arrays and the objective's gradient comes back, so there
is one source of truth. Randomness comes from one NumPy generator per member; nothing global is touched, and a member
draws the same numbers whoever it trains beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore.heads.base import Pairs, Poll
from rmstore.heads.pairs import compact, mean_loss
from rmstore.objectives.base import Labels, Objective

if TYPE_CHECKING:
    from torch import Tensor

Layers = list[tuple[np.ndarray, np.ndarray]]
"""Weights (members, in, out) and biases (members, out), float32, from the input to the reward."""

EPOCHS, EPOCHS_UNWATCHED = 100, 10
"""Most epochs with validation pairs, and epochs without."""
AT_ONCE = 4096
"""Validation items per forward pass, which bounds memory."""
SMALL_STEP = 100_000_000
"""Products of one forward pass over a batch's chosen side, below which one thread is used; some milliseconds."""


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
    import torch

    draws = [np.random.default_rng([seed, member]) for member in range(len(weights))]
    items, centre, spread = _standardised(train)
    x = torch.from_numpy(items)
    sizes = [items.shape[1], *settings["hidden"], 1]
    net = _Net(_initial(sizes, draws, same_start=same_start), settings, draws, located=objective.sees != "gap")
    epochs = settings["epochs"] or (EPOCHS if valid is not None else EPOCHS_UNWATCHED)
    batches = -(-len(train) // settings["batch_size"])
    watch = _Watch(valid, objective, settings["patience"], net, x)
    weights = weights / weights.mean(axis=1, keepdims=True)
    with _threads(len(draws) * settings["batch_size"] * sum(wide * narrow for wide, narrow in pairwise(sizes))):
        for epoch in range(epochs):
            orders = np.stack([draw.permutation(len(train)) for draw in draws])
            for number, batch in enumerate(np.array_split(orders, batches, axis=1)):
                poll((epoch + number / batches) / epochs, f"mlp, epoch {epoch + 1} of at most {epochs}")
                _step(net, x, train, batch, objective, np.take_along_axis(weights, batch, axis=1))
            if watch.should_stop(epoch + 1):
                break
    layers = watch.layers()
    first, bias = layers[0]
    layers[0] = (first / spread, bias - (centre / spread) @ first)
    return layers, watch.record


@contextmanager
def _threads(products: int) -> Iterator[None]:
    """Keep torch to one thread while steps are small: waiting for others would cost more than they help."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if products < SMALL_STEP else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _standardised(train: Pairs) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """Return all items shifted and scaled so that the training items have mean 0 and mean square 1, and by what.

    One scale for all columns: the head learns the same whatever the unit of the vectors, and no column grows.
    """
    share = np.bincount(np.concatenate([train.chosen, train.rejected]), minlength=len(train.items)) / (2 * len(train))
    centre = share.astype(np.float32) @ train.items
    items = train.items - centre
    spread = np.float32(np.sqrt(share @ np.einsum("nd,nd->n", items, items) / items.shape[1]) or 1.0)
    items /= spread
    return items, centre, spread


def _initial(sizes: list[int], draws: list[np.random.Generator], *, same_start: bool) -> Layers:
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


class _Net:
    """The members' layers as torch parameters, with AdamW.

    ``torch.optim`` would import the compiler on its first step, which takes longer than many a fit. Unless rewards are
    ``located``, their last bias stays 0: gaps say nothing about it, and Adam would make steps of rounding errors.
    """

    BETAS, EPSILON = (0.9, 0.999), 1e-8

    def __init__(
        self, layers: Layers, settings: Mapping[str, Any], draws: list[np.random.Generator], *, located: bool
    ) -> None:
        import torch

        self.layers = [tuple(torch.tensor(part, requires_grad=True) for part in layer) for layer in layers]
        if not located:
            self.layers[-1][1].requires_grad_(False).zero_()
        self.flat = [part for layer in self.layers for part in layer]
        self._moments = [(torch.zeros_like(part), torch.zeros_like(part)) for part in self.flat]
        self._rate, self._decay, self._dropout = settings["lr"], settings["weight_decay"], settings["dropout"]
        self._draws, self._steps = draws, 0

    def rewards(self, x: Tensor, *, dropout: bool = False) -> Tensor:
        """Return the rewards (members, n) of inputs (members, n, d), or of (n, d) shared by all members."""
        h = x.expand(len(self._draws), -1, -1)
        for weight, bias in self.layers[:-1]:
            h = (h @ weight + bias[:, None]).relu_()
            if dropout and self._dropout:
                h = h * self._mask(h)
        weight, bias = self.layers[-1]
        return (h @ weight).squeeze(2) + bias

    def update(self) -> None:
        """Take one AdamW step and forget the gradients."""
        import torch

        self._steps += 1
        first, second = self.BETAS
        rate = self._rate / (1 - first**self._steps)
        root = (1 - second**self._steps) ** 0.5
        with torch.no_grad():
            for part, (mean, square) in zip(self.flat, self._moments, strict=True):
                gradient = part.grad
                if gradient is None:
                    continue
                mean.lerp_(gradient, 1 - first)
                square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
                part.mul_(1 - self._rate * self._decay)
                part.addcdiv_(mean, (square.sqrt() / root).add_(self.EPSILON), value=-rate)
                part.grad = None

    def _mask(self, h: Tensor) -> Tensor:
        import torch

        keep = np.stack([draw.random(h.shape[1:], dtype=np.float32) >= self._dropout for draw in self._draws])
        return torch.from_numpy(keep) / (1 - self._dropout)


def _step(net: _Net, x: Tensor, train: Pairs, batch: np.ndarray, objective: Objective, weight: np.ndarray) -> None:
    """Train on one batch of pairs per member, (members, b)."""
    import torch

    size = batch.shape[1]
    rows = torch.from_numpy(np.concatenate([train.chosen[batch], train.rejected[batch]], axis=1))
    if len(x) <= 2 * size:  # fewer items than sides of pairs: each goes through once, for all of its pairs
        rewards = net.rewards(x, dropout=True).gather(1, rows)
    else:
        taken = x.index_select(0, rows.flatten()).view(*rows.shape, -1)
        rewards = net.rewards(taken, dropout=True)
    values = rewards.detach().numpy().astype(np.float64)
    slopes = np.empty_like(values)
    for member, pairs in enumerate(batch):
        known = Labels(prob=train.prob[pairs], margin=train.margin[pairs])
        sides = objective.gradient(values[member, :size], values[member, size:], known)
        slopes[member] = np.concatenate([side * weight[member] for side in sides]) / size
    rewards.backward(torch.from_numpy(slopes.astype(np.float32)))
    net.update()


class _Watch:
    """Validation after every epoch: keeps each member's best layers and says when nobody improves any more."""

    def __init__(self, valid: Pairs | None, objective: Objective, patience: int, net: _Net, x: Tensor) -> None:
        self._objective, self._patience, self._net = objective, patience, net
        self._valid = None if valid is None else compact(replace(valid, items=x.numpy()))
        members = len(net.flat[0])
        self._lowest, self._at = np.full(members, np.inf), np.zeros(members, dtype=int)
        self._best = [part.detach().clone() for part in net.flat]
        self.record: dict[str, Any] = {}

    def should_stop(self, epoch: int) -> bool:
        """Look at the members after an epoch, counted from 1."""
        self.record = {"epochs": epoch}
        if self._valid is None:
            self._best = [part.detach() for part in self._net.flat]
            return False
        losses = self._losses(self._valid)
        # a member that has waited long enough is done, though it trains on beside the others
        better = (losses < self._lowest) & (epoch - self._at <= self._patience)
        for best, part in zip(self._best, self._net.flat, strict=True):
            best[better] = part.detach()[better]
        self._lowest[better], self._at[better] = losses[better], epoch
        self.record |= {"best_epochs": self._at.tolist(), "valid_loss": float(self._lowest.mean())}
        return bool((epoch - self._at >= self._patience).all())

    def _losses(self, valid: Pairs) -> np.ndarray:
        import torch

        with torch.no_grad():
            parts = [self._net.rewards(part) for part in torch.from_numpy(valid.items).split(AT_ONCE)]
        return np.array([mean_loss(self._objective, rewards, valid) for rewards in torch.cat(parts, dim=1).numpy()])

    def layers(self) -> Layers:
        """Return the best layers seen."""
        parts = [part.numpy() for part in self._best]
        return list(zip(parts[::2], parts[1::2], strict=True))
