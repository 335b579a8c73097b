"""Prototypes of chosen and rejected vectors as torch tensors: where they start, and how an objective moves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore.heads.base import Pairs, Poll
from rmstore.heads.pairs import compact, mean_loss
from rmstore.heads.prototype_growth import distances, grow, k_means
from rmstore.heads.torch_training import Course, Drop, Net, generators, train_net
from rmstore.heads.units import standardised
from rmstore.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

COURSE = ("epochs", "batch_size", "patience", "lr", "weight_decay")
"""Options of the head that say how it is trained."""
MULTIPLES = 2.0 ** np.arange(13)
"""Of the width of a mixture of round Gaussians, which are tried as tau."""


@dataclass(frozen=True)
class Weights:
    """What prototype members hold, float32.

    Attributes:
        prototypes: of all members, (total, d): those of the chosen class, then those of the rejected, member by member.
        counts: how many each member has, (members, 2) int64.
        tau: squared distance over which the pull of a prototype falls, (members,).
        linear: g, (members, d).
        bias: (members,).
    """

    prototypes: np.ndarray
    counts: np.ndarray
    tau: np.ndarray
    linear: np.ndarray
    bias: np.ndarray

    def padded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return prototypes (members, 2, most, d) with zeros where a class has fewer, and where there is one."""
        there = np.arange(self.counts.max()) < self.counts[:, :, None]
        full = np.zeros((*there.shape, self.prototypes.shape[1]), self.prototypes.dtype)
        full[there] = self.prototypes
        return full, there

    def scaled(self, centre: np.ndarray, spread: float) -> Weights:
        """Return the same rewards as a function of (e - centre) / spread, given them as one of e."""
        return _of_float64(
            (self.prototypes - centre) / spread, self.counts, self.tau.astype(np.float64) / spread**2,
            self.linear.astype(np.float64) * spread, self.bias + self.linear.astype(np.float64) @ centre,
        )  # fmt: skip

    def original(self, centre: np.ndarray, spread: float) -> Weights:
        """Return the same rewards as a function of e, given them as one of (e - centre) / spread."""
        return self.scaled(-centre.astype(np.float64) / spread, 1 / float(spread))

    def take(self, rows: Sequence[int]) -> Weights:
        """Return some members, in the order given."""
        full, there = self.padded()
        return Weights(full[rows][there[rows]], self.counts[rows], self.tau[rows], self.linear[rows], self.bias[rows])

    def mean(self) -> Weights:
        """Return one member with the mean of every array; all must have the same prototypes to begin with."""
        full, there = self.padded()
        return Weights(full.mean(axis=0)[there[0]], self.counts[:1], *(
            part.mean(axis=0, keepdims=True) for part in (self.tau, self.linear, self.bias)
        ))  # fmt: skip


