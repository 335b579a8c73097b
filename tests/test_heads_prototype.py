"""The prototype head: what one prototype is, where prototypes are, when they grow, what the objective moves."""

from dataclasses import replace

import numpy as np
import pytest

from rmstore.errors import BadFileError, OptionError
from rmstore.heads import serial
from rmstore.heads.base import Pairs
from rmstore.heads.linear import LinearHead
from rmstore.heads.pairs import labels
from rmstore.heads.prototype import CHUNK, PrototypeHead
from rmstore.heads.prototype_growth import distances, grow, k_means
from rmstore.heads.prototype_training import PrototypeNet, Pull, Weights, certainty, within_prompts
from rmstore.heads.torch_training import _descend
from rmstore.objectives import OBJECTIVES

DIM = 8
UP = np.random.default_rng(0).normal(size=DIM)
UP *= 1.5 / np.linalg.norm(UP)


def gaussians(n_prompts, seed, *, noise=1.0, topic=4.0, prompts_differ=True):
    """One pair per prompt: chosen around topic + UP, rejected around topic - UP, round noise."""
    rng = np.random.default_rng(seed)
    topics = topic * rng.normal(size=(n_prompts, DIM)) if prompts_differ else np.zeros((n_prompts, DIM))
    sides = [topics + sign * UP + noise * rng.normal(size=(n_prompts, DIM)) for sign in (1, -1)]
    rows, ones = np.arange(n_prompts), np.ones(n_prompts)
    return Pairs(np.concatenate(sides).astype(np.float32), rows, rows + n_prompts, ones, 0 * ones, ones, rows)


TRAIN, VALID = gaussians(1000, 1), gaussians(300, 2)
ITEMS = VALID.items


def fit(train=TRAIN, valid=None, *, kind=PrototypeHead, objective="bt", members=1, merge=None, seed=0, start=None,
        **options):  # fmt: skip
    return kind.fit(
        train, valid, objective=OBJECTIVES[objective](), options=options, members=members, merge=merge, seed=seed,
        poll=lambda share, note: None, start=start,
    )  # fmt: skip


def accuracy(head, pairs=VALID):
    reward = head.score(pairs.items)
    return np.mean(reward[pairs.chosen] > reward[pairs.rejected])


def by_hand(weights, items):
    """Rewards from the formula, (n, members) float64."""
    rewards, start = [], 0
    for member, (n_chosen, n_rejected) in enumerate(weights.counts):
        classes = []
        for n in (n_chosen, n_rejected):
            held = weights.prototypes[start : start + n].astype(np.float64)
            start += n
            away = np.square(items[:, None].astype(np.float64) - held).sum(axis=2)
            classes.append(np.logaddexp.reduce(-away / weights.tau[member], axis=1))
        rewards.append(classes[0] - classes[1] + items @ weights.linear[member] + weights.bias[member])
    return np.stack(rewards, axis=1)


def random_weights(counts, dim=DIM, seed=3):
    rng = np.random.default_rng(seed)
    counts = np.array(counts)
    drawn = [(counts.sum(), dim), (len(counts), dim), (len(counts),)]
    prototypes, linear, bias = (rng.normal(size=shape).astype(np.float32) for shape in drawn)
    return Weights(prototypes + 2, counts, rng.uniform(1, 9, len(counts)).astype(np.float32), linear, bias)


def test_scores_are_those_of_the_formula():
    weights = random_weights([[1, 3], [4, 2], [2, 2]])
    items = np.random.default_rng(1).normal(size=(CHUNK + 7, DIM)).astype(np.float32)
    np.testing.assert_allclose(PrototypeHead(weights).members(items), by_hand(weights, items), rtol=1e-4, atol=1e-4)


def test_far_vectors_do_not_overflow():
    weights = replace(random_weights([[3, 2]]), tau=np.array([1e-4], np.float32))
    far = 100 * ITEMS
    found = PrototypeHead(weights).score(far)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, by_hand(weights, far)[:, 0], rtol=1e-3)


