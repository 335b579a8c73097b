"""The MLP head: known answers, early stopping, ensembles, weight averaging."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rmstore.errors import BadFileError, Interrupted, OptionError
from rmstore.heads import serial, warm
from rmstore.heads.base import Pairs
from rmstore.heads.linear import LinearHead
from rmstore.heads.mlp import CHUNK, MLPHead
from rmstore.heads.pairs import mean_loss
from rmstore.objectives import OBJECTIVES

QUICK = {"hidden": [24], "lr": 0.01, "epochs": 12, "batch_size": 100}


def draw(n_items, n_pairs, dim, gold, seed=0):
    """Noiseless pairs over a known reward, the first two thirds to train on and the others to watch."""
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(n_items, dim)).astype(np.float32)
    left = rng.integers(n_items, size=n_pairs)
    right = (left + rng.integers(1, n_items, size=n_pairs)) % n_items
    reward = gold(items)
    wins = reward[left] > reward[right]
    chosen, rejected = np.where(wins, left, right), np.where(wins, right, left)

    def part(rows):
        p = len(chosen[rows])
        return Pairs(items, chosen[rows], rejected[rows], np.ones(p), np.zeros(p), np.ones(p), np.arange(p))

    cut = 2 * n_pairs // 3
    return part(slice(cut)), part(slice(cut, None))


def fit(train, valid=None, *, kind=MLPHead, objective="bt", members=1, merge=None, seed=0, start=None, **options):
    return kind.fit(
        train,
        valid,
        objective=OBJECTIVES[objective](),
        options=(QUICK if kind is MLPHead else {}) | options,
        members=members,
        merge=merge,
        seed=seed,
        poll=lambda share, note: None,
        start=start,
    )


def accuracy(head, pairs):
    reward = head.score(pairs.items)
    return np.mean(reward[pairs.chosen] > reward[pairs.rejected])


@pytest.fixture(scope="module")
def bowl():
    """Rewards by length, which no linear head can learn."""
    return draw(2000, 3000, 4, lambda items: -np.square(items).sum(axis=1))


def test_learns_what_no_linear_head_can(bowl):
    assert accuracy(fit(*bowl)[0], bowl[1]) > 0.9
    assert accuracy(fit(*bowl, kind=LinearHead)[0], bowl[1]) < 0.6


def test_swapped_pairs_have_complementary_probabilities(bowl):
    head, _ = fit(*bowl, epochs=1)
    first, second = head.score(bowl[0].items[:500]), head.score(bowl[0].items[500:1000])
    there, back = (1 / (1 + np.exp(-(a - b).astype(np.float64))) for a, b in ((first, second), (second, first)))
    np.testing.assert_allclose(there + back, 1, rtol=1e-12)


def test_the_best_epoch_is_restored():
    train, valid = draw(120, 150, 30, lambda items: items[:, 0])
    head, record = fit(train, valid, epochs=60, patience=4)
    assert record["epochs"] == record["best_epochs"][0] + 4 < 60
    assert mean_loss(OBJECTIVES["bt"](), head.score(valid.items), valid) == pytest.approx(
        record["valid_loss"], rel=1e-4
    )
    longer, _ = fit(train, None, epochs=record["epochs"])
    assert mean_loss(OBJECTIVES["bt"](), longer.score(valid.items), valid) > record["valid_loss"]


def test_validation_decides_without_changing_the_course(bowl):
    watched, record = fit(*bowl, epochs=3)
    assert record["best_epochs"] == [3]
    assert fit(bowl[0], epochs=3)[0].to_bytes() == watched.to_bytes()


def test_a_member_is_the_same_in_any_company(bowl):
    alone, _ = fit(bowl[0], epochs=2)
    beside, _ = fit(bowl[0], epochs=2, members=3)
    np.testing.assert_allclose(beside.members(bowl[0].items)[:, 0], alone.score(bowl[0].items), atol=1e-3)


def test_each_item_goes_through_once_where_items_are_few():
    train, _ = draw(150, 900, 4, lambda items: items[:, 0])
    strangers = np.zeros((400, 4), dtype=np.float32)
    padded = replace(train, items=np.concatenate([train.items, strangers]))
    once, many = (fit(pairs, members=2, epochs=3)[0] for pairs in (train, padded))
    assert len(train.items) < 2 * QUICK["batch_size"] < len(padded.items)
    np.testing.assert_allclose(once.members(train.items), many.members(train.items), atol=1e-3)


def test_the_unit_and_origin_of_the_vectors_do_not_matter(bowl):
    train, valid = bowl
    moved = [replace(pairs, items=pairs.items * np.float32(32) + np.float32(5)) for pairs in bowl]
    near, far = fit(train, valid, epochs=2)[0], fit(*moved, epochs=2)[0]
    np.testing.assert_allclose(far.score(moved[0].items), near.score(train.items), atol=0.01)


def test_soft_labels_shrink_the_gaps(bowl):
    def gaps(prob):
        train, valid = (replace(pairs, prob=np.full(len(pairs), prob)) for pairs in bowl)
        reward = fit(train, valid, objective="soft")[0].score(valid.items)
        return reward[valid.chosen] - reward[valid.rejected]

    assert np.mean(gaps(0.7)) < 0.5 * np.mean(gaps(1.0))


def test_certain_soft_labels_are_bt_bit_for_bit(bowl):
    assert fit(*bowl, epochs=2, objective="soft")[0].to_bytes() == fit(*bowl, epochs=2)[0].to_bytes()


def test_gaps_leave_the_last_bias_alone(bowl):
    assert fit(*bowl, epochs=2)[0].layers[-1][1].tolist() == [[0.0]]
    assert fit(*bowl, epochs=2, objective="classification")[0].layers[-1][1].item() != 0


def averaged(head):
    return MLPHead(warm.average(head.layers))


def test_averaged_weights_need_one_start(bowl):
    train, valid = bowl
    ensemble, _ = fit(train, valid, members=3, hidden=[24, 24])
    shared, _ = fit(train, valid, members=3, hidden=[24, 24], merge="weights")
    assert (ensemble.n_members, shared.n_members) == (3, 1)
    assert accuracy(shared, valid) > 0.9
    alone = np.mean([accuracy(MLPHead(warm.member(ensemble.layers, at)), valid) for at in range(3)])
    assert accuracy(averaged(ensemble), valid) < alone - 0.04


def test_the_average_of_equal_members_is_the_member(bowl):
    head, _ = fit(bowl[0], epochs=1)
    triple = MLPHead(warm.copies(head.layers, 3))
    np.testing.assert_allclose(averaged(triple).score(bowl[0].items), head.score(bowl[0].items), rtol=1e-5, atol=1e-6)


def test_the_ends_of_the_line_between_two_members_are_the_members(bowl):
    head, _ = fit(bowl[0], epochs=2, members=3)
    rewards = head.members(bowl[0].items)
    for t, member in ((0.0, 2), (1.0, 1)):
        end = MLPHead(warm.interpolated(head.layers, 2, 1, t))
        np.testing.assert_allclose(end.score(bowl[0].items), rewards[:, member], rtol=1e-5, atol=1e-5)


def test_nothing_is_lost_between_members_of_one_start(bowl):
    train, valid = bowl
    start, _ = fit(train, valid, epochs=4, hidden=[24, 24])
    tuned, _ = fit(train, valid, members=2, hidden=[24, 24], start=start)
    strangers, _ = fit(train, valid, members=2, hidden=[24, 24])

    def drop(head):
        """How far the middle of the line between two members lies below its ends."""
        ends, middle = (
            [accuracy(MLPHead(warm.interpolated(head.layers, 0, 1, t)), valid) for t in places]
            for places in ((0, 1), (0.5,))
        )
        return np.mean(ends) - middle[0]

    assert drop(tuned) < 0.01
    assert drop(strangers) > 0.04


def test_merging_says_how_far_the_members_moved(bowl):
    _, record = fit(*bowl, members=3, merge="weights", epochs=3)
    _, longer = fit(*bowl, members=3, merge="weights", epochs=3, lr=0.03)
    distances = np.array(record["member_distances"])
    assert distances.shape == (3,)
    assert record["merged_distance"] < distances.mean()  # the triangle inequality, strict unless all moved alike
    assert distances[1] < distances[0] < distances[2]  # half and twice the learning rate
    assert longer["merged_distance"] > record["merged_distance"]


def test_merged_members_are_pretrained_and_differ(bowl):
    heads = [fit(bowl[0], members=2, merge="weights", epochs=2, pretrain=passes)[0].to_bytes() for passes in (1, 2)]
    assert heads[0] != heads[1]


def test_a_fit_goes_on_from_a_head(bowl):
    train, valid = bowl
    start, _ = fit(train, valid)
    on, record = fit(train, valid, start=start, epochs=1, lr=1e-6)
    was, now = start.score(valid.items), on.score(valid.items)
    np.testing.assert_allclose(now - now.mean(), was - was.mean(), atol=2e-3)
    assert accuracy(on, valid) > 0.9 > accuracy(fit(train, valid, epochs=1, lr=1e-6)[0], valid)
    assert record["best_epochs"] == [1]
    assert fit(train, valid, start=start, members=2, epochs=1)[0].n_members == 2


def test_a_head_that_does_not_fit_is_no_start(bowl):
    train, valid = bowl
    three, _ = fit(train, members=3, epochs=1)
    with pytest.raises(OptionError, match=r"hidden of the mlp head is \[24, 24\].*has \[24\]\n.*give hidden \[24\]"):
        fit(train, valid, start=three, hidden=[24, 24])
    with pytest.raises(OptionError, match="2 members cannot start from a head of 3"):
        fit(train, valid, start=three, members=2)
    with pytest.raises(OptionError, match="of 3 that are to be merged"):
        fit(train, valid, start=three, members=3, merge="weights")
    with pytest.raises(OptionError, match="cannot go on from a linear head"):
        fit(train, valid, start=fit(train, valid, kind=LinearHead)[0])


WIDE = {"hidden": [1024, 64], "epochs": 2, "lr": 0.002}
"""Wide enough to train apart."""


@pytest.mark.parametrize("diversity", ["seed", "bootstrap", "split"])
def test_wide_members_train_apart_as_they_would_alone(bowl, diversity):
    train, valid = bowl
    both, record = fit(train, valid, members=2, diversity=diversity, **WIDE)
    first, second = both.members(train.items).T
    assert len(record["best_epochs"]) == 2
    assert np.abs(first - second).max() > 0.01
    if diversity == "seed":
        alone, _ = fit(train, valid, **WIDE)
        np.testing.assert_allclose(alone.score(train.items), first, atol=1e-3)
    assert fit(train, valid, members=2, diversity=diversity, **WIDE)[0].to_bytes() == both.to_bytes()


def test_precision_hardly_matters(bowl):
    half, full = (fit(*bowl, **WIDE | {"precision": how})[0] for how in ("bfloat16", "float32"))
    assert half.to_bytes() != full.to_bytes()
    rewards = half.score(bowl[1].items), full.score(bowl[1].items)
    assert np.corrcoef(*rewards)[0, 1] > 0.999


def test_wide_members_stop_when_told(bowl):
    left = iter(range(3))

    def poll(share, note):
        if next(left, None) is None:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted, match="stopped"):
        MLPHead.fit(
            *bowl,
            objective=OBJECTIVES["bt"](),
            options=WIDE | {"epochs": 500},
            members=3,
            merge=None,
            seed=0,
            poll=poll,
        )


def test_bootstrap_members_see_other_groups(bowl):
    by_seed, by_draw = (fit(bowl[0], members=2, epochs=1, diversity=how)[0] for how in ("seed", "bootstrap"))
    assert by_seed.to_bytes() != by_draw.to_bytes()


def test_torch_is_left_as_it_was(bowl):
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        before = torch.get_rng_state().tolist(), torch.get_num_threads(), torch.is_grad_enabled()
        fit(*bowl, epochs=1, dropout=0.2)
        assert (torch.get_rng_state().tolist(), torch.get_num_threads(), torch.is_grad_enabled()) == before
    finally:
        torch.set_num_threads(usual)


def test_a_member_stops_when_it_would_alone():
    train, valid = draw(120, 150, 30, lambda items: items[:, 0])
    course = {"patience": 1, "epochs": 40, "lr": 0.03, "batch_size": 10, "seed": 5}
    _, record = fit(train, valid, members=6, **course)
    _, alone = fit(train, valid, **course)
    # with this seed the first member would find a better epoch, had it been allowed to go on beside the others
    assert record["best_epochs"][0] == alone["best_epochs"][0] < alone["epochs"] < record["epochs"]


@pytest.mark.parametrize("options", [{"dropout": 0.3}, {"weight_decay": 0.1}, {"hidden": [8, 4]}, {"batch_size": 7}])
def test_every_option_changes_the_fit(bowl, options):
    train = replace(bowl[0], **{name: getattr(bowl[0], name)[:300] for name in ("chosen", "rejected", "prob")})
    train = replace(train, **{name: getattr(bowl[0], name)[:300] for name in ("margin", "weight", "group")})
    changed = fit(train, epochs=2, **options)[0].to_bytes()
    assert changed == fit(train, epochs=2, **options)[0].to_bytes()
    assert changed != fit(train, epochs=2)[0].to_bytes()


def test_scoring_is_the_arithmetic_of_the_layers():
    rng = np.random.default_rng(0)
    sizes = [5, 7, 6, 1]
    layers = [
        (rng.normal(size=(3, wide, narrow)).astype(np.float32), rng.normal(size=(3, narrow)).astype(np.float32))
        for wide, narrow in pairwise(sizes)
    ]
    items = rng.normal(size=(2 * CHUNK + 3, 5)).astype(np.float32)
    for member, rewards in enumerate(MLPHead(layers).members(items).T):
        hidden = items.astype(np.float64)
        for number, (weight, bias) in enumerate(layers):
            hidden = (np.maximum(hidden, 0) if number else hidden) @ weight[member] + bias[member]
        np.testing.assert_allclose(rewards, hidden[:, 0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("hidden", "stored"), [("published", [1024, 512]), (64, [64]), ([64, 32], [64, 32]), ((8,), [8])]
)
def test_hidden_takes_a_preset_a_width_or_a_list(hidden, stored):
    assert MLPHead.options({"hidden": hidden})["hidden"] == stored


@pytest.mark.parametrize("hidden", ["deep", [], [0], [2.5], [[3]], None, {}])
def test_impossible_hidden_is_refused(hidden):
    with pytest.raises(OptionError, match="hidden of the mlp head"):
        MLPHead.options({"hidden": hidden})


@pytest.mark.parametrize(
    "shapes",
    [
        {"weight.0": (1, 3, 4), "bias.0": (1, 4)},
        {"weight.0": (1, 3, 4), "bias.0": (1, 4), "weight.1": (1, 5, 1), "bias.1": (1, 1)},
        {"weight.0": (1, 3, 4), "bias.0": (1, 4), "weight.1": (2, 4, 1), "bias.1": (2, 1)},
        {"weight.0": (1, 3, 4), "bias.0": (1, 4), "weight.1": (1, 4, 2), "bias.1": (1, 2)},
        {"weight.0": (1, 3, 4), "bias.0": (4,), "weight.1": (1, 4, 1), "bias.1": (1,)},
        {"weight.0": (3, 4), "bias.0": (4,), "weight.1": (4, 1), "bias.1": (1,)},
        {"other": (1,), "weight.0": (1, 3, 4)},
        {},
    ],
)
def test_layers_that_do_not_fit_together_are_refused(shapes):
    tensors = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
    with pytest.raises(BadFileError, match="cannot read a mlp head"):
        MLPHead.from_bytes(serial.pack("mlp", tensors))


def test_weights_that_are_no_numbers_are_refused():
    broken = np.full((1, 3), np.nan, dtype=np.float32)
    with pytest.raises(BadFileError, match="not a finite"):
        LinearHead.from_bytes(serial.pack("linear", {"weights": broken, "bias": np.zeros(1)}))
    with pytest.raises(BadFileError, match="weights .members, dim. and bias"):
        LinearHead.from_bytes(serial.pack("linear", {"weights": np.zeros((2, 3)), "bias": np.zeros(1)}))