def _of_float64(prototypes: Any, counts: np.ndarray, *others: Any) -> Weights:
    tau, linear, bias = (np.asarray(part, dtype=np.float32) for part in others)
    return Weights(np.asarray(prototypes, dtype=np.float32), counts, tau, linear, bias)


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
        seed: with the member's number, seeds its first centres and its order of pairs.
        same_start: let all members start from the same prototypes.
        start: members to go on from, as many as are trained.
        poll: called before every round of growth and every batch.
    """
    items, centre, spread = standardised(train)
    train = replace(train, items=items)
    valid = None if valid is None else replace(valid, items=items)
    draws = generators(seed, len(weights))
    centred, lost = within_prompts(train) if settings["centre"] == "prompt" else (items, 1)
    if start is not None:
        begin = start.scaled(centre, float(spread))
    elif same_start:
        begin = _found(train, centred, lost, train.weight[None], settings, draws[:1], poll).take([0] * len(draws))
    else:
        begin = _found(train, centred, lost, weights, settings, draws, poll)
    if settings["tau"] == "auto" and start is None:
        begin = _calibrated(begin, train if valid is None else valid, objective)
    record: dict[str, Any] = {"prototypes": begin.counts.tolist(), "tau": begin.tau.tolist()}
    if settings["learn"] == "none":
        return begin.original(centre, float(spread)), record
    pull = Pull(settings["pull"], train, centred, weights) if settings["pull"] else None
    net = PrototypeNet(begin, located=objective.sees != "gap", moving=settings["learn"] == "all", pull=pull)
    course = Course(**{name: settings[name] for name in COURSE})
    record |= train_net(
        net, train, valid, objective=objective, course=course, weights=weights, draws=draws, poll=poll, note="prototype"
    )
    return net.weights().original(centre, float(spread)), record


def within_prompts(train: Pairs) -> tuple[np.ndarray, int]:
    """Return the items minus the mean of their prompt's distinct items, (n, d), and how many means were taken.

    An item of several groups gets the mean of their means; an item outside the pairs stays as it is.
    """
    n = len(train.items)
    group, item = np.divmod(
        np.unique(np.concatenate([train.group * n + side for side in (train.chosen, train.rejected)])), n
    )
    _, at, size = np.unique(group, return_index=True, return_counts=True)
    means = np.add.reduceat(train.items[item], at) / size[:, None]
    own = means[np.repeat(np.arange(len(at)), size)]
    order = np.argsort(item, kind="stable")
    seen, first, times = np.unique(item[order], return_index=True, return_counts=True)
    centred = train.items.copy()
    centred[seen] -= np.add.reduceat(own[order], first) / times[:, None]
    return centred, len(at)


def certainty(pairs: Pairs) -> np.ndarray:
    """Return how much a pair says about the class of its sides, 2 prob - 1, (p,); all alike if every pair is a tie."""
    said = 2 * pairs.prob - 1
    return said if (said * pairs.weight).any() else np.ones(len(pairs))


def _found(
    train: Pairs, centred: np.ndarray, lost: int, weights: np.ndarray, settings: Mapping[str, Any],
    draws: Sequence[np.random.Generator], poll: Poll,
) -> Weights:  # fmt: skip
    """Return the prototypes that the vectors ask for, before any objective moves them; g is 0."""

    def check() -> None:
        poll(0.0, "prototype, mixture")

    found: list[np.ndarray] = []
    taus = []
    for weight, draw in zip(weights * certainty(train), draws, strict=True):
        sides = [np.bincount(side, weight, len(centred)) for side in (train.chosen, train.rejected)]
        rows = [np.flatnonzero(side) for side in sides]
        classes = [(centred[row], side[row]) for row, side in zip(rows, sides, strict=True)]
        twins = draw.integers(2**63)  # both classes draw alike, so that classes that are alike get the same prototypes
        centres = [k_means(x, mass, settings["prototypes"], np.random.default_rng(twins)) for x, mass in classes]
        tau = _width(classes, centres, lost) if settings["tau"] == "auto" else settings["tau"]
        for (x, mass), begin in zip(classes, centres, strict=True):
            reach = float(np.quantile(distances(x, begin).min(axis=1), settings["threshold"]))
            found.append(grow(x, mass, begin, tau, reach, settings["most"], settings["rounds"], check))
        taus.append(tau)
    counts = np.array([len(part) for part in found]).reshape(-1, 2)
    shape = len(weights), centred.shape[1]
    return _of_float64(np.concatenate(found), counts, taus, np.zeros(shape), np.zeros(len(weights)))


def _width(classes: list[tuple[np.ndarray, np.ndarray]], centres: list[np.ndarray], lost: int) -> float:
    """Return twice the variance per column around the nearest centres, as a mixture of round Gaussians has it.

    Degrees of freedom that centring and centres have used are made up for; where none are left, or nothing varies,
    the mean square stands in, or 1.
    """
    n = sum(len(x) for x, _ in classes)
    free = n - lost - sum(map(len, centres))
    mass = sum(weight.sum() for _, weight in classes)
    near = sum(weight @ distances(x, c).min(axis=1) for (x, weight), c in zip(classes, centres, strict=True)) / mass
    square = sum(weight @ np.einsum("nd,nd->n", x, x) for x, weight in classes) / mass
    dim = classes[0][0].shape[1]
    within = near * n / free if free > 0 else 0.0
    return float(2 * (within if within > 1e-6 * square else square or dim) / dim)


def _calibrated(weights: Weights, pairs: Pairs, objective: Objective) -> Weights:
    """Return the members, each at the multiple of its tau under which its rewards have the lowest loss on the pairs.

    Vectors are far from round: taken one by one, their columns seem to say the same thing many times over.
    """
    pairs = compact(pairs)
    prototypes, there = weights.padded()
    taus = []
    for own, held, tau in zip(prototypes, there, weights.tau, strict=True):
        sides = [2 * pairs.items @ p[h].T - np.square(p[h]).sum(axis=1) for p, h in zip(own, held, strict=True)]

        def loss(tau: float, sides: list[np.ndarray] = sides) -> float:
            chosen, rejected = (np.logaddexp.reduce(side / tau, axis=1) for side in sides)
            return mean_loss(objective, chosen - rejected, pairs)

        taus.append(min((tau * multiple for multiple in MULTIPLES), key=loss))
    return replace(weights, tau=np.array(taus, dtype=np.float32))


class PrototypeNet(Net):
    """Rewards by prototypes and a linear part; prototypes stay unless they are ``moving``, the bias if not ``located``.

    Args:
        begin: the weights to start from, over standardised items.
        located: the objective sees the level of the rewards.
        moving: prototypes are learned, not g alone.
        pull: what is added to the loss.
    """

    def __init__(self, begin: Weights, *, located: bool, moving: bool, pull: Pull | None) -> None:
        import torch

        prototypes, self._there = begin.padded()
        self._counts, self._pull = begin.counts, pull
        self._prototypes = torch.tensor(prototypes, requires_grad=moving)
        self._linear = torch.tensor(begin.linear, requires_grad=True)
        self._bias = torch.tensor(begin.bias if located else 0 * begin.bias, requires_grad=located)
        self.parameters = [self._prototypes, self._linear, self._bias]
        self.products = self._prototypes[0].numel() + self._linear.shape[1]
        self._tau = torch.tensor(begin.tau)[:, None, None]
        absent = np.where(self._there, 0, -np.inf).astype(prototypes.dtype)
        self._absent = torch.from_numpy(absent.reshape(len(absent), 1, -1))

    def nearness(self, x: Tensor) -> Tensor:
        """Return -|x - p|^2 / tau of the prototypes, (members, n, 2, most), without |x|^2, which all share."""
        flat = self._prototypes.flatten(1, 2)
        near = (2 * x @ flat.transpose(1, 2) - flat.square().sum(2)[:, None]) / self._tau + self._absent
        return near.unflatten(2, (2, -1))

    def rewards(self, x: Tensor, drop: Drop) -> Tensor:
        """Return the rewards, (members, n)."""
        classes = self.nearness(x).logsumexp(3)
        linear = (x @ self._linear[:, :, None]).squeeze(2)
        return classes[:, :, 0] - classes[:, :, 1] + linear + self._bias[:, None]

    def penalty(self, batch: np.ndarray) -> Tensor | None:
        """Return the pull on a batch, (members,)."""
        if self._pull is None or not self._prototypes.requires_grad:
            return None
        return self._pull.of(self, batch)

    def weights(self) -> Weights:
        """Return the members as arrays."""
        prototypes, linear, bias = (part.detach().numpy() for part in self.parameters)
        return Weights(prototypes[self._there], self._counts, self._tau[:, 0, 0].numpy(), linear, bias)


class Pull:
    """Strength times the cross-entropy of the class of the nearest prototype, over the centred sides of pairs.

    Args:
        strength: beside the objective.
        train: pairs over standardised items.
        centred: the items minus the mean of their prompt, (n, d).
        weights: weight of every pair for every member, (members, p).
    """

    def __init__(self, strength: float, train: Pairs, centred: np.ndarray, weights: np.ndarray) -> None:
        import torch

        self._strength, self._items = strength, torch.from_numpy(centred)
        self._sides = torch.from_numpy(np.stack([train.chosen, train.rejected], axis=1))
        weight = certainty(train) * weights / weights.mean(axis=1, keepdims=True)
        self._weight = torch.from_numpy(weight.astype(centred.dtype))

    def of(self, net: PrototypeNet, batch: np.ndarray) -> Tensor:
        """Return the pull on a batch of pairs per member, (members,)."""
        import torch

        pairs = torch.from_numpy(batch)
        there = pairs >= 0
        weight = self._weight.gather(1, pairs.clamp(min=0)) * there / there.sum(1, keepdim=True)
        classes = net.nearness(self._items[self._sides[pairs].flatten(1)]).amax(3)
        gap = (classes[:, :, 0] - classes[:, :, 1]).unflatten(1, (-1, 2))
        wrong = torch.nn.functional.softplus(-gap[:, :, 0]) + torch.nn.functional.softplus(gap[:, :, 1])
        return self._strength * (weight * wrong).sum(1) / 2