def test_one_prototype_each_is_linear_along_their_difference():
    """Section 5: K = 1 and g = 0 give r = (2 / tau) e . (p^w - p^l) + const."""
    head, record = fit(learn="none", threshold=1)
    assert record["prototypes"] == [[1, 1]]
    chosen, rejected = head.weights.prototypes.astype(np.float64)
    expected = 2 / head.weights.tau[0] * ITEMS @ (chosen - rejected)
    reward = head.score(ITEMS)
    np.testing.assert_allclose(reward - reward.mean(), expected - expected.mean(), atol=1e-3)
    assert not head.weights.linear.any()


def test_two_round_gaussians_give_the_bayes_rule():
    """Section 5: direction, and with tau twice the variance, also the log-odds."""
    head, _ = fit(learn="none", threshold=1)
    chosen, rejected = head.weights.prototypes
    gap = chosen - rejected
    assert gap @ UP / np.linalg.norm(gap) / np.linalg.norm(UP) > 0.995
    np.testing.assert_allclose(gap, 2 * UP, atol=0.2)
    assert head.weights.tau[0] == pytest.approx(2.0, rel=0.1)
    loud, record = fit(gaussians(1000, 1, noise=3.0), learn="none", threshold=1)
    assert loud.weights.tau[0] == pytest.approx(18.0, rel=0.1)
    given, _ = fit(gaussians(1000, 1, noise=3.0), learn="none", threshold=1, tau=record["tau"][0])
    assert given.weights.tau[0] == pytest.approx(float(loud.weights.tau[0]))
    assert accuracy(head) == pytest.approx(accuracy(fit(kind=LinearHead)[0]), abs=0.02)


def test_prototypes_are_of_prompts_not_of_topics():
    train, valid = gaussians(1000, 1, topic=20.0), gaussians(300, 2, topic=20.0)
    within, across = (fit(train, learn="none", prototypes=4, centre=centre)[0] for centre in ("prompt", "all"))
    near, far = (
        np.sqrt(distances(head.weights.prototypes[: head.weights.counts[0, 0]], train.items.mean(axis=0)[None] + UP))
        for head in (within, across)
    )
    assert near.max() < 3.5  # a side is noise of its own, less that of its pair, around UP
    assert far.max() > 8
    assert accuracy(within, valid) > accuracy(across, valid)


def test_vectors_are_centred_on_the_distinct_items_of_their_prompt():
    items = np.array([[0, 0], [6, 0], [0, 6], [1, 1], [3, 5], [9, 9]], np.float32)
    ones = np.ones(5)
    pairs = Pairs(items, np.array([0, 0, 1, 3, 2]), np.array([1, 2, 2, 4, 3]), ones, 0 * ones, ones,
                  np.array([0, 0, 0, 1, 2]))  # fmt: skip
    centred, n_means = within_prompts(pairs)
    assert n_means == 3
    # means: (2, 2) of items 0, 1, 2; (2, 3) of items 3, 4; (0.5, 3.5) of items 2, 3
    expected = [[-2, -2], [4, -2], [0 - 1.25, 6 - 2.75], [1 - 1.25, 1 - 3.25], [1, 2], [9, 9]]
    np.testing.assert_allclose(centred, expected)
    assert items[0].tolist() == [0, 0]


def blobs(sizes, seed=0, dim=5, far=20.0):
    """Round clouds of unit variance around far corners."""
    rng = np.random.default_rng(seed)
    centres = far * np.eye(dim)[: len(sizes)]
    return np.concatenate([c + rng.normal(size=(n, dim)) for c, n in zip(centres, sizes, strict=True)]), centres


def grown(x, begin, reach, *, most=32, rounds=10, weight=None):
    weight = np.ones(len(x)) if weight is None else weight
    return grow(x, weight, begin, 2.0, reach, most, rounds, lambda: None)


