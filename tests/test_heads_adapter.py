"""The adapter head: what it equals without its parts, what keeps z informative, shared members, one start."""

from dataclasses import replace

import numpy as np
import pytest

from rmstore.errors import BadFileError, InputError, OptionError
from rmstore.heads import HEADS, serial
from rmstore.heads.adapter import CHUNK, AdapterHead
from rmstore.heads.adapter_training import AdapterNet, Regulariser, Weights, initial
from rmstore.heads.base import Pairs
from rmstore.heads.linear import LinearHead
from rmstore.heads.mlp import MLPHead
from rmstore.heads.pairs import labels
from rmstore.heads.torch_training import _descend, generators
from rmstore.objectives import OBJECTIVES

DIM = 6
QUICK = {"hidden": [16], "rank": 3, "lr": 0.03, "epochs": 8, "batch_size": 60}
RNG = np.random.default_rng(0)
DIRECTION = RNG.normal(size=DIM).astype(np.float32)


def draw(n_pairs, seed, n_items=400):
    """Noiseless pairs along a direction, with log-probabilities along another."""
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(n_items, DIM)).astype(np.float32) + np.float32(3)
    chosen = rng.integers(n_items, size=n_pairs)
    rejected = (chosen + rng.integers(1, n_items, size=n_pairs)) % n_items
    swap = items[chosen] @ DIRECTION < items[rejected] @ DIRECTION
    chosen, rejected = np.where(swap, rejected, chosen), np.where(swap, chosen, rejected)
    ones = np.ones(n_pairs)
    logp = -100 + 20 * items[:, 0].astype(np.float64)
    return Pairs(items, chosen, rejected, ones, 0 * ones, ones, rng.integers(n_pairs // 4, size=n_pairs),
                 chosen_logp=logp[chosen], rejected_logp=logp[rejected])  # fmt: skip


TRAIN, VALID = draw(600, 1), draw(150, 2)
VALID = replace(VALID, items=TRAIN.items)
ITEMS = TRAIN.items


def fit(train=TRAIN, valid=None, *, kind=AdapterHead, objective="bt", members=1, merge=None, seed=0, start=None,
        **options):  # fmt: skip
    return kind.fit(
        train, valid, objective=OBJECTIVES[objective](), options=(QUICK if kind is AdapterHead else {}) | options,
        members=members, merge=merge, seed=seed, poll=lambda share, note: None, start=start,
    )  # fmt: skip


def accuracy(head, pairs=TRAIN):
    reward = head.score(pairs.items)
    return np.mean(reward[pairs.chosen] > reward[pairs.rejected])


def by_hand(weights, items):
    """Rewards from the formula, (n, members) float64."""
    rewards = []
    for member, (down, up) in enumerate(zip(weights.down, weights.up, strict=True)):
        hidden = items.astype(np.float64)
        hidden = hidden + hidden @ down @ up
        for number, (weight, bias) in enumerate(weights.layers):
            hidden = np.maximum(hidden, 0) if number else hidden
            hidden = hidden @ weight[member % len(weight)] + bias[member % len(bias)]
        rewards.append(hidden[:, 0])
    return np.stack(rewards, axis=1)


def random_weights(members, hidden, *, shared=False, rank=3, seed=5):
    """Members whose adapters change the vector a lot."""
    begin = initial(DIM, rank, hidden, generators(seed, 1 if shared else members))
    begin = begin.take([0] * members, shared=True) if shared else begin
    rng = np.random.default_rng(seed)
    up, down = (rng.normal(size=part.shape).astype(np.float32) for part in (begin.up, begin.down))
    return replace(begin, up=up, down=down)


@pytest.mark.parametrize("hidden", [[], [16], [16, 8]])
@pytest.mark.parametrize("shared", [False, True])
def test_scores_are_those_of_the_formula(hidden, shared):
    weights = random_weights(3, hidden, shared=shared)
    assert weights.is_shared == (shared and bool(hidden))
    items = np.tile(ITEMS, (2, 1))[: CHUNK + 7]
    np.testing.assert_allclose(AdapterHead(weights).members(items), by_hand(weights, items), rtol=1e-4, atol=1e-4)
    assert by_hand(weights, items).std(axis=1).min() > 0


def test_without_the_adapter_members_are_linear_heads():
    """Section 6: U = 0 reduces low-rank members to linear heads on the same vector."""
    rng = np.random.default_rng(6)
    weight, bias = rng.normal(size=(4, DIM)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    down = rng.normal(size=(4, DIM, 3)).astype(np.float32)
    members = Weights(down, np.zeros((4, 3, DIM), np.float32), ((weight[:, :, None], bias[:, None]),))
    np.testing.assert_allclose(
        AdapterHead(members).members(ITEMS), LinearHead(weight, bias).members(ITEMS), rtol=1e-5, atol=1e-5
    )


def test_the_first_step_is_that_of_the_plain_head():
    import torch

    adapted, plain = (initial(DIM, rank, [16], generators(7, 2)) for rank in (3, 0))
    assert not adapted.up.any()
    assert adapted.down.any()
    items = torch.from_numpy(ITEMS)
    first, second = (AdapterNet(begin, located=False).rewards(items, lambda h: h) for begin in (adapted, plain))
    assert torch.equal(first, second)


def test_rank_zero_is_the_plain_head():
    plain, _ = fit(rank=0, epochs=30)
    assert plain.to_bytes() != fit(epochs=30)[0].to_bytes()
    mlp, _ = fit(kind=MLPHead, hidden=[16], lr=0.01, epochs=30, batch_size=100)
    assert np.corrcoef(plain.score(ITEMS), mlp.score(ITEMS))[0, 1] > 0.98
    assert accuracy(plain) > 0.95


@pytest.mark.parametrize("regulariser", ["logp", "both"])
def test_strength_zero_is_the_plain_objective_bit_for_bit(regulariser):
    """Section 4: a = 0; whatever the regulariser would need is then not asked for."""
    bare = replace(TRAIN, chosen_logp=None, rejected_logp=None)
    assert fit(bare, grm=0.0, regulariser=regulariser)[0].to_bytes() == fit()[0].to_bytes()


@pytest.mark.parametrize("regulariser", ["reconstruction", "logp", "both"])
def test_a_faint_regulariser_changes_next_to_nothing(regulariser):
    start = AdapterHead(random_weights(1, [16]))
    faint, strong = (fit(grm=grm, regulariser=regulariser, epochs=3, start=start)[0] for grm in (1e-9, 0.9))
    np.testing.assert_allclose(faint.score(ITEMS), fit(epochs=3, start=start)[0].score(ITEMS), atol=1e-2)
    assert np.abs(strong.score(ITEMS) - faint.score(ITEMS)).max() > 0.1


def test_the_regulariser_alone_recovers_the_vector():
    """Section 4: a = 1 with linear maps reconstructs perfectly, and the layers learn nothing."""
    far = AdapterHead(random_weights(1, [16]))
    head, record = fit(start=far, grm=1.0, epochs=120)
    assert record["reconstruction_error"] < 1e-3
    assert fit(start=far, grm=1.0, epochs=1, lr=1e-9)[1]["reconstruction_error"] > 0.5
    np.testing.assert_array_equal(head.weights.layers[1][0], far.weights.layers[1][0])
    assert np.abs(head.weights.up - far.weights.up).max() > 1e-3


def test_log_probabilities_are_learned_from_z():
    _, record = fit(grm=0.5, regulariser="logp", epochs=50)
    assert record["logp_error"] < 0.01
    shuffled = np.random.default_rng(1).permutation(len(TRAIN))
    noise = replace(TRAIN, chosen_logp=TRAIN.chosen_logp[shuffled], rejected_logp=TRAIN.rejected_logp[shuffled])
    assert fit(noise, grm=0.5, regulariser="logp", epochs=20)[1]["logp_error"] > 0.5


def test_log_probabilities_are_asked_for():
    with pytest.raises(OptionError, match="needs the log-probability.*\n.*chosen_logp and rejected_logp"):
        fit(replace(TRAIN, chosen_logp=None, rejected_logp=None), grm=0.1, regulariser="both")
    with pytest.raises(InputError, match="rejected_logp nan"):
        fit(replace(TRAIN, rejected_logp=np.full(600, np.nan)), grm=0.1, regulariser="logp")


@pytest.mark.parametrize("hidden", [[16], [16, 8]])
def test_shared_members_have_hidden_layers_in_common(hidden):
    head, record = fit(members=3, share=True, hidden=hidden, joint_epochs=2, epochs=10)
    assert record["joint_epochs"] == 2
    assert [len(weight) for weight, _ in head.weights.layers] == [1] * len(hidden) + [3]
    assert head.weights.up.any()
    rewards = head.members(ITEMS)
    np.testing.assert_allclose(rewards, by_hand(head.weights, ITEMS), rtol=1e-3, atol=1e-3)
    assert rewards.std(axis=1).mean() > 1e-4
    assert accuracy(head) > 0.9
    again = AdapterHead.from_bytes(head.to_bytes())
    np.testing.assert_array_equal(again.members(ITEMS), rewards)


def test_members_start_at_the_head_of_the_joint_phase():
    shared, separate = (fit(members=3, epochs=1, joint_epochs=8, share=share)[0] for share in (True, False))
    assert accuracy(shared) > 0.9
    assert np.corrcoef(shared.members(ITEMS).T).min() > 0.99 > np.corrcoef(separate.members(ITEMS).T).min()


def test_averaged_weights_come_from_one_start():
    ensemble, _ = fit(members=3, epochs=20)
    merged, _ = fit(members=3, epochs=20, merge="weights")
    strangers = AdapterHead(ensemble.weights.mean())
    assert merged.n_members == 1
    assert accuracy(merged) > accuracy(strangers)
    assert accuracy(merged) > 0.95


def test_averaged_weights_are_the_ensemble_mean_without_adapters():
    members = random_weights(4, [])
    flat = replace(members, up=0 * members.up)
    np.testing.assert_allclose(
        AdapterHead(flat.mean()).score(ITEMS), AdapterHead(flat).score(ITEMS), rtol=1e-4, atol=1e-4
    )
    assert np.abs(AdapterHead(members.mean()).score(ITEMS) - AdapterHead(members).score(ITEMS)).max() > 0.1


def test_the_unit_and_origin_of_the_vectors_do_not_matter():
    moved = replace(TRAIN, items=TRAIN.items * np.float32(32) + np.float32(5))
    near, far = fit(epochs=3)[0], fit(moved, epochs=3)[0]
    np.testing.assert_allclose(far.score(moved.items), near.score(ITEMS), atol=0.01)


def test_weights_over_other_units_are_the_same_head():
    weights = random_weights(3, [16], shared=True)
    centre, spread = np.arange(DIM, dtype=np.float32), np.float32(2.5)
    inner = weights.standardised(centre, spread)
    np.testing.assert_allclose(by_hand(inner, (ITEMS - centre) / spread), by_hand(weights, ITEMS), rtol=1e-3, atol=1e-3)
    back = inner.original(centre, spread)
    np.testing.assert_allclose(by_hand(back, ITEMS), by_hand(weights, ITEMS), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("share", [False, True])
def test_a_fit_goes_on_from_a_head(share):
    first, _ = fit(members=3, share=share, epochs=10)
    still, _ = fit(members=3, share=share, epochs=1, lr=1e-9, start=first)
    np.testing.assert_allclose(still.members(ITEMS), first.members(ITEMS), atol=1e-3)
    fourth, _ = fit(members=4, share=share, epochs=1, lr=1e-9, start=first)
    np.testing.assert_allclose(fourth.members(ITEMS)[:, 3], first.members(ITEMS)[:, 0], atol=1e-3)
    merged, _ = fit(members=3, share=share, epochs=1, lr=1e-9, start=first, merge="weights")
    np.testing.assert_allclose(merged.score(ITEMS), first.members(ITEMS)[:, 0], atol=1e-3)


def test_a_start_of_other_shape_is_refused():
    first, _ = fit(members=2, epochs=1)
    with pytest.raises(OptionError, match=r"hidden is \[8\] and rank 3.*\n.*hidden := \[16\], rank := 3"):
        fit(start=first, hidden=[8])
    with pytest.raises(OptionError, match="rank 2"):
        fit(start=first, rank=2)
    with pytest.raises(OptionError, match="layers of their own"):
        fit(start=first, share=True)
    with pytest.raises(OptionError, match="cannot go on from a linear head"):
        fit(start=HEADS["linear"](np.zeros((1, DIM), np.float32), np.zeros(1, np.float32)))


@pytest.mark.parametrize("objective", ["squared", "logistic"])
def test_single_items_give_the_level(objective):
    value = np.greater(ITEMS @ DIRECTION, np.median(ITEMS @ DIRECTION)).astype(float)
    rated = replace(TRAIN, chosen=np.arange(400), rejected=np.arange(400), prob=np.ones(400), margin=np.zeros(400),
                    weight=np.ones(400), group=np.arange(400), value=value + 4 * (objective == "squared"),
                    chosen_logp=None, rejected_logp=None)  # fmt: skip
    reward = fit(rated, objective=objective, epochs=80)[0].score(ITEMS)
    level = 4.5 if objective == "squared" else 0.0
    assert np.mean((reward > level) == (np.median(ITEMS @ DIRECTION) < ITEMS @ DIRECTION)) > 0.9


def test_a_choice_among_several_is_learned():
    rng = np.random.default_rng(3)
    sets = np.stack([rng.choice(400, 4, replace=False) for _ in range(200)])
    best = sets[np.arange(200), (ITEMS[sets] @ DIRECTION).argmax(axis=1)]
    others = np.stack([row[row != top] for row, top in zip(sets, best, strict=True)])
    ones = np.ones(600)
    choices = Pairs(ITEMS, np.repeat(best, 3), others.ravel(), ones, 0 * ones, ones, np.arange(600) // 3,
                    choice=np.arange(600) // 3)  # fmt: skip
    head, _ = fit(choices, objective="plackett_luce", epochs=30, grm=0.1)
    assert accuracy(head, choices) > 0.95


@pytest.mark.parametrize("objective", ["bt", "classification"])
@pytest.mark.parametrize("regulariser", [None, "reconstruction", "logp", "both"])
def test_gradients_agree_with_finite_differences(objective, regulariser):
    """Of the whole loss of a batch, with weights, padding, and more items than sides."""
    import torch

    weights = np.random.default_rng(1).uniform(0.5, 2, (2, 600))
    train = replace(TRAIN, items=TRAIN.items.astype(np.float64) - 3)
    extra = None if regulariser is None else Regulariser(0.3, regulariser, train, weights)
    begin = random_weights(2, [5])
    begin = Weights(begin.down.astype(float), begin.up.astype(float),
                    tuple((weight.astype(float), bias.astype(float)) for weight, bias in begin.layers))  # fmt: skip
    for back in [] if extra is None else extra.parameters:
        back.data += torch.from_numpy(np.random.default_rng(4).normal(size=back.shape))
    net = AdapterNet(begin, located=objective != "bt", extra=extra)
    loss, batch = OBJECTIVES[objective](), np.arange(16).reshape(2, 8)
    batch[1, 6:] = -1
    unit = weights / weights.mean(axis=1, keepdims=True)

    def value():
        total = 0.0
        with torch.no_grad():
            rewards = net.rewards(torch.from_numpy(train.items), lambda h: h).numpy()
            for member, rows in enumerate(batch):
                pairs = rows[rows >= 0]
                sides = rewards[member, train.chosen[pairs]], rewards[member, train.rejected[pairs]]
                total += loss.value(*sides, labels(train, pairs), unit[member, pairs] / len(pairs))
            if extra is None:
                return total
            return 0.7 * total + float(net.penalty(batch).sum())

    _descend(net, torch.from_numpy(train.items), train, batch, loss, unit, lambda h: h)
    step, rng = 1e-6, np.random.default_rng(2)
    for part in (part for part in net.parameters if part.requires_grad):
        along = torch.from_numpy(rng.normal(size=part.shape))
        with torch.no_grad():
            part += step * along
            above = value()
            part -= 2 * step * along
            below = value()
            part += step * along
        assert float((part.grad * along).sum()) == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-7)


def spoil(**changes):
    """A packed head with some tensors replaced, or left out where None."""
    head = AdapterHead(random_weights(3, [16], shared=True))
    tensors, _ = serial.unpack("adapter", head.to_bytes())
    return serial.pack("adapter", {name: array for name, array in (tensors | changes).items() if array is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"up": np.zeros((3, 2, DIM))},
        {"down": np.zeros((3, DIM))},
        {"up": None},
        {"weight.1": np.zeros((2, 16, 1))},
        {"weight.1": np.zeros((3, 16, 2)), "bias.1": np.zeros((3, 2))},
        {"bias.0": np.zeros((1, 15))},
        {"bias.1": np.zeros(3)},
        {"extra": np.zeros(1)},
    ],
)  # fmt: skip
def test_tensors_that_do_not_belong_together_are_refused(changes):
    assert AdapterHead.from_bytes(spoil()).n_members == 3
    with pytest.raises(BadFileError, match="cannot read a adapter head"):
        AdapterHead.from_bytes(spoil(**changes))
