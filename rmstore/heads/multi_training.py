"""The gate of the multi head: a small network that gives every prompt its weights of the attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore.heads.attributes import Attributes
from rmstore.heads.base import Pairs, Poll
from rmstore.heads.debias import spearman
from rmstore.heads.graph import Graph
from rmstore.heads.pairs import mean_loss
from rmstore.heads.torch_training import Course, Drop, Net, generators, train_net
from rmstore.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {"hidden": [128] * 3, "steps": 500, "batch_size": 256, "patience": 100, "scale": None},
    "published": {"hidden": [1024] * 3, "steps": 2000, "batch_size": 1024, "patience": 2000, "scale": 1.0},
}
"""Settings of a gate by name; None is found on the pairs."""
SOFTNESS = 10.0
"""Divides the network's outputs before the softmax, so that a gate starts out even (ArmoRM)."""
HASTE = 10.0
"""How much faster the logarithm of the scale learns than everything else: at one rate it would never get anywhere."""
SCALES = (0.1, 100.0)
"""Where a gate's weights may begin to add up to, if the pairs are to say so."""


@dataclass(frozen=True)
class Gate:
    """Weights of the attributes by prompt: ``scale * softmax(network(prompt) / 10)``.

    Attributes:
        layers: weights (in, out) and biases (out,), ReLU between; without prompt columns a single bias.
        scale: what the weights of a prompt add up to.
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    scale: float

    def weights(self, prompts: np.ndarray) -> np.ndarray:
        """Return the weights, (n, k) float32, none negative, each row adding up to ``scale``."""
        hidden = prompts
        for weight, bias in self.layers[:-1]:
            hidden = hidden @ weight
            hidden += bias
            np.maximum(hidden, 0, out=hidden)
        weight, bias = self.layers[-1]
        logits = (hidden @ weight + bias) / np.float32(SOFTNESS)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits *= np.float32(self.scale) / logits.sum(axis=1, keepdims=True)
        return logits

    def operators(self, graph: Graph, prompts: str) -> str:
        """Add the weights of prompts, (n, k), to a graph of operators."""
        hidden = prompts
        for number, (weight, bias) in enumerate(self.layers):
            hidden = graph.add("Relu", hidden) if number else hidden
            hidden = graph.add("Add", graph.add("MatMul", hidden, graph.constant(weight)), graph.constant(bias))
        softened = graph.add("Div", hidden, graph.constant(np.array(SOFTNESS)))
        return graph.add("Mul", graph.add("Softmax", softened, axis=1), graph.constant(np.array(self.scale)))


def train_gate(
    rewards: np.ndarray,
    prompts: np.ndarray,
    train: Pairs,
    valid: Pairs | None,
    *,
    objective: Objective,
    settings: Mapping[str, Any],
    seed: int,
    poll: Poll,
) -> tuple[Gate, dict[str, Any]]:
    """Train a gate on pairs; the attributes' rewards stay as they are.

    Differs from the published training in this: prompts are shifted and scaled as a whole; the scale of the weights is
    learned by its logarithm, which keeps it above 0, ten times as fast as the network, and begins where even weights
    fit best (at 1 in the paper, whose rewards lie in another range); the best epoch on validation pairs is kept.

    Args:
        rewards: of every item by attribute, (n, k) float32.
        prompts: prompt part of every item, (n, p) float32; p may be 0, which makes a gate that is the same everywhere.
        train: pairs over the items.
        valid: pairs over the same items that decide which epoch is kept.
        objective: the loss over pairs.
        settings: options of the multi head; one that is None is that of its preset.
        seed: of initialisation, batches and dropout.
        poll: told how far the training is.
    """
    settings = {**PRESETS[settings["preset"]], **{key: value for key, value in settings.items() if value is not None}}
    draws = generators(seed, 1)
    used = _used(train, valid)
    distinct, number = _distinct(prompts[used])
    centre, spread = _standard(distinct)
    numbers = np.zeros(len(prompts), np.float32)
    numbers[used] = number  # exact in float32 up to 16 million prompts
    hidden = settings["hidden"] if prompts.shape[1] else []
    layers = _initial([prompts.shape[1], *hidden, rewards.shape[1]], draws[0])
    begin = settings["scale"] or _even_scale(rewards.mean(axis=1), train, objective)
    net = _GateNet(layers, (distinct - centre) / spread, begin)
    items = np.column_stack([rewards, numbers])
    per_epoch = -(-len(train) // settings["batch_size"])
    course = Course(
        epochs=-(-settings["steps"] // per_epoch), batch_size=settings["batch_size"],
        patience=-(-settings["patience"] // per_epoch), lr=settings["lr"], dropout=settings["dropout"], cosine=True,
    )  # fmt: skip
    record = train_net(
        net, replace(train, items=items), None if valid is None else replace(valid, items=items),
        objective=objective, course=course, weights=train.weight[None], draws=draws, poll=poll, note="multi",
    )  # fmt: skip
    layers, scale = net.learned()
    first, bias = layers[0]
    layers[0] = (first / spread, bias - (centre / spread) @ first)
    return Gate(tuple(layers), scale), record


def describe_gate(
    gate: Gate, attributes: Attributes, items: np.ndarray, prompts: np.ndarray, verbosity: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the scale of a gate, mean weight by attribute and mean entropy in nats, weights as shares of 1.

    With ``verbosity`` also the rank correlation of score and verbosity, before that was taken out and after.
    """
    weights = gate.weights(prompts).astype(np.float64)
    shares = weights / weights.sum(axis=1, keepdims=True)
    entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
    means = zip(attributes.names, shares.mean(axis=0).tolist(), strict=True)
    told = {
        "scale": gate.scale,
        "entropy": float(entropy.mean()),
        "even_entropy": float(np.log(len(attributes.names))),
        "weights": [{"attribute": name, "mean_weight": mean} for name, mean in means],
    }
    if verbosity is not None:
        plain, left = attributes.plain(items), attributes.rewards(items)
        length = plain[:, attributes.names.index(verbosity["attribute"])]
        told["verbosity_before"] = spearman((weights * plain).sum(axis=1), length)
        told["verbosity_after"] = spearman((weights * left).sum(axis=1), length)
    return told