def test_prototypes_grow_where_nothing_is_near():
    x, centres = blobs([300, 60, 60])
    found = grown(x, centres[:1], reach=100.0)
    assert len(found) == 3
    assert distances(centres, found).min(axis=1).max() < 0.2


def test_nothing_beyond_the_reach_leaves_their_number():
    """Section 5: no sample beyond t, constant count; they still move to their means."""
    x, centres = blobs([300, 60, 60])
    for begin in (centres[:1], centres[:2] + 1):
        found = grown(x, begin, reach=float(distances(x, begin).min(axis=1).max() + 1e4))
        assert len(found) == len(begin)
    np.testing.assert_allclose(grown(x, centres[:1], reach=1e9)[0], x.mean(axis=0))


def test_strays_get_no_prototype_and_the_cap_holds():
    x, centres = blobs([500, 60, 60])
    strays = np.concatenate([x, -100 * np.eye(5)])
    assert len(grown(strays, centres[:1], reach=100.0)) == 3
    assert len(grown(x, centres[:1], reach=100.0, most=2)) == 2
    assert len(grown(x, centres[:1], reach=100.0, rounds=2)) == 2
    assert len(grown(x, centres[:1], reach=100.0, rounds=1)) == 1


def test_empty_prototypes_are_dropped():
    x, centres = blobs([300, 60])
    nowhere = np.concatenate([centres, np.full((2, 5), -50.0)])
    np.testing.assert_allclose(grown(x, nowhere, reach=1e9), grown(x, centres, reach=1e9))


def test_a_fit_grows_to_the_clusters_of_a_class():
    rng = np.random.default_rng(4)
    ones, rows = np.ones(900), np.arange(900)
    corners = np.array([[8, 0], [-8, 0], [0, 0]])[np.repeat([0, 1, 2], [700, 100, 100])]
    chosen = np.concatenate([corners, np.zeros((900, 3))], axis=1) + rng.normal(size=(900, 5))
    rejected = rng.normal(size=(900, 5)) + np.array([0, 8, 0, 0, 0])
    pairs = Pairs(np.concatenate([chosen, rejected]).astype(np.float32), rows, rows + 900, ones, 0 * ones, ones, rows)
    flat, deep = (fit(pairs, learn="none", centre="all", threshold=threshold)[0].weights for threshold in (1, 0.85))
    assert flat.counts.tolist() == [[1, 1]]
    held = deep.prototypes[: deep.counts[0, 0]]
    wanted = np.concatenate([np.unique(corners, axis=0), np.zeros((3, 3))], axis=1)
    assert distances(wanted, held).min(axis=1).max() < 2
    assert distances(wanted, flat.prototypes[:1]).min(axis=1).max() > 50


def test_k_means_finds_weighted_centres():
    x, centres = blobs([50, 50, 50])
    found = k_means(x, np.ones(150), 3, np.random.default_rng(0))
    assert distances(centres, found).min(axis=1).max() < 0.5
    weight = np.where(np.arange(150) < 50, 1.0, 1e-12)
    np.testing.assert_allclose(k_means(x, weight, 1, np.random.default_rng(0))[0], x[:50].mean(axis=0), atol=1e-6)
    assert len(k_means(np.repeat(x[:2], 20, axis=0), np.ones(40), 5, np.random.default_rng(0))) == 2


def test_unclear_votes_count_less():
    prob = np.linspace(0.5, 1, len(TRAIN))
    assert certainty(replace(TRAIN, prob=prob)).tolist() == (2 * prob - 1).tolist()
    assert certainty(replace(TRAIN, prob=np.full(len(TRAIN), 0.5))).tolist() == [1.0] * len(TRAIN)
    half = np.arange(1000) < 500
    turned = replace(TRAIN, prob=np.where(half, 1.0, 0.5), chosen=np.where(half, TRAIN.chosen, TRAIN.rejected),
                     rejected=np.where(half, TRAIN.rejected, TRAIN.chosen))  # fmt: skip
    assert accuracy(fit(turned, objective="soft", learn="none", threshold=1)[0]) > 0.85


