"""The MLP head: ReLU layers, trained in torch, scored in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rmstore import options as opt
from rmstore.errors import OptionError
from rmstore.heads import pairs as on
from rmstore.heads import serial, warm
from rmstore.heads.base import Head, Pairs, Poll
from rmstore.heads.graph import Graph
from rmstore.objectives.base import Objective

PUBLISHED = (1024, 512)
CHUNK = 512
"""Items scored at a time: enough for the matrix product, few enough for the hidden layer to stay in cache."""


def _hidden(value: Any) -> list[int]:
    if value == "published":
        return list(PUBLISHED)
    return opt.widths().clean(value)


def _layers_of(start: MLPHead, hidden: list[int], members: int, merge: str | None) -> warm.Layers:
    """Return the layers of a head that a fit goes on from."""
    widths = [weight.shape[2] for weight, _ in start.layers[:-1]]
    if widths != hidden:
        raise OptionError(
            f"hidden of the mlp head is {hidden}, the head to start from has {widths}", hint=f"give hidden {widths}"
        )
    if start.n_members not in (1, 1 if merge else members):
        raise OptionError(
            f"{members} members cannot start from a head of {start.n_members}"
            + (" that are to be merged" if merge else ""),
            hint="start from a single head, or from one of as many members",
        )
    return start.layers


class MLPHead(Head):
    """Rewards from a multilayer perceptron, one network per member.

    Differs from the published loop (arXiv 2502.04357 and 2411.04991, BT-MLP) as follows. Epochs are exact passes in
    small batches instead of random draws of 10,240; pairs are not entered in both orders, since the loss of a pair and
    of its mirror are the same; the rate rises, then falls to 0 along a cosine; the best epoch is kept, where the
    published loop stops after three worse epochs and keeps the last. Inputs are shifted and scaled as a whole, which is
    folded into the first layer.

    Options:
        hidden: widths of the ReLU layers, such as [256]; 'published' is [1024, 512].
        lr: of AdamW at its height; 'auto' is 0.004 for a first layer of 256 units and falls with the root of its width.
        weight_decay: of AdamW.
        epochs: so many passes, over which the rate falls to 0; by default 8, or more where that makes under 100 steps.
        batch_size: pairs per step.
        dropout: share of hidden units left out per step.
        patience: epochs after which a member is done if none of them had a lower validation loss, each at the scale of
            gaps that suits it best, since a temperature is fitted after training.
        pretrain: passes of the shared start under ``merge='weights'``.
        precision: of the products of hidden layers while training. 'auto' is 'bfloat16' for wide layers on processors
            that multiply it, which gave the same validation losses as 'float32' to three digits; weights are float32.
        diversity: how members differ. 'seed': by initialisation and order of pairs; 'bootstrap': also by drawing groups
            with replacement; 'split': also by leaving out another fifth of the groups.

    ``merge='weights'`` pre-trains one member, fine-tunes copies of it at different learning rates, dropout, weight
    decay and order of pairs, and averages their weights (WARM, arXiv 2401.12187; see :mod:`rmstore.heads.warm`).

    Attributes:
        layers: weights (members, in, out) and biases (members, out), float32, from the input to the reward.
    """

    kind = "mlp"
    table = {
        "hidden": opt.Option([256], "'published', or one width of at least 1 per layer, such as [256]", _hidden),
        "lr": opt.either("auto", opt.number("auto", 0, open_low=True)),
        "epochs": opt.either(None, opt.whole(None, 1)),
        "batch_size": opt.whole(256, 1),
        "dropout": opt.number(0.0, 0, 0.95),
        "weight_decay": opt.number(0.0, 0),
        "patience": opt.whole(5, 1),
        "pretrain": opt.whole(2, 1),
        "precision": opt.choice("auto", "auto", "float32", "bfloat16"),
        "diversity": opt.choice("seed", *on.DIVERSITIES),
    }

    def __init__(self, layers: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self.layers = layers
        weight, bias = layers[0]
        # the first layers of all members side by side are one matrix product
        self._first = np.ascontiguousarray(weight.transpose(1, 0, 2).reshape(weight.shape[1], -1)), bias.reshape(-1)

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
    ) -> tuple[MLPHead, dict[str, Any]]:
        """Return the trained head, and ``epochs``, ``best_epochs`` and ``valid_loss``.

        After ``merge`` the record also says how far members and average moved from their start.
        """
        from rmstore.heads.mlp_training import train_members

        settings = cls.options(options)
        valid = on.check(train, valid, members, merge)
        origin = (
            None if start is None else _layers_of(on.same_kind(cls, start, train), settings["hidden"], members, merge)
        )
        weights = on.member_weights(train, settings["diversity"], seed, members)
        layers, record = train_members(
            train, valid, objective, settings, weights, seed=seed, start=origin, merge=merge is not None, poll=poll
        )
        poll(1.0, "trained")
        return cls(layers), record

    def members(self, items: np.ndarray) -> np.ndarray:
        """Return the reward of every member, (n, m) float32."""
        items = on.check_items(items, self.dim)
        rewards = np.empty((len(items), self.n_members), dtype=np.float32)
        for start in range(0, len(items), CHUNK):
            rewards[start : start + CHUNK] = self._forward(items[start : start + CHUNK])
        return rewards

    def _forward(self, items: np.ndarray) -> np.ndarray:
        weight, bias = self._first
        flat = items @ weight
        flat += bias
        hidden = flat.reshape(len(items), self.n_members, -1).transpose(1, 0, 2)
        for weight, bias in self.layers[1:]:
            np.maximum(hidden, 0, out=hidden)
            hidden = hidden @ weight
            hidden += bias[:, None]
        return hidden[:, :, 0].T

    @property
    def n_members(self) -> int:
        """Number of ensemble members."""
        return len(self.layers[0][0])

    @property
    def dim(self) -> int:
        """Width of the input."""
        return self.layers[0][0].shape[1]

    def operators(self, graph: Graph, items: str) -> str:
        """Add the layers, all members of one as one batched product, (m, n, h)."""
        hidden = graph.add("Unsqueeze", items, graph.constant([0]))
        for number, (weight, bias) in enumerate(self.layers):
            hidden = graph.add("Relu", hidden) if number else hidden
            hidden = graph.add("MatMul", hidden, graph.constant(weight))
            hidden = graph.add("Add", hidden, graph.constant(bias[:, None]))
        return graph.add("Transpose", graph.add("Squeeze", hidden, graph.constant([2])), perm=[1, 0])

    def to_bytes(self) -> bytes:
        """Return the head as safetensors with tensors ``weight.0``, ``bias.0`` and so on."""
        tensors = {}
        for number, (weight, bias) in enumerate(self.layers):
            tensors[f"weight.{number}"], tensors[f"bias.{number}"] = weight, bias
        return serial.pack(self.kind, tensors)

    @classmethod
    def from_bytes(cls, data: bytes) -> MLPHead:
        """Return the head that ``to_bytes`` wrote."""
        tensors, _ = serial.unpack(cls.kind, data)
        depth = len(tensors) // 2
        names = {f"{part}.{number}" for part in ("weight", "bias") for number in range(depth)}
        if depth < 2 or names != set(tensors):
            serial.refuse(cls.kind, f"the tensors are {', '.join(sorted(tensors))}")
        layers = [(tensors[f"weight.{number}"], tensors[f"bias.{number}"]) for number in range(depth)]
        wide, members = layers[0][0].shape[1], len(layers[0][0])
        for weight, bias in layers:
            if weight.shape != (members, wide, bias.shape[-1]) or bias.shape != (members, weight.shape[-1]):
                serial.refuse(cls.kind, f"a layer of shape {weight.shape} does not follow one of width {wide}")
            wide = weight.shape[-1]
        if wide != 1:
            serial.refuse(cls.kind, f"the last layer has {wide} outputs")
        return cls(layers)
