"""The trainer of torch heads: gradients, AdamW, courses, validation."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rmstore.errors import OptionError
from rmstore.heads.adamw import AdamW
from rmstore.heads.base import Pairs
from rmstore.heads.mlp_training import LayerNet
from rmstore.heads.pairs import labels
from rmstore.heads.torch_training import Course, Net, generators, torch_threads, train_net
from rmstore.objectives import OBJECTIVES

STILL = Course(epochs=1, batch_size=1000, patience=1, lr=0.0)
"""One batch that moves nothing, so that its gradient can be looked at."""


def draw(n_pairs=40, seed=0):
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(30, 5)).astype(np.float32)
    chosen, rejected = rng.permuted(np.tile(np.arange(30), (n_pairs, 1)), axis=1)[:, :2].T
    weight = rng.uniform(0, 2, n_pairs)
    weight[:4] = 0
    choice = rng.integers(n_pairs // 3, size=n_pairs)
    return Pairs(
        items, chosen, rejected, rng.uniform(0.5, 1, n_pairs), rng.uniform(0, 1, n_pairs), weight, choice, choice=choice
    )


def layers(members, widths=(5, 7, 1), seed=1):
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(members, wide, narrow)).astype(np.float32), rng.normal(size=(members, narrow)).astype("f4"))
        for wide, narrow in pairwise(widths)
    ]


def run(net, pairs, *, objective="bt", course=STILL, weights=None, valid=None, seed=0):
    weights = np.tile(pairs.weight, (len(net.parameters[0]), 1)) if weights is None else weights
    return train_net(
        net, pairs, valid, objective=OBJECTIVES[objective](), course=course, weights=weights,
        draws=generators(seed, len(weights)), poll=lambda share, note: None, note="test",
    )  # fmt: skip


class CaughtError(Exception):
    """Raised in place of a step."""


@pytest.fixture
def gradients(monkeypatch):
    """Return a function that gives the gradients of a net's first batch."""

    def stop(self, share):
        raise CaughtError

    monkeypatch.setattr(AdamW, "step", stop)

    def of(net, pairs, **settings):
        with pytest.raises(CaughtError):
            run(net, pairs, **settings)
        return [part.grad.numpy().astype(np.float64) for part in net.parameters if part.requires_grad]

    return of


def value(parameters, member, pairs, objective):
    """The weighted mean loss of one member in double precision, written out."""
    h = pairs.items.astype(np.float64)
    *hidden, (weight, bias) = zip(parameters[::2], parameters[1::2], strict=True)
    for inner, shift in hidden:
        h = np.maximum(h @ inner[member] + shift[member], 0)
    rewards = (h @ weight[member] + bias[member])[:, 0]
    return OBJECTIVES[objective]().value(
        rewards[pairs.chosen], rewards[pairs.rejected], labels(pairs), pairs.weight / pairs.weight.sum()
    )


@pytest.mark.parametrize("objective", ["bt", "soft", "margin", "classification", "plackett_luce", "absolute"])
@pytest.mark.parametrize("few_items", [True, False])
def test_gradients_are_those_of_finite_differences(gradients, objective, few_items):
    pairs = draw()
    if not few_items:  # each side of a pair then goes through by itself
        pairs = replace(pairs, items=np.concatenate([pairs.items, np.zeros((90, 5), dtype=np.float32)]))
    net = LayerNet(layers(2), located=True)
    found = gradients(net, pairs, objective=objective)
    flat = [part.detach().numpy().astype(np.float64) for part in net.parameters]
    for number, part in enumerate(flat):
        for at in [(0, *(0,) * (part.ndim - 1)), (1, *(size - 1 for size in part.shape[1:]))]:
            ends = []
            for step in (1e-5, -1e-5):
                moved = [other.copy() for other in flat]
                moved[number][at] += step
                ends.append(value(moved, at[0], pairs, objective))
            assert found[number][at] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-3, abs=1e-5)


def test_a_padded_choice_counts_nothing(gradients):
    """Batches of choices are padded where members draw choices of other lengths."""
    pairs = replace(draw(), choice=np.repeat(np.arange(10), [1, 2, 3, 4, 5, 5, 5, 5, 5, 5]))
    few = replace(STILL, batch_size=8)
    together, alone = LayerNet(layers(6), located=True), LayerNet(
        [(weight[:1], bias[:1]) for weight, bias in layers(6)], located=True
    )  # fmt: skip
    weights = np.tile(pairs.weight, (6, 1))
    many = gradients(together, pairs, objective="plackett_luce", course=few, weights=weights)
    one = gradients(alone, pairs, objective="plackett_luce", course=few, weights=weights[:1])
    for beside, own in zip(many, one, strict=True):
        np.testing.assert_allclose(beside[:1], own, rtol=1e-4, atol=1e-6)