def test_classes_that_are_alike_give_no_reward():
    both = replace(TRAIN, **{name: np.tile(array, 2) for name, array in vars(TRAIN).items()
                             if isinstance(array, np.ndarray) and name != "items"})  # fmt: skip
    both = replace(both, chosen=np.concatenate([TRAIN.chosen, TRAIN.rejected]),
                   rejected=np.concatenate([TRAIN.rejected, TRAIN.chosen]))  # fmt: skip
    assert np.abs(fit(both, learn="none", prototypes=4)[0].score(ITEMS)).max() < 1e-3


def test_what_learns_moves_and_what_does_not_stays():
    options = {"prototypes": 2, "epochs": 3, "tau": 1.0}
    still, linear, moved = (fit(learn=learn, **options)[0].weights for learn in ("none", "linear", "all"))
    np.testing.assert_allclose(linear.prototypes, still.prototypes, rtol=1e-5, atol=1e-5)
    assert not still.linear.any()
    assert linear.linear.any()
    assert moved.linear.any()
    assert np.abs(moved.prototypes - still.prototypes).max() > 1e-3
    unpulled = fit(pull=0, **options)[0].weights
    assert np.abs(unpulled.prototypes - moved.prototypes).max() > 1e-4


def test_prototypes_learn_what_no_linear_head_can():
    rng = np.random.default_rng(5)
    items = rng.normal(size=(2000, 4)).astype(np.float32)
    left, right = rng.integers(2000, size=(2, 3000))
    near = np.square(items).sum(axis=1)
    swap = near[left] > near[right]
    chosen, rejected = np.where(swap, right, left), np.where(swap, left, right)
    ones = np.ones(3000)
    pairs = Pairs(items, chosen, rejected, ones, 0 * ones, ones, np.arange(3000))
    head, _ = fit(pairs, prototypes=8, centre="all", lr=0.02, epochs=20)
    assert accuracy(head, pairs) > 0.85
    assert accuracy(fit(pairs, kind=LinearHead)[0], pairs) < 0.6


def test_little_data_is_used_better_than_by_a_line():
    """Few pairs, round noise: the difference of means has nothing to overfit."""
    few = gaussians(12, 7, noise=1.5)
    assert accuracy(fit(few, learn="none", threshold=1)[0]) > accuracy(fit(few, kind=LinearHead)[0])


def test_the_unit_and_origin_of_the_vectors_do_not_matter():
    options = {"prototypes": 3, "epochs": 3}
    near, _ = fit(**options)
    moved = replace(TRAIN, items=TRAIN.items * np.float32(16) + np.float32(5))
    far, _ = fit(moved, **options)
    np.testing.assert_allclose(far.score(ITEMS * 16 + 5), near.score(ITEMS), atol=0.02)


