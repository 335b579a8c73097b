"""The linear head: known answers, its optimum, its choice of l2, its ensembles."""

from dataclasses import replace

import numpy as np
import pytest

from rmstore.errors import OptionError
from rmstore.heads.base import Pairs
from rmstore.heads.linear import LinearHead
from rmstore.heads.pairs import bootstrap, labels
from rmstore.objectives import OBJECTIVES


def make_pairs(items, chosen, rejected, **known):
    p = len(chosen)
    filled = {"prob": np.ones(p), "margin": np.zeros(p), "weight": np.ones(p), "group": np.arange(p)} | known
    return Pairs(items, np.asarray(chosen), np.asarray(rejected), **filled)


def draw(n_items, n_pairs, dim, *, seed=0, scale=1.0, noisy=True):
    """Items and preferences drawn from a known reward direction; noiseless ones follow it always."""
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(n_items, dim)).astype(np.float32)
    direction = scale * rng.normal(size=dim)
    left = rng.integers(n_items, size=n_pairs)
    right = (left + rng.integers(1, n_items, size=n_pairs)) % n_items
    gap = (items[left] - items[right]) @ direction
    wins = rng.random(n_pairs) < 1 / (1 + np.exp(-gap)) if noisy else gap > 0
    return make_pairs(items, np.where(wins, left, right), np.where(wins, right, left)), direction


def split(pairs, n_train):
    """The first pairs, and the others over the same items."""
    names = "chosen", "rejected", "prob", "margin", "weight", "group"
    return (
        replace(pairs, **{name: getattr(pairs, name)[part] for name in names})
        for part in (slice(n_train), slice(n_train, None))
    )


def fit(train, valid=None, *, objective="bt", members=1, merge=None, seed=0, **options):
    return LinearHead.fit(
        train,
        valid,
        objective=OBJECTIVES[objective](),
        options=options,
        members=members,
        merge=merge,
        seed=seed,
        poll=lambda share, note: None,
    )


def weights_of(*arguments, **options):
    return fit(*arguments, **options)[0].weights[0].astype(np.float64)


def differences(pairs):
    return (pairs.items[pairs.chosen] - pairs.items[pairs.rejected]).astype(np.float64)


def reference(rows, labels, l2, *, weight=None, intercept=False):
    """Scikit-learn's optimum at the same strength of the penalty beside the mean loss."""
    from sklearn.linear_model import LogisticRegression

    total = len(rows) if weight is None else weight.sum()
    solver = LogisticRegression(C=1 / (l2 * total), fit_intercept=intercept, tol=1e-10, max_iter=5000)
    return solver.fit(rows, labels, sample_weight=weight)


def both_orders(z):
    return np.concatenate([z, -z]), np.repeat([1, 0], len(z))


def test_noiseless_preferences_recover_the_direction():
    drawn, direction = draw(4000, 8800, 8, noisy=False)
    head, _ = fit(*split(drawn, 8000))
    weights = head.weights[0]
    assert weights @ direction / np.linalg.norm(weights) / np.linalg.norm(direction) > 0.9995
    fresh = np.random.default_rng(9).normal(size=(1000, 8)).astype(np.float32)
    rank, gold = (np.argsort(np.argsort(x)) for x in (head.score(fresh), fresh @ direction))
    assert np.corrcoef(rank, gold)[0, 1] > 0.9995


def test_levels_of_prompts_cancel_for_bt_and_drown_classification():
    """Without a prompt effect the two come close; with a strong one classification needs more data."""
    rng = np.random.default_rng(4)
    direction = np.array([4, -2, 1, -1, 0.5, 0.25])
    own = rng.normal(size=(600, 6)) @ np.diag([0.2, 0.5, 1, 1, 2, 4])
    level = np.repeat(rng.normal(size=(300, 6)), 2, axis=0)
    left, right = np.arange(0, 600, 2), np.arange(1, 600, 2)
    wins = rng.random(300) < 1 / (1 + np.exp(-(own[left] - own[right]) @ direction))

    def cosine(objective, effect):
        items = (own + effect * level).astype(np.float32)
        train = make_pairs(items, np.where(wins, left, right), np.where(wins, right, left))
        weights = weights_of(train, objective=objective, l2=1e-3)
        return weights @ direction / np.linalg.norm(weights) / np.linalg.norm(direction)

    assert cosine("bt", 0) > 0.99 and cosine("classification", 0) > 0.99
    assert cosine("bt", 5) == pytest.approx(cosine("bt", 0), abs=1e-6)
    assert cosine("classification", 5) < 0.5


