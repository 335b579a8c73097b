"""The adapter head: a low-rank change of the vector under ReLU layers, trained in torch, scored in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rmstore import options as opt
from rmstore.errors import InputError, OptionError
from rmstore.heads import pairs as on
from rmstore.heads import serial
from rmstore.heads.adapter_training import Weights, train_members
from rmstore.heads.base import Head, Pairs, Poll
from rmstore.heads.graph import Graph
from rmstore.objectives.base import Objective

CHUNK = 512
"""Items scored at a time: enough for the matrix product, few enough for the hidden layer to stay in cache."""


class AdapterHead(Head):
    """Rewards of z = e + U V e, a low-rank change of the vector, under ReLU layers or a linear layer.

    With ``grm`` it is a transfer to fixed vectors of hidden-state regularisation (GRM, arXiv 2406.10216; adaptation:
    the paper regularises the features of a language model by its text loss, which frozen vectors do not have). The
    loss is (1 - grm) * objective + grm * regulariser, and the regulariser keeps z informative:

    - 'reconstruction': mean |e - B z|^2 / |e|^2 with a linear map B, e relative to the training mean. Since z is linear
      in e, B can always follow unless I + U V loses a direction: it is a brake, not a barrier;
    - 'logp': squared error of a linear map of z that predicts the standardised log-probability of each side, which
      ``chosen_logp`` and ``rejected_logp`` of the pairs give; 'both': the sum of the two.

    With ``share`` it is the LoRA ensemble of arXiv 2401.16635 (adaptation): a joint phase trains one plain head on e,
    then every member trains an adapter and a copy of the last layer while the hidden layers stay as they are. Without
    adapters (U = 0) that is the linear-layer ensemble of the same paper. U starts at 0, so that the first step is that
    of the plain head.

    Within one data set it has shown no gain: accuracy on AlpacaEval votes (vectors of width 384, 5,600 pairs, means of
    two splits by prompt) 0.757, MLP head 0.759, linear 0.756, and no strength of 'reconstruction' moves it by more than
    0.001; five members that share 0.756, five of the MLP head 0.758. What sharing saves is time: ten members of width
    256 and rank 16 score in a third of what ten of the MLP head take.

    Options:
        hidden: widths of the ReLU layers on z, such as [256]; [] is a linear reward.
        rank: of U V, at most the width of the input; 0 leaves the adapter out.
        grm: strength of the regulariser, in [0, 1]; at 0 there is none, whichever is named.
        regulariser: 'reconstruction', 'logp' or 'both'.
        share: train one head first, then an adapter per member.
        joint_epochs: most passes of that first phase.
        lr: of AdamW at its height, from which it falls to 0 along half a cosine; 'auto' as for the MLP head.
        weight_decay: of AdamW.
        epochs: at most so many passes; by default 8, or as many as give 100 steps.
        batch_size: pairs per step.
        dropout: share of hidden units left out per step.
        patience: epochs without a lower validation loss after which a member is done.
        diversity: how members differ. 'seed': by initialisation and order of pairs; 'bootstrap': also by drawing groups
            with replacement; 'split': also by leaving out another fifth of the groups.

    ``merge='weights'`` starts all members from one initialisation and averages U, V and the layers (WARM, arXiv
    2401.12187; adaptation). The reward is a product of these, so that the average is not the ensemble mean, not even
    for linear layers; it is where U = 0 and the layers are linear.

    Attributes:
        weights: adapters and layers, float32.
    """

    kind = "adapter"
    table = {
        "hidden": opt.widths(256, fewest=0),
        "rank": opt.whole(16, 0, 65536),
        "grm": opt.number(0.0, 0, 1),
        "regulariser": opt.choice("reconstruction", "reconstruction", "logp", "both"),
        "share": opt.flag(False),
        "joint_epochs": opt.whole(3, 1),
        "lr": opt.either("auto", opt.number("auto", 0, open_low=True)),
        "epochs": opt.either(None, opt.whole(None, 1)),
        "batch_size": opt.whole(256, 1),
        "dropout": opt.number(0.0, 0, 0.95),
        "weight_decay": opt.number(0.0, 0),
        "patience": opt.whole(5, 1),
        "diversity": opt.choice("seed", *on.DIVERSITIES),
    }

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        first, bias = weights.layers[0]
        self._bias = np.broadcast_to(bias, (len(weights.down), bias.shape[1]))[:, None]
        lift = weights.up @ first
        # a shared layer is applied once, with a narrow product per member; others take the adapter into themselves
        self._lift = lift if weights.is_shared else None
        columns = [first[0], *weights.down] if weights.is_shared else first + weights.down @ lift
        self._columns = np.concatenate([*columns], axis=1)

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
    ) -> tuple[AdapterHead, dict[str, Any]]:
        """Return the trained head, and ``epochs``, ``best_epochs``, ``valid_loss`` and the errors of the regulariser.

        With ``start`` there is no joint phase, and member i goes on from member i of the start, counted in turn; from
        its first member where they are merged.
        """
        settings = cls.options(options)
        valid = on.check(train, valid, members, merge)
        if settings["grm"] and settings["regulariser"] != "reconstruction":
            _check_logp(train, settings["regulariser"])
        begin = None if start is None else _begin(on.same_kind(cls, start, train), settings, members, merge)
        weights, record = train_members(
            train, valid, objective, settings, on.member_weights(train, settings["diversity"], seed, members),
            seed=seed, same_start=merge is not None, start=begin, poll=poll,
        )  # fmt: skip
        poll(1.0, "trained")
        return cls(weights.mean() if merge else weights), record

    def members(self, items: np.ndarray) -> np.ndarray:
        """Return the reward of every member, (n, m) float32."""
        items = on.check_items(items, self.dim)
        rewards = np.empty((len(items), self.n_members), dtype=np.float32)
        for start in range(0, len(items), CHUNK):
            rewards[start : start + CHUNK] = self._forward(items[start : start + CHUNK])
        return rewards

    def _forward(self, items: np.ndarray) -> np.ndarray:
        hidden = self._first(items @ self._columns)
        for weight, bias in self.weights.layers[1:]:
            np.maximum(hidden, 0, out=hidden)
            hidden = hidden @ weight
            hidden += bias[:, None]
        return hidden[:, :, 0].T

    def _first(self, flat: np.ndarray) -> np.ndarray:
        """Return the first layer of every member before its ReLU, (members, n, width); may edit its product."""
        if self._lift is None:
            flat += self._bias.reshape(-1)
            return flat.reshape(len(flat), self.n_members, -1).transpose(1, 0, 2)
        width = self._lift.shape[2]
        low = flat[:, width:].reshape(len(flat), self.n_members, -1).transpose(1, 0, 2)
        hidden = low @ self._lift
        hidden += flat[:, :width]
        hidden += self._bias
        return hidden

    @property
    def n_members(self) -> int:
        """Number of ensemble members."""
        return len(self.weights.down)

    @property
    def dim(self) -> int:
        """Width of the input."""
        return self.weights.down.shape[1]

    def operators(self, graph: Graph, items: str) -> str:
        """Add adapters and layers, all members of one as one batched product, (m, n, h)."""
        hidden = graph.add("Unsqueeze", items, graph.constant([0]))
        if self.weights.down.shape[2]:
            low = graph.add("MatMul", hidden, graph.constant(self.weights.down))
            hidden = graph.add("Add", hidden, graph.add("MatMul", low, graph.constant(self.weights.up)))
        for number, (weight, bias) in enumerate(self.weights.layers):
            hidden = graph.add("Relu", hidden) if number else hidden
            hidden = graph.add("MatMul", hidden, graph.constant(weight))
            hidden = graph.add("Add", hidden, graph.constant(bias[:, None]))
        return graph.add("Transpose", graph.add("Squeeze", hidden, graph.constant([2])), perm=[1, 0])

    def to_bytes(self) -> bytes:
        """Return the head as safetensors with tensors ``down``, ``up``, ``weight.0``, ``bias.0`` and so on."""
        tensors = {"down": self.weights.down, "up": self.weights.up}
        for number, (weight, bias) in enumerate(self.weights.layers):
            tensors[f"weight.{number}"], tensors[f"bias.{number}"] = weight, bias
        return serial.pack(self.kind, tensors)

    @classmethod
    def from_bytes(cls, data: bytes) -> AdapterHead:
        """Return the head that ``to_bytes`` wrote."""
        tensors, _ = serial.unpack(cls.kind, data)
        depth = (len(tensors) - 2) // 2
        names = {"down", "up"} | {f"{part}.{number}" for part in ("weight", "bias") for number in range(depth)}
        if depth < 1 or names != set(tensors) or tensors["down"].ndim != 3:
            serial.refuse(cls.kind, f"the tensors are {', '.join(sorted(tensors))}")
        down, up = tensors["down"], tensors["up"]
        members, wide, rank = down.shape
        if not members or not wide or up.shape != (members, rank, wide):
            serial.refuse(cls.kind, f"adapters of shape {down.shape} and {up.shape} do not belong together")
        layers = tuple((tensors[f"weight.{number}"], tensors[f"bias.{number}"]) for number in range(depth))
        for weight, bias in layers:
            one_each = {weight.shape[:1], bias.shape[:1]} <= {(1,), (members,)}
            if not one_each or weight.shape[1:] != (wide, bias.shape[-1]) or bias.ndim != 2:
                serial.refuse(cls.kind, f"a layer of shape {weight.shape} does not follow one of width {wide}")
            wide = weight.shape[2]
        if wide != 1:
            serial.refuse(cls.kind, f"the last layer has {wide} outputs")
        return cls(Weights(down, up, layers))


def _check_logp(train: Pairs, regulariser: str) -> None:
    for name in ("chosen_logp", "rejected_logp"):
        known = getattr(train, name)
        if known is None:
            raise OptionError(
                f"the regulariser {regulariser!r} needs the log-probability of both sides, and the pairs have none",
                hint="give chosen_logp and rejected_logp to rm_train, or regulariser := 'reconstruction'",
            )
        if not np.isfinite(known).all():
            raise InputError(f"a training pair has {name} {known[~np.isfinite(known)][0]}", hint="give a finite number")


def _begin(start: AdapterHead, settings: Mapping[str, Any], members: int, merge: str | None) -> Weights:
    """Return the members that a fit goes on from.

    Raises:
        OptionError: the start has other layers or another rank, or is to share layers that it does not share.
    """
    weights = start.weights
    asked = [*settings["hidden"]], min(settings["rank"], start.dim)
    held = [weight.shape[2] for weight, _ in weights.layers[:-1]], weights.down.shape[2]
    if asked != held:
        raise OptionError(
            f"hidden is {asked[0]} and rank {asked[1]}, but the head to go on from has {held[0]} and {held[1]}",
            hint=f"give hidden := {held[0]}, rank := {held[1]}",
        )
    if settings["share"] and len(weights.layers) > 1 and len(weights.layers[0][0]) > 1:
        raise OptionError(
            f"share is true, but the {len(weights.down)} members to go on from have hidden layers of their own",
            hint="leave share out, or start from a head of one member",
        )
    rows = [0 if merge else member % len(weights.down) for member in range(members)]
    return weights.take(rows, shared=settings["share"])