def test_weights_over_other_units_are_the_same_head():
    weights = random_weights([[1, 3], [4, 2]])
    centre, spread = np.arange(DIM, dtype=np.float32), 2.5
    inner = weights.scaled(centre, spread)
    there, here = by_hand(inner, (ITEMS - centre) / spread), by_hand(weights, ITEMS)
    np.testing.assert_allclose(there, here, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(by_hand(inner.original(centre, spread), ITEMS), here, rtol=1e-3, atol=1e-3)


def test_a_fit_goes_on_from_a_head():
    first, _ = fit(members=2, prototypes=2, diversity="bootstrap", epochs=5)
    still, _ = fit(members=3, epochs=1, lr=1e-9, start=first)
    expected = first.members(ITEMS)
    np.testing.assert_allclose(still.members(ITEMS), expected[:, [0, 1, 0]], atol=1e-2)
    merged, _ = fit(members=3, epochs=1, lr=1e-9, start=first, merge="weights")
    np.testing.assert_allclose(merged.score(ITEMS), expected[:, 0], atol=1e-2)
    with pytest.raises(OptionError, match="cannot go on from"):
        fit(start=LinearHead(np.ones((1, DIM), np.float32), np.zeros(1, np.float32)))


def test_averaged_weights_of_single_prototypes_are_the_ensemble_mean():
    options = {"members": 3, "threshold": 1, "epochs": 4, "diversity": "bootstrap", "tau": 1.0}
    merged, _ = fit(merge="weights", **options)
    apart, _ = fit(**options)
    assert (merged.n_members, apart.n_members) == (1, 3)
    averaged = PrototypeHead(apart.weights.mean()).score(ITEMS) - apart.score(ITEMS)
    np.testing.assert_allclose(averaged, averaged.mean(), atol=2e-3)
    assert accuracy(merged) > 0.9


def test_members_of_unequal_size_live_side_by_side():
    head, record = fit(gaussians(100, 6), members=4, prototypes=2, diversity="bootstrap", learn="none")
    assert len({tuple(counts) for counts in record["prototypes"]}) > 1
    np.testing.assert_allclose(head.members(ITEMS), by_hand(head.weights, ITEMS), rtol=1e-3, atol=1e-2)


def test_the_level_is_learned_where_it_is_seen():
    flat = gaussians(600, 8, prompts_differ=False)
    reward = fit(flat, objective="classification", epochs=20)[0].score(flat.items)
    assert np.mean(reward[flat.chosen] > 0) > 0.9
    assert np.mean(reward[flat.rejected] < 0) > 0.9


@pytest.mark.parametrize("objective", ["squared", "logistic"])
def test_single_items_are_refused(objective):
    rated = replace(TRAIN, rejected=TRAIN.chosen, value=np.ones(len(TRAIN)))
    with pytest.raises(OptionError, match=f"cannot train the objective '{objective}'.*\n.*hint: train pairs"):
        fit(rated, objective=objective)


@pytest.mark.parametrize("objective", ["bt", "classification"])
@pytest.mark.parametrize("pull", [0, 0.7])
def test_gradients_agree_with_finite_differences(objective, pull):
    """Of the whole loss of a batch, with weights, padding, and classes of unequal size."""
    import torch

    weights = np.random.default_rng(1).uniform(0.5, 2, (2, len(TRAIN)))
    train = replace(TRAIN, items=TRAIN.items.astype(np.float64) / 4, prob=np.linspace(0.6, 1, len(TRAIN)))
    begin = random_weights([[1, 3], [4, 2]])
    begin = Weights(begin.prototypes - 2.0, begin.counts, *(
        part.astype(np.float64) for part in (begin.tau, begin.linear, begin.bias)
    ))  # fmt: skip
    begin = replace(begin, prototypes=begin.prototypes.astype(np.float64))
    extra = Pull(pull, train, within_prompts(train)[0], weights) if pull else None
    net = PrototypeNet(begin, located=objective != "bt", moving=True, pull=extra)
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
            return total + (float(net.penalty(batch).sum()) if pull else 0)

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


@pytest.mark.parametrize(
    "changes",
    [
        {"counts": np.array([[1, 3], [4, 0.5]])},
        {"counts": np.array([[1, 3], [5, 2]])},
        {"counts": np.array([[4, 0], [4, 2]])},
        {"counts": np.zeros((0, 2))},
        {"counts": np.array([1, 3, 4, 2])},
        {"tau": np.zeros(2)},
        {"tau": None},
        {"linear": np.zeros((2, DIM + 1))},
        {"bias": np.zeros(3)},
        {"prototypes": np.zeros((10, DIM + 1))},
        {"prototypes": np.zeros(())},
        {"extra": np.zeros(1)},
    ],
)
def test_tensors_that_do_not_belong_together_are_refused(changes):
    head = PrototypeHead(random_weights([[1, 3], [4, 2]]))
    tensors, _ = serial.unpack("prototype", head.to_bytes())
    changed = {name: array for name, array in (tensors | changes).items() if array is not None}
    with pytest.raises(BadFileError, match="cannot read a prototype head"):
        PrototypeHead.from_bytes(serial.pack("prototype", changed))