def test_a_penalty_is_added_to_the_loss(gradients):
    class Shrinking(LayerNet):
        def penalty(self, batch):
            assert batch.shape == (2, 40)
            return 0.5 * self.parameters[0].square().sum(dim=(1, 2))

    pairs = draw()
    plain, shrunk = gradients(LayerNet(layers(2), located=True), pairs), gradients(
        Shrinking(layers(2), located=True), pairs
    )  # fmt: skip
    np.testing.assert_allclose(shrunk[0] - plain[0], layers(2)[0][0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(shrunk[1], plain[1], rtol=1e-5, atol=1e-7)


def test_steps_are_those_of_torch():
    import torch

    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4, 2)).astype(np.float32)
    rates, decays = (0.01, 0.02, 0.03), (0.0, 0.1, 0.5)
    ours = torch.tensor(start, requires_grad=True)
    theirs = [torch.tensor(part, requires_grad=True) for part in start]
    mine = AdamW([ours], rates, decays)
    peer = torch.optim.AdamW(
        [{"params": [part], "lr": rate, "weight_decay": decay}
         for part, rate, decay in zip(theirs, rates, decays, strict=True)]
    )  # fmt: skip
    for _ in range(20):
        gradient = rng.normal(size=start.shape).astype(np.float32)
        ours.grad = torch.tensor(gradient)
        for part, slope in zip(theirs, gradient, strict=True):
            part.grad = torch.tensor(slope)
        mine.step(1.0)
        peer.step()
    np.testing.assert_allclose(ours.detach(), torch.stack(theirs).detach(), rtol=1e-5, atol=1e-6)


def test_equal_rates_are_one_rate():
    import torch

    ends = []
    for rates in ((0.01,), (0.01, 0.02)):
        part = torch.ones(len(rates), 3, requires_grad=True)
        adam = AdamW([part], rates, [0.1] * len(rates))
        for _ in range(3):
            part.grad = torch.full_like(part, 2.0)
            adam.step(0.5)
        ends.append(part.detach()[0].tolist())
    assert ends[0] == pytest.approx(ends[1])


@pytest.mark.parametrize("valid", [None, draw(seed=3)])
def test_a_fit_that_diverged_is_refused(valid):
    net = LayerNet(layers(2), located=False)
    with np.errstate(all="ignore"), pytest.raises(OptionError, match="the test head diverged at a rate of 1e"):
        run(net, draw(), course=replace(STILL, lr=1e30, epochs=3), valid=valid)


def test_what_needs_no_gradient_stays():
    net = LayerNet(layers(1), located=False)
    run(net, draw(), course=replace(STILL, lr=0.1, epochs=2))
    assert net.parameters[-1].tolist() == [[0.0]]
    assert np.abs(net.parameters[0].detach().numpy() - layers(1)[0][0]).max() > 0.01


def test_the_rate_rises_and_falls():
    course = replace(STILL, cosine=True, warmup=0.1)
    shares = [course.share(done) for done in (0, 0.05, 0.1, 0.5, 1)]
    assert shares == pytest.approx([0.0909, 0.5421, 0.9755, 0.5, 0], abs=1e-3)
    assert STILL.share(0) == STILL.share(0.7) == 1


class Growing(Net):
    """One parameter s: rewards (s x + s^2 y) / 4, which grow and are ruled by y more and more."""

    products = 1

    def __init__(self, s):
        import torch

        self.parameters = [torch.tensor([s], dtype=torch.float32, requires_grad=True)]

    def rewards(self, x, drop):
        s = self.parameters[0][:, None]
        return (s * x[..., 0].expand(1, -1) + s**2 * x[..., 1].expand(1, -1)) / 4


def watched(*, any_scale):
    """Train where each epoch ranks better and is surer: three of four validation pairs agree with y."""
    items = np.array([[3, 0], [0, 1], [0, 2], [0, 3]], dtype=np.float32)

    def pairs(chosen, rejected):
        ones = np.ones(len(chosen))
        return Pairs(items, np.array(chosen), np.array(rejected), ones, 0 * ones, ones, np.arange(len(ones)))

    course = Course(epochs=3, batch_size=4, patience=1, lr=0.5, any_scale=any_scale)
    return run(Growing(4.1), pairs([1, 1], [0, 0]), course=course, valid=pairs([1, 1, 1, 2], [0, 0, 0, 3]))


def test_epochs_may_be_judged_at_any_scale():
    strict, loose = (watched(any_scale=how) for how in (False, True))
    assert (strict["best_epochs"], strict["epochs"]) == ([1], 2)
    assert (loose["best_epochs"], loose["epochs"]) == ([3], 3)
    assert loose["valid_loss"] > strict["valid_loss"]  # what is reported is the loss as it is


def test_the_number_of_threads_comes_back():
    import torch

    before = torch.get_num_threads()
    with pytest.raises(CaughtError), torch_threads(1):
        assert torch.get_num_threads() == 1
        raise CaughtError
    assert torch.get_num_threads() == before