def _even_scale(mean: np.ndarray, train: Pairs, objective: Objective) -> float:
    """Return the scale with the lowest loss under even weights, within reason; pairs may disagree with the mean."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda logarithm: mean_loss(objective, np.exp(logarithm) * mean, train), bounds=np.log(SCALES), method="bounded"
    )
    return float(np.exp(found.x))


def _used(train: Pairs, valid: Pairs | None) -> np.ndarray:
    """Return the numbers of the items that occur in pairs."""
    parts = [side for pairs in (train, valid) if pairs is not None for side in (pairs.chosen, pairs.rejected)]
    return np.unique(np.concatenate(parts))


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows and the number of every row: a prompt goes through the network once per batch."""
    if not rows.shape[1]:
        return rows[:1], np.zeros(len(rows), np.int64)
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    return rows[first], number


def _standard(prompts: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """Return what is subtracted from every column and what divides them all, so that their mean square is 1."""
    centre = prompts.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = np.float32(np.sqrt(np.mean((prompts - centre) ** 2, dtype=np.float64)) if prompts.size else 1.0)
    return centre, spread if spread > 0 else np.float32(1)


def _initial(sizes: Sequence[int], draw: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return layers drawn uniformly within 1 / sqrt(inputs), torch's own start."""
    layers = []
    for wide, narrow in pairwise(sizes):
        limit = max(wide, 1) ** -0.5
        drawn = draw.uniform(-limit, limit, (wide + 1, narrow)).astype(np.float32)
        layers.append((drawn[:-1], drawn[-1]))
    return layers


class _GateNet(Net):
    """A gate as one member; an item is its attributes' rewards and the number of its prompt.

    Both sides of a pair then get the same weights, as they do when the gate is used: dropout must not tell apart what
    differs in the response alone.
    """

    def __init__(self, layers: list[tuple[np.ndarray, np.ndarray]], prompts: np.ndarray, scale: float) -> None:
        import torch

        self.parameters = [torch.tensor(part[None], requires_grad=True) for layer in layers for part in layer]
        self.parameters.append(torch.full((1, 1), float(np.log(scale)) / HASTE, requires_grad=True))
        self.products = sum(weight.size for weight, _ in layers)
        self._prompts = torch.from_numpy(prompts)

    def rewards(self, x: Tensor, drop: Drop) -> Tensor:
        """Return the rewards, (1, n)."""
        import torch

        rewards, number = x[..., :-1], x[..., -1].long().flatten()
        seen, at = torch.unique(number, return_inverse=True)
        h = self._prompts.index_select(0, seen).unsqueeze(0)
        *hidden, (weight, bias) = zip(self.parameters[:-1:2], self.parameters[1:-1:2], strict=True)
        for inner, shift in hidden:
            h = drop((h @ inner + shift[:, None]).relu_())
        gate = (
            torch.softmax((h @ weight + bias[:, None]) / SOFTNESS, dim=2) * (HASTE * self.parameters[-1]).exp()[:, None]
        )
        return (gate.index_select(1, at) * rewards).sum(dim=2)

    def learned(self) -> tuple[list[tuple[np.ndarray, np.ndarray]], float]:
        """Return the layers as arrays, and the scale of the weights."""
        *parts, logarithm = (part.detach().numpy()[0] for part in self.parameters)
        return list(zip(parts[::2], parts[1::2], strict=True)), float(np.exp(HASTE * logarithm[0]))
