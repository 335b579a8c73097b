"""The LightGBM head: known answers, summed gradients, early stopping, its file."""

import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from rmstore.errors import BadFileError, InputError, OptionError
from rmstore.heads.base import Pairs
from rmstore.heads.lightgbm import TRAILER, LightGBMHead
from rmstore.heads.lightgbm_training import Trainer
from rmstore.heads.pairs import mean_loss
from rmstore.objectives import OBJECTIVES
from rmstore.objectives.base import Labels

QUICK = {"threads": 1, "lr": 0.2, "feature_fraction": 1.0, "l2": 1.0}


def gold(items):
    """A reward of steps, which trees can learn and a linear head cannot."""
    return np.sign(items[:, 0]) * np.sign(items[:, 1]) + 0.1 * items[:, 2]


def draw(n_items, n_pairs, seed=0):
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(n_items, 3)).astype(np.float32)
    left = rng.integers(n_items, size=n_pairs)
    right = (left + rng.integers(1, n_items, size=n_pairs)) % n_items
    wins = gold(items)[left] > gold(items)[right]
    chosen, rejected = np.where(wins, left, right), np.where(wins, right, left)
    return Pairs(items, chosen, rejected, np.ones(n_pairs), np.zeros(n_pairs), np.ones(n_pairs), np.arange(n_pairs))


def take(pairs, rows):
    names = "chosen", "rejected", "prob", "margin", "weight", "group"
    return replace(pairs, **{name: getattr(pairs, name)[rows] for name in names})


ALL = draw(1000, 3000)
TRAIN, VALID = take(ALL, slice(2000)), take(ALL, slice(2000, None))


def fit(train=TRAIN, valid=None, *, objective="bt", members=1, merge=None, seed=0, start=None, **options):
    return LightGBMHead.fit(
        train,
        valid,
        objective=OBJECTIVES[objective](),
        options=QUICK | {"trees": 40} | options,
        members=members,
        merge=merge,
        seed=seed,
        poll=lambda share, note: None,
        start=start,
    )


@pytest.mark.parametrize("objective", ["bt", "margin", "soft", "hinge", "classification"])
def test_learns_steps_with_every_objective(objective):
    reward = fit(objective=objective)[0].score(VALID.items)
    assert np.mean(reward[VALID.chosen] > reward[VALID.rejected]) > 0.85


def test_gradients_are_summed_onto_items():
    rng = np.random.default_rng(3)
    known = {"prob": rng.uniform(0.5, 1, 40), "margin": rng.uniform(0, 1, 40)}
    pairs = replace(take(draw(8, 200), slice(40)), **known)
    weight, rewards = rng.exponential(size=40), rng.normal(size=8)
    objective = OBJECTIVES["soft"]()
    trainer = Trainer(pairs, None, objective, LightGBMHead.options({}))
    gradient, bend = trainer._derivatives(rewards, weight)
    expected = np.zeros((2, 8))
    for pair in range(40):
        sides = pairs.chosen[pair], pairs.rejected[pair]
        one = [rewards[[side]] for side in sides], Labels(pairs.prob[[pair]], pairs.margin[[pair]])
        for total, method in zip(expected, (objective.gradient, objective.curvature), strict=True):
            for side, value in zip(sides, method(*one[0], one[1]), strict=True):
                total[side] += weight[pair] * value[0]
    np.testing.assert_allclose(np.stack([gradient, bend]), expected, rtol=1e-12)
    assert gradient.sum() == pytest.approx(0, abs=1e-12)


def test_weight_two_is_two_rows():
    twice = take(TRAIN, np.concatenate([np.arange(2000), np.arange(700)]))
    weight = np.where(np.arange(2000) < 700, 2.0, 1.0)
    one, other = fit(twice)[0], fit(replace(TRAIN, weight=weight))[0]
    np.testing.assert_allclose(one.score(ALL.items), other.score(ALL.items), atol=1e-4)


@pytest.mark.parametrize("members", [1, 2])
def test_weights_that_are_all_small_are_taken_by_their_ratios(members):
    weight = np.where(np.arange(2000) < 700, 1.0, 0.5)
    one = fit(replace(TRAIN, weight=weight), members=members)[0]
    other = fit(replace(TRAIN, weight=weight / 2**20), members=members)[0]
    assert other.members(TRAIN.items) == pytest.approx(one.members(TRAIN.items), abs=1e-5)


def test_the_best_number_of_trees_is_kept():
    noisy = take(TRAIN, slice(300))
    flipped = np.arange(300) % 4 == 0
    noisy = replace(
        noisy,
        chosen=np.where(flipped, noisy.rejected, noisy.chosen),
        rejected=np.where(flipped, noisy.chosen, noisy.rejected),
    )
    head, record = fit(noisy, VALID, trees=None, patience=5)
    assert 1 <= record["trees"][0] < 100
    assert mean_loss(OBJECTIVES["bt"](), head.score(VALID.items), VALID) == pytest.approx(
        record["valid_loss"], rel=1e-5
    )
    longer, _ = fit(noisy, trees=record["trees"][0] + 30)
    assert mean_loss(OBJECTIVES["bt"](), longer.score(VALID.items), VALID) > record["valid_loss"]


def test_without_validation_the_number_of_trees_is_exact():
    assert fit(trees=7)[1] == {"trees": [7]}


def test_trees_cannot_be_averaged():
    with pytest.raises(OptionError, match="merge is 'weights', but trees have no weights"):
        fit(members=2, merge="weights")


