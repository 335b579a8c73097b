"""Training of torch heads: members side by side, AdamW, the best epoch of each, and nothing global touched.

A head supplies a :class:`Net`: parameters whose first axis is the member, and rewards of inputs. The loss is the
objective's own: rewards leave torch as float64 arrays and the objective's gradient comes back, so there is one source
of truth. Randomness comes from one NumPy generator per member, which draws the same whoever the member trains beside.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore.errors import OptionError
from rmstore.heads.adamw import AdamW
from rmstore.heads.base import Pairs, Poll
from rmstore.heads.pairs import batches, compact, labels, mean_loss
from rmstore.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

EPOCHS, EPOCHS_UNWATCHED = 100, 10
"""Most epochs with validation pairs, and epochs without."""
AT_ONCE = 4096
"""Validation items per forward pass, which bounds memory."""
SMALL_STEP = 100_000_000
"""Products of one forward pass over a batch's chosen side, below which one thread is used; some milliseconds."""

FIRST = 0.01
"""Share of the warm-up that the first step is given, so that it moves at all."""
SCALES = 2.0 ** np.arange(-4, 4.5, 0.5)
"""Scales of the gaps among which a validation loss looks for its best."""

Drop = Callable[["Tensor"], "Tensor"]
"""Leaves out hidden units, (members, n, width), while training; returns them as they are while validating."""


class Net(ABC):
    """Members as torch tensors; what a head has to supply to be trained here.

    Attributes:
        parameters: what is learned; the first axis of each is the member. One that does not require a gradient stays.
        products: multiplications per item and member of one forward pass, which decides over threads.
        halved: whether inputs come in bfloat16; rewards are float32 all the same.
    """

    parameters: list[Tensor]
    products: int
    halved: bool = False

    @abstractmethod
    def rewards(self, x: Tensor, drop: Drop) -> Tensor:
        """Return the rewards, (members, n) float32, of inputs (members, n, d), or of (n, d) shared by all members."""

    def penalty(self, batch: np.ndarray) -> Tensor | None:
        """Return what each member adds to the loss of a batch, (members,).

        Args:
            batch: numbers of every member's training pairs, (members, b), padded with -1 where a member has fewer.
        """
        return None


@dataclass(frozen=True)
class Course:
    """How members are trained; a tuple gives every member a number of its own.

    Attributes:
        epochs: most passes; None for 100 with validation pairs, 10 without.
        batch_size: pairs per step.
        patience: epochs without a lower validation loss after which a member is done.
        lr, weight_decay: of AdamW.
        dropout: share of hidden units left out per step.
        cosine: let the rate fall to 0 along half a cosine over all passes.
        warmup: share of all steps over which the rate rises to its full height first.
        any_scale: judge an epoch by the validation loss at the scale of the gaps that suits it best. A temperature is
            fitted after training, so rewards of the right order but too far apart are no reason to stop.
    """

    epochs: int | None
    batch_size: int
    patience: int
    lr: float | tuple[float, ...]
    weight_decay: float | tuple[float, ...] = 0.0
    dropout: float | tuple[float, ...] = 0.0
    cosine: bool = False
    warmup: float = 0.0
    any_scale: bool = False

    def share(self, done: float) -> float:
        """Return the share of the rate to take after a share of all passes."""
        falling = 0.5 + 0.5 * math.cos(math.pi * done) if self.cosine else 1.0
        return falling * min(1.0, (done + FIRST) / (self.warmup + FIRST))


def generators(seed: int, members: int) -> list[np.random.Generator]:
    """Return every member's own generator: what it draws depends on the seed and its number alone."""
    return [np.random.default_rng([seed, member]) for member in range(members)]