def test_noisy_preferences_recover_direction_and_scale():
    train, direction = draw(3000, 60000, 6)
    assert np.abs(weights_of(train, l2=1e-6) - direction).max() < 0.06


@pytest.mark.parametrize(
    ("n_items", "n_pairs", "dim"),
    [(60, 900, 5), (4000, 900, 20), (30, 12, 60), (3000, 1500, 1), (9000, 4000, 40)],
    ids=["few items", "own items", "wide", "one column", "many"],
)
@pytest.mark.parametrize("l2", [0.1, 1e-3])
def test_optimum_is_scikit_learns(n_items, n_pairs, dim, l2):
    train, _ = draw(n_items, n_pairs, dim)
    expected = reference(*both_orders(differences(train)), l2).coef_[0]
    np.testing.assert_allclose(weights_of(train, l2=l2), expected, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("n_items", [300, 60_000], ids=["few items", "own items"])
def test_optimum_of_many_pairs_is_scikit_learns(n_items):
    """So many that a sample shows where to begin; the end is the same."""
    train, _ = draw(n_items, 30_000, 12, scale=0.7)
    expected = reference(*both_orders(differences(train)), 1e-4).coef_[0]
    np.testing.assert_allclose(weights_of(train, l2=1e-4), expected, atol=1e-5)


def test_a_sample_that_weighs_nothing_is_passed_over():
    """One pair in ten thousand counts, most likely none of those that would show where to begin."""
    train, _ = draw(300, 20_000, 5)
    counts = np.arange(20_000) % 9973 == 0
    lone = make_pairs(train.items, train.chosen[counts], train.rejected[counts])
    np.testing.assert_allclose(
        weights_of(replace(train, weight=counts.astype(float)), l2=0.1), weights_of(lone, l2=0.1), atol=1e-6
    )


def test_weighted_optimum_is_scikit_learns():
    train, _ = draw(300, 900, 10)
    weight = np.random.default_rng(1).exponential(size=900)
    expected = reference(*both_orders(differences(train)), 0.01, weight=np.tile(weight, 2)).coef_[0]
    np.testing.assert_allclose(weights_of(replace(train, weight=weight), l2=0.01), expected, atol=1e-5)


def test_classification_optimum_is_scikit_learns():
    train, _ = draw(500, 900, 10)
    rows = np.concatenate([train.items[train.chosen], train.items[train.rejected]]).astype(np.float64)
    # a pair's loss sums two rows, so the mean over rows is half of it
    solved = reference(rows + 3, np.repeat([1, 0], 900), 0.01 / 2, intercept=True)
    head, _ = fit(replace(train, items=train.items + np.float32(3)), objective="classification", l2=0.01)
    np.testing.assert_allclose(head.weights[0], solved.coef_[0], atol=2e-5)
    assert head.bias[0] == pytest.approx(solved.intercept_[0], abs=2e-4)


@pytest.mark.parametrize("objective", ["bt", "margin", "soft"])
@pytest.mark.parametrize(("p", "dim"), [(40, 3000), (2000, 30)], ids=["wide", "long"])
def test_gradient_vanishes_at_the_optimum(objective, p, dim):
    rng = np.random.default_rng(2)
    known = {"prob": rng.uniform(0.5, 1, p), "margin": rng.uniform(0, 1, p), "weight": rng.exponential(size=p)}
    train = replace(draw(2 * p, p, dim)[0], **known)
    weights, z = weights_of(train, objective=objective, l2=1e-3), differences(train)
    slope, _ = OBJECTIVES[objective]().gradient(z @ weights, np.zeros(p), labels(train))
    gradient = z.T @ (train.weight * slope) / train.weight.sum() + 1e-3 * weights
    assert np.linalg.norm(gradient) < 3e-6  # weights are float32


def test_hinge_comes_close_to_its_optimum():
    from sklearn.svm import LinearSVC

    train, _ = draw(1000, 500, 10)
    z, l2 = differences(train), 0.01
    solver = LinearSVC(loss="hinge", C=1 / (l2 * 1000), fit_intercept=False, tol=1e-6, max_iter=100000, random_state=0)
    best = solver.fit(*both_orders(z)).coef_[0]

    def value(weights):
        return np.maximum(0, 1 - z @ weights).mean() + l2 / 2 * weights @ weights

    assert value(best) * (1 - 1e-6) <= value(weights_of(train, objective="hinge", l2=l2)) < value(best) * 1.001


def test_swapped_pairs_have_complementary_probabilities():
    train, _ = draw(200, 400, 4)
    head, _ = fit(train, l2=0.01)
    first, second = head.score(train.items[:100]), head.score(train.items[100:])
    there, back = (
        1 / (1 + np.exp(-(one - other).astype(np.float64))) for one, other in ((first, second), (second, first))
    )
    np.testing.assert_allclose(there + back, 1, rtol=1e-12)


def test_weight_two_is_two_rows():
    train, _ = draw(80, 200, 7)
    again = np.concatenate([np.arange(200), np.arange(60)])
    twice = make_pairs(train.items, train.chosen[again], train.rejected[again])
    weight = np.where(np.arange(200) < 60, 2.0, 1.0)
    np.testing.assert_allclose(
        weights_of(twice, l2=0.01), weights_of(replace(train, weight=weight), l2=0.01), atol=1e-6
    )


def test_the_unit_of_weights_does_not_matter():
    train, valid = split(draw(80, 260, 7)[0], 200)
    light = replace(train, weight=np.full(200, 1e-6))
    np.testing.assert_allclose(weights_of(light), weights_of(train), rtol=1e-4)
    np.testing.assert_allclose(weights_of(light, valid), weights_of(train, valid), rtol=1e-4, atol=1e-6)


def test_order_of_pairs_does_not_matter():
    train, _ = draw(80, 200, 7)
    order = np.random.default_rng(0).permutation(200)
    mixed = make_pairs(train.items, train.chosen[order], train.rejected[order])
    np.testing.assert_allclose(weights_of(mixed, l2=0.01), weights_of(train, l2=0.01), atol=1e-6)


def test_starting_from_a_head_saves_passes_and_ends_at_the_same_optimum():
    train, _ = draw(200, 400, 6)
    other, _ = draw(200, 400, 6, seed=0)
    near, _ = fit(other, l2=0.011)

    def passes(start):
        seen = []
        head, _ = LinearHead.fit(
            train, None, objective=OBJECTIVES["bt"](), options={"l2": 0.01}, members=1, merge=None, seed=0,
            poll=lambda share, note: seen.append(note), start=start,
        )  # fmt: skip
        np.testing.assert_allclose(head.weights[0], weights_of(train, l2=0.01), atol=1e-6)
        return len(seen)

    assert passes(near) < passes(None)


@pytest.mark.parametrize("strength", [1.0, 10.0])
def test_fit_ends_where_only_rounding_is_left(strength):
    train, _ = draw(1500, 1000, 96)
    passes = []
    LinearHead.fit(
        train, None, objective=OBJECTIVES["bt"](), options={"l2": strength * 2 * 96}, members=1, merge=None, seed=0,
        poll=lambda share, note: passes.append(note),
    )  # fmt: skip
    assert len(passes) < 20


def test_soft_label_is_two_weighted_votes():
    train, _ = draw(80, 200, 7)
    prob = np.random.default_rng(0).uniform(0.5, 1, 200)
    votes = make_pairs(
        train.items,
        np.concatenate([train.chosen, train.rejected]),
        np.concatenate([train.rejected, train.chosen]),
        weight=np.concatenate([prob, 1 - prob]),
    )
    soft = weights_of(replace(train, prob=prob), objective="soft", l2=0.01)
    np.testing.assert_allclose(soft, weights_of(votes, l2=0.01), atol=1e-6)


def test_lone_smoothed_pair_settles_at_the_log_odds():
    items = np.eye(2, dtype=np.float32)
    lone = make_pairs(items, [0], [1], prob=np.array([0.9]))
    head, _ = fit(lone, objective="soft", l2=1e-7)
    chosen, rejected = head.score(items)
    assert chosen - rejected == pytest.approx(np.log(9), abs=1e-4)


def test_margin_moves_the_optimum_outwards():
    train, _ = draw(80, 200, 7)
    plain, wide = (
        weights_of(replace(train, margin=np.full(200, margin)), objective="margin", l2=0.01) for margin in (0.0, 2.0)
    )
    np.testing.assert_array_equal(plain, weights_of(train, l2=0.01))
    assert np.linalg.norm(wide) > 1.5 * np.linalg.norm(plain)


def test_auto_takes_the_strength_with_the_lowest_validation_loss():
    train, valid = split(draw(400, 600, 40, scale=0.2)[0], 300)
    head, record = fit(train, valid)
    strengths, losses = zip(*record["l2_path"], strict=True)
    assert record["l2"] == strengths[int(np.argmin(losses))]
    assert list(strengths) == sorted(strengths, reverse=True)
    for strength, loss in record["l2_path"]:
        gap = differences(valid) @ weights_of(train, l2=strength)
        assert np.logaddexp(0, -gap).mean() == pytest.approx(loss, abs=1e-4)
    np.testing.assert_allclose(head.weights[0], weights_of(train, l2=record["l2"]), atol=1e-5)


def test_auto_follows_the_unit_of_the_vectors():
    train, valid = split(draw(400, 400, 10)[0], 300)
    larger = (replace(pairs, items=pairs.items * np.float32(64)) for pairs in (train, valid))
    near, far = weights_of(train, valid), weights_of(*larger)
    np.testing.assert_allclose(64 * far, near, atol=1e-5)


def test_auto_without_validation_is_a_prior_of_unit_variance():
    train, _ = draw(400, 300, 10)
    _, record = fit(train)
    assert record["l2"] == pytest.approx(np.square(differences(train)).sum(axis=1).mean() / 300, rel=1e-5)


@pytest.mark.parametrize("objective", ["bt", "classification"])
def test_averaged_head_is_the_ensemble_mean(objective):
    train, _ = draw(200, 400, 6)
    ensemble, averaged = (fit(train, objective=objective, members=4, merge=merge)[0] for merge in (None, "weights"))
    assert (ensemble.n_members, averaged.n_members) == (4, 1)
    mean = ensemble.members(train.items).mean(axis=1)
    np.testing.assert_allclose(averaged.score(train.items), mean, atol=1e-5)
    np.testing.assert_allclose(ensemble.score(train.items), mean, atol=1e-5)


def test_members_that_differ_by_seed_alone_coincide():
    train, _ = draw(200, 400, 6)
    members = fit(train, members=3, diversity="seed")[0].members(train.items)
    np.testing.assert_array_equal(members, members[:, :1].repeat(3, axis=1))


def test_bootstrap_member_is_a_fit_of_its_draw():
    train, _ = draw(200, 400, 6)
    head, _ = fit(train, members=2, l2=0.01, seed=11)
    drawn = replace(train, weight=bootstrap(train, 11, 1))
    np.testing.assert_allclose(head.weights[1], weights_of(drawn, l2=0.01), atol=1e-5)


def test_separable_pairs_and_a_tiny_penalty_stay_finite():
    train, _ = draw(100, 50, 4, noisy=False)
    weights = weights_of(train, l2=1e-9)
    assert np.isfinite(weights).all()
    assert ((differences(train) @ weights) > 0).all()


@pytest.mark.parametrize("l2", [0, -1, "automatic", None, float("nan"), [1.0], True])
def test_impossible_l2_is_refused(l2):
    with pytest.raises(OptionError, match="l2 of the linear head is .*\n.*give 'auto' or a finite number above 0"):
        LinearHead.options({"l2": l2})