@pytest.mark.parametrize("diversity", ["bootstrap", "seed"])
def test_members_differ(diversity):
    members = fit(members=2, trees=5, feature_fraction=0.5, diversity=diversity)[0].members(ALL.items)
    assert np.abs(members[:, 0] - members[:, 1]).max() > 0.01


def test_lightgbm_reads_a_head_of_one_member(tmp_path):
    import lightgbm

    head, _ = fit()
    path = tmp_path / "head.txt"
    path.write_bytes(head.to_bytes())
    alone = lightgbm.Booster(model_file=str(path)).predict(ALL.items, raw_score=True)
    np.testing.assert_allclose(alone, head.score(ALL.items), rtol=1e-6)


def test_the_file_is_text():
    data = fit(members=2, trees=3)[0].to_bytes()
    assert data.decode("utf-8").startswith("tree\n")


def test_changed_trees_are_refused():
    data = fit(trees=3)[0].to_bytes()
    with pytest.raises(BadFileError, match="changed or cut short"):
        LightGBMHead.from_bytes(data.replace(b"leaf_value=", b"leaf_value=9", 1))


@pytest.mark.parametrize(
    "change", [{"kind": "mlp"}, {"version": 2}, {"sizes": []}, {"sizes": "12"}, {"sha256": None}, {"sizes": [3]}]
)
def test_a_wrong_last_line_is_refused(change):
    body, _, line = fit(trees=3)[0].to_bytes().rpartition(TRAILER)
    with pytest.raises(BadFileError):
        LightGBMHead.from_bytes(body + TRAILER + json.dumps(json.loads(line) | change).encode())


def test_text_that_is_no_tree_is_refused(capfd):
    body = b"not a tree"
    line = {"kind": "lightgbm", "version": 1, "threads": 0, "sizes": [10], "sha256": sha256(body).hexdigest()}
    with pytest.raises(BadFileError):
        LightGBMHead.from_bytes(body + TRAILER + json.dumps(line).encode())


def test_items_that_are_all_the_same_are_refused():
    with pytest.raises(InputError, match="the same vector"):
        fit(replace(TRAIN, items=np.ones_like(TRAIN.items)))


def test_nothing_is_printed(capfd):
    head, _ = fit(take(TRAIN, slice(12)), VALID, members=2, trees=3)
    LightGBMHead.from_bytes(head.to_bytes()).score(ALL.items)
    assert capfd.readouterr() == ("", "")


def test_starting_goes_on_where_the_other_stopped():
    """With all features and no draw, 15 trees and then 25 are the 40 of one fit."""
    whole, first = fit(diversity="seed", trees=40)[0], fit(diversity="seed", trees=15)[0]
    both, record = fit(diversity="seed", trees=25, start=first)
    assert record == {"trees": [40]}
    np.testing.assert_allclose(both.score(ALL.items), whole.score(ALL.items), atol=1e-4)


def test_members_go_on_from_their_own_or_from_the_only_one():
    two, one = fit(members=2, trees=5)[0], fit(trees=5)[0]
    assert fit(members=2, trees=3, start=two)[1] == {"trees": [8, 8]}
    assert fit(members=3, trees=3, start=one)[1] == {"trees": [8, 8, 8]}
    with pytest.raises(OptionError, match="3 members cannot go on from 2.*\n.*members := 2"):
        fit(members=3, start=two)


def test_a_start_that_cannot_be_bettered_is_kept():
    good, record = fit(valid=VALID, trees=60)
    backwards = replace(TRAIN, chosen=TRAIN.rejected, rejected=TRAIN.chosen)
    kept, other = fit(backwards, VALID, trees=10, start=good)
    np.testing.assert_array_equal(kept.score(ALL.items), good.score(ALL.items))
    assert other["trees"] == record["trees"]
    assert other["valid_loss"] == pytest.approx(record["valid_loss"], rel=1e-5)


def test_a_fit_cannot_go_on_from_another_kind_or_width():
    from rmstore.heads.linear import LinearHead

    for start in (
        LinearHead(np.ones((1, 3), dtype=np.float32), np.zeros(1, dtype=np.float32)),
        fit(replace(TRAIN, items=TRAIN.items[:, :2].copy()), trees=3)[0],
    ):
        with pytest.raises(OptionError, match=f"cannot go on from a {start.kind} head of width {start.dim}"):
            fit(start=start)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize(("objective", "level"), [("squared", 30.0), ("logistic", 0.9)])
def test_single_items_start_at_their_level(objective, level, members):
    """Few and small trees are enough to be right on average, and the level is in the file."""
    value = np.random.default_rng(0).normal(level, 2, 2000) if objective == "squared" else np.full(2000, level)
    rated = replace(TRAIN, rejected=TRAIN.chosen, value=value)
    head, _ = fit(rated, objective=objective, members=members, trees=2, lr=0.01)
    expected = value.mean() if objective == "squared" else np.log(level / (1 - level))
    again = LightGBMHead.from_bytes(head.to_bytes())
    assert again.score(ALL.items[TRAIN.chosen]).mean() == pytest.approx(expected, abs=0.1)


def test_ratings_are_predicted():
    value = gold(ALL.items)[TRAIN.chosen] + 7
    head, _ = fit(replace(TRAIN, rejected=TRAIN.chosen, value=value), objective="squared", trees=100)
    assert np.mean((head.score(ALL.items) - gold(ALL.items) - 7) ** 2) < 0.1 * np.var(gold(ALL.items))