def train_net(
    net: Net,
    train: Pairs,
    valid: Pairs | None,
    *,
    objective: Objective,
    course: Course,
    weights: np.ndarray,
    draws: Sequence[np.random.Generator],
    poll: Poll,
    note: str,
) -> dict[str, Any]:
    """Train the members, leave each at its best epoch, and return ``epochs``, ``best_epochs`` and ``valid_loss``.

    Args:
        net: the members; edited in place.
        train: pairs to learn from, over the net's inputs.
        valid: pairs over the same items that decide when to stop.
        objective: gives the gradient with respect to the rewards.
        course: rates and passes.
        weights: weight of every pair for every member, (members, p).
        draws: one generator per member, for its order of pairs and its dropout.
        poll: called before every batch.
        note: what the poll is told.

    Raises:
        OptionError: the steps were so long that a member is no number any more.
    """
    x = _inputs(net, train)
    epochs = course.epochs or (EPOCHS if valid is not None else EPOCHS_UNWATCHED)
    steps = -(-len(train) // course.batch_size)
    rates, decays = (per_member(number, len(draws)) for number in (course.lr, course.weight_decay))
    adam, drop = AdamW(net.parameters, rates, decays), _dropout(course, draws)
    watch = _Watch(valid, objective, course, net)
    weights = weights / weights.mean(axis=1, keepdims=True)
    with torch_threads(_enough(len(draws) * course.batch_size * net.products)):
        for epoch in range(epochs):
            for number, batch in enumerate(batches(train, draws, course.batch_size)):
                done = min(epoch + number / steps, epochs)
                poll(done / epochs, f"{note}, epoch {epoch + 1} of at most {epochs}")
                _descend(net, x, train, batch, objective, weights, drop)
                adam.step(course.share(done / epochs))
            if watch.should_stop(epoch + 1):
                break
    watch.restore()
    if not watch.has_learned:
        raise OptionError(
            f"the {note.split(',')[0]} head diverged at a rate of {max(rates):g}: rewards beyond all numbers",
            hint="give a smaller lr",
        )
    return watch.record


def _descend(
    net: Net, x: Tensor, train: Pairs, batch: np.ndarray, objective: Objective, weights: np.ndarray, drop: Drop
) -> None:
    """Leave the gradients of one batch of pairs per member, (members, b), -1 where a member has fewer."""
    import torch

    size = batch.shape[1]
    rows = torch.from_numpy(np.concatenate([train.chosen[batch], train.rejected[batch]], axis=1))
    if len(x) <= 2 * size:  # fewer items than sides of pairs: each goes through once, for all of its pairs
        rewards = net.rewards(x, drop).gather(1, rows)
    else:
        taken = x.index_select(0, rows.flatten()).view(*rows.shape, -1)
        rewards = net.rewards(taken, drop)
    values = rewards.detach().numpy().astype(np.float64)
    slopes = np.zeros_like(values)
    for member, padded in enumerate(batch):
        there = padded >= 0
        pairs, (chosen, rejected) = padded[there], values[member].reshape(2, size)[:, there]
        weight = weights[member, pairs] / len(pairs)
        sides = objective.weighted_gradient(chosen, rejected, labels(train, pairs), weight)
        slopes[member].reshape(2, size)[:, there] = sides
    told = torch.from_numpy(slopes).to(rewards.dtype)
    extra = net.penalty(batch)
    if extra is None:
        rewards.backward(told)
    else:
        torch.autograd.backward([rewards, extra], [told, torch.ones_like(extra)])


def _inputs(net: Net, pairs: Pairs) -> Tensor:
    import torch

    x = torch.from_numpy(pairs.items)
    return x.bfloat16() if net.halved else x


def per_member(number: float | tuple[float, ...], members: int) -> list[float]:
    """Return one number per member."""
    return list(number) if isinstance(number, tuple) else [number] * members


def _keep(h: Tensor) -> Tensor:
    return h


def _dropout(course: Course, draws: Sequence[np.random.Generator]) -> Drop:
    """Return what leaves out hidden units at every member's own share, drawn by the member."""
    import torch

    shares = per_member(course.dropout, len(draws))
    if not any(shares):
        return _keep

    def drop(h: Tensor) -> Tensor:
        kept = [
            (draw.random(h.shape[1:], dtype=np.float32) >= share) / np.float32(1 - share)
            for draw, share in zip(draws, shares, strict=True)
        ]
        return h * torch.from_numpy(np.stack(kept)).to(h.dtype)

    return drop


class _Watch:
    """Validation after every epoch: keeps each member's best parameters and says when nobody improves any more."""

    def __init__(self, valid: Pairs | None, objective: Objective, course: Course, net: Net) -> None:
        self._objective, self._patience, self._net = objective, course.patience, net
        self._scales = SCALES if course.any_scale and objective.sees == "gap" else np.ones(1)
        self._valid = None if valid is None else compact(valid)
        members = len(net.parameters[0])
        self._lowest, self._at = np.full(members, np.inf), np.zeros(members, dtype=int)
        self._loss = np.full(members, np.inf)
        self._best = [part.detach().clone() for part in net.parameters]
        self.record: dict[str, Any] = {}

    def should_stop(self, epoch: int) -> bool:
        """Look at the members after an epoch, counted from 1."""
        self.record = {"epochs": epoch}
        if self._valid is None:
            return False
        losses, plain = self._losses(self._valid)
        # a member that has waited long enough is done, though it trains on beside the others
        better = (losses < self._lowest) & (epoch - self._at <= self._patience)
        for best, part in zip(self._best, self._net.parameters, strict=True):
            best[better] = part.detach()[better]
        self._lowest[better], self._loss[better], self._at[better] = losses[better], plain[better], epoch
        self.record |= {"best_epochs": self._at.tolist(), "valid_loss": float(self._loss.mean())}
        return bool((epoch - self._at >= self._patience).all())

    def _losses(self, valid: Pairs) -> tuple[np.ndarray, np.ndarray]:
        """Return every member's loss at its best scale and as it is."""
        import torch

        with torch.no_grad():
            parts = [self._net.rewards(part, _keep) for part in _inputs(self._net, valid).split(AT_ONCE)]
        rewards = torch.cat(parts, dim=1).numpy()
        plain = [mean_loss(self._objective, member, valid) for member in rewards]
        best = [min(mean_loss(self._objective, scale * member, valid) for scale in self._scales) for member in rewards]
        return np.array(best), np.array(plain)

    @property
    def has_learned(self) -> bool:
        """Whether every member is made of numbers, and had a loss after some epoch if anybody watched."""
        finite = all(bool(part.isfinite().all()) for part in self._net.parameters)
        return finite and (self._valid is None or bool((self._at > 0).all()))

    def restore(self) -> None:
        """Leave the members at the best parameters seen; at the last ones where nobody watched."""
        import torch

        if self._valid is not None:
            with torch.no_grad():
                for best, part in zip(self._best, self._net.parameters, strict=True):
                    part.copy_(best)


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch use so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _enough(products: int) -> int:
    """Return one thread while steps are small: waiting for others would cost more than they help."""
    import torch

    return 1 if products < SMALL_STEP else torch.get_num_threads()
