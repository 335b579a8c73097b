"""The layers of MLP members as torch tensors, and their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore.heads import warm
from rmstore.heads.apart import train_nets
from rmstore.heads.base import Pairs, Poll
from rmstore.heads.torch_training import Course, Drop, Net, generators
from rmstore.heads.units import in_their_unit, in_units, standardised
from rmstore.heads.warm import Layers
from rmstore.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

EPOCHS, STEPS = 8, 100
"""Passes over the pairs by default, or as many as give so many steps."""
RATE, RATE_WIDTH, RATE_LIMIT = 4e-3, 256, 0.01
"""Learning rate of a first layer of this width; others take it by the inverse root of their width, up to a limit."""
WARMUP = 0.1
"""Share of all steps over which the rate rises."""
WIDE = 50_000
"""Products per item from which members train apart and, on processors made for it, in bfloat16."""


def train_members(
    train: Pairs,
    valid: Pairs | None,
    objective: Objective,
    settings: Mapping[str, Any],
    weights: np.ndarray,
    *,
    seed: int,
    start: Layers | None,
    merge: bool,
    poll: Poll,
) -> tuple[Layers, dict[str, Any]]:
    """Return the layers of every member, or their average, and what the training chose.

    Inputs are shifted to mean 0 and scaled to mean square *norm* 1, whatever their width. The first layer then starts
    small beside its biases and moves as fast in 2,048 dimensions as in 384; with unit variance per column instead,
    members overfitted in their first pass.

    Args:
        train: pairs to learn from.
        valid: pairs that decide which epoch to keep.
        objective: gives the gradient with respect to the rewards.
        settings: the options of the head.
        weights: weight of every pair for every member, (members, p).
        seed: with the member's number, seeds its initialisation and its order of pairs.
        start: layers to go on from, of every member or of one for all.
        merge: pre-train one member, fine-tune copies of it, and average them (WARM).
        poll: called often.
    """
    members = len(weights)
    items, centre, spread = standardised(train)
    root = np.float32(items.shape[1] ** 0.5)
    items /= root
    spread *= root
    train, valid = replace(train, items=items), None if valid is None else replace(valid, items=items)
    train, valid, unit = in_units(train, valid, objective)
    course = course_of(settings, len(train))
    draws = generators(seed, members + 1)  # the last one pre-trains
    if start is None:
        layers = _initial([items.shape[1], *settings["hidden"], 1], draws[-1:] if merge else draws[:members])
    else:
        weight, bias = start[0]
        layers = _times([(weight * spread, bias + centre @ weight), *start[1:]], 1 / unit)
    fit = partial(
        _fit, train=train, valid=valid, objective=objective, halved=_halved(settings["precision"], _products(layers))
    )
    if not merge:
        layers, record = fit(warm.copies(layers, members), course, weights, draws[:members], poll=poll)
    else:
        first, rest = warm.between(poll, 0, warm.PRETRAINING), warm.between(poll, warm.PRETRAINING, 1)
        origin, _ = fit(
            layers, replace(course, epochs=settings["pretrain"]), train.weight[None], draws[-1:], poll=first
        )
        tuned = warm.varied(course, members)
        ends, record = fit(warm.copies(origin, members), tuned, weights, draws[:members], poll=rest)
        layers, record = warm.average(ends), record | warm.distances(origin, ends)
    weight, bias = layers[0]
    layers = _times([(weight / spread, bias - (centre / spread) @ weight), *layers[1:]], unit)
    return layers, in_their_unit(record, unit)


def _times(layers: Layers, unit: np.float32) -> Layers:
    """Return layers whose rewards are so many times as large."""
    *hidden, (weight, bias) = layers
    return [*hidden, (weight * unit, bias * unit)]


def course_of(settings: Mapping[str, Any], pairs: int) -> Course:
    """Return how to train: narrow layers move faster, and few pairs are passed over more often."""
    steps = -(-pairs // settings["batch_size"])
    first = settings["hidden"][0] if settings["hidden"] else 1
    rate = min(RATE * (RATE_WIDTH / first) ** 0.5, RATE_LIMIT)
    return Course(
        epochs=settings["epochs"] or max(EPOCHS, -(-STEPS // steps)),
        batch_size=settings["batch_size"],
        patience=settings["patience"],
        lr=rate if settings["lr"] == "auto" else settings["lr"],
        weight_decay=settings["weight_decay"],
        dropout=settings["dropout"],
        cosine=True,
        warmup=WARMUP,
        any_scale=True,
    )


def _fit(
    layers: Layers,
    course: Course,
    weights: np.ndarray,
    draws: list[np.random.Generator],
    *,
    train: Pairs,
    valid: Pairs | None,
    objective: Objective,
    halved: bool,
    poll: Poll,
) -> tuple[Layers, dict[str, Any]]:
    """Train the members from where they are: in one net where they are narrow, in one each where they are wide."""
    apart = _products(layers) >= WIDE
    parts = [warm.member(layers, at) for at in range(len(weights))] if apart else [layers]
    nets = [LayerNet(part, located=objective.sees != "gap", halved=halved) for part in parts]
    record = train_nets(
        nets, train, valid, objective=objective, course=course, weights=weights, draws=draws, poll=poll, note="mlp"
    )
    return warm.stack([net.layers() for net in nets]), record


def _initial(sizes: Sequence[int], draws: Sequence[np.random.Generator]) -> Layers:
    """Return layers drawn uniformly within 1 / sqrt(inputs), torch's own start, one member per generator."""
    layers = []
    for wide, narrow in pairwise(sizes):
        limit = wide**-0.5
        drawn = np.stack([draw.uniform(-limit, limit, (wide + 1, narrow)).astype(np.float32) for draw in draws])
        layers.append((drawn[:, :-1], drawn[:, -1]))
    return layers


def _products(layers: Layers) -> int:
    """Return the multiplications per item and member of a forward pass."""
    return sum(weight[0].size for weight, _ in layers)


def _halved(precision: str, products: int) -> bool:
    """Return whether products are in bfloat16: 'auto' takes it for wide layers where the processor multiplies it."""
    import torch

    if precision != "auto":
        return precision == "bfloat16"
    able = torch.cpu.get_capabilities()
    return products >= WIDE and any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


class LayerNet(Net):
    """ReLU layers.

    Unless rewards are ``located``, the last bias stays 0: gaps say nothing about it, and Adam would make steps of
    rounding errors. Where inputs are ``halved`` hidden layers are multiplied in bfloat16; weights, moments and the last
    layer stay in float32.
    """

    def __init__(self, layers: Layers, *, located: bool, halved: bool = False) -> None:
        import torch

        self.parameters = [torch.tensor(part, requires_grad=True) for layer in layers for part in layer]
        if not located:
            self.parameters[-1].requires_grad_(False).zero_()
        self.products, self.halved = _products(layers), halved

    def rewards(self, x: Tensor, drop: Drop) -> Tensor:
        """Return the rewards, (members, n)."""
        import torch

        h = x.expand(len(self.parameters[0]), -1, -1)
        *hidden, (weight, bias) = zip(self.parameters[::2], self.parameters[1::2], strict=True)
        for inner, shift in hidden:
            h = drop(torch.baddbmm(shift[:, None].to(x.dtype), h, inner.to(x.dtype)).relu_())
        return (h.float() @ weight).squeeze(2) + bias

    def layers(self) -> Layers:
        """Return the layers as arrays."""
        parts = [part.detach().numpy() for part in self.parameters]
        return list(zip(parts[::2], parts[1::2], strict=True))
