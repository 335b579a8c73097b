"""What every registered objective promises, by itself and with every term."""

from itertools import permutations

import numpy as np
import pytest

from rmstore.errors import InputError, OptionError
from rmstore.objectives import OBJECTIVES
from rmstore.objectives.base import Labels, sigmoid, softplus
from rmstore.objectives.terms import with_terms

NAMES = list(OBJECTIVES)
P = 200
RNG = np.random.default_rng(7)
CHOSEN, REJECTED = RNG.normal(0, 3, (2, P))
LABELS = Labels(
    prob=RNG.uniform(0.5, 1, P),
    margin=RNG.uniform(0, 2, P),
    value=RNG.uniform(0, 1, P),
    similarity=RNG.uniform(0, 1, P),
)
HARD = Labels(np.ones(P), np.zeros(P), np.ones(P))
WEIGHT = RNG.exponential(size=P) * (RNG.random(P) < 0.9)
WEIGHT /= WEIGHT.sum()
IN_CHOICES = Labels(LABELS.prob, LABELS.margin, LABELS.value, LABELS.similarity, choice=RNG.integers(5, 70, P))
"""The pairs in choices over one to seven others, in no order."""

TERMS = {
    "smoothing": {"smoothing": 0.2},
    "center": {"center": 0.05},
    "positive": {"positive": 0.3},
    "bsr": {"bsr": 0.02},
    "pcrm": {"pcrm": 0.7, "pcrm_b1": 2.0, "pcrm_b2": 0.5},
    "all": {"smoothing": 0.1, "center": 0.01, "positive": 0.1, "bsr": 0.01, "pcrm": 1.0},
}
BATCHES = {name: (name, {}) for name in NAMES} | {
    f"{name}+{term}": (name, given)
    for name in ("bt", "classification", "margin", "soft", "hinge", "absolute", "norm")
    for term, given in TERMS.items()
}
GAP_NAMES = [name for name in NAMES if OBJECTIVES[name].sees == "gap"]
PAIR_NAMES = [name for name in NAMES if OBJECTIVES[name].sees != "item"]


def flipped(labels):
    return Labels(prob=1 - labels.prob, margin=-labels.margin)


@pytest.fixture(params=NAMES)
def objective(request):
    made = OBJECTIVES[request.param]()
    assert made.name == request.param
    return made


@pytest.fixture(params=BATCHES)
def batch(request):
    """An objective as heads train it, with terms or without, and the labels of a batch."""
    name, given = BATCHES[request.param]
    return with_terms(OBJECTIVES[name](), given), IN_CHOICES if name == "plackett_luce" else LABELS


def difference(function, step=1e-5):
    """Central differences of a function of (chosen, rejected), with respect to either."""
    return (
        (function(CHOSEN + step, REJECTED) - function(CHOSEN - step, REJECTED)) / (2 * step),
        (function(CHOSEN, REJECTED + step) - function(CHOSEN, REJECTED - step)) / (2 * step),
    )


def test_gradient_is_the_slope_of_the_loss(objective):
    expected = difference(lambda c, r: objective.loss(c, r, LABELS))
    np.testing.assert_allclose(objective.gradient(CHOSEN, REJECTED, LABELS), expected, atol=1e-8)


def test_curvature_is_the_slope_of_the_gradient(objective):
    expected = (
        difference(lambda c, r: objective.gradient(c, r, LABELS)[0])[0],
        difference(lambda c, r: objective.gradient(c, r, LABELS)[1])[1],
    )
    curvature = objective.curvature(CHOSEN, REJECTED, LABELS)
    if objective.is_convex:
        np.testing.assert_allclose(curvature, expected, atol=1e-8)
    assert all((side >= 0).all() for side in curvature)


def test_weighted_gradient_is_the_slope_of_the_value(batch):
    objective, labels = batch
    found = objective.weighted_gradient(CHOSEN, REJECTED, labels, WEIGHT)
    step = 1e-5
    for pair in range(0, P, 7):
        nudge = step * (np.arange(P) == pair)
        for side, moved in zip(found, ((nudge, 0 * nudge), (0 * nudge, nudge)), strict=True):
            above, below = (
                objective.value(CHOSEN + sign * moved[0], REJECTED + sign * moved[1], labels, WEIGHT)
                for sign in (1, -1)
            )
            assert side[pair] == pytest.approx((above - below) / (2 * step), abs=1e-9)


def test_hessian_is_the_slope_of_the_weighted_gradient(batch):
    objective, labels = batch
    if not objective.is_convex:
        pytest.skip("only a convex part of its Hessian is promised")
    along, step = RNG.normal(size=(2, P)), 1e-5
    above, below = (
        objective.weighted_gradient(CHOSEN + sign * along[0], REJECTED + sign * along[1], labels, WEIGHT)
        for sign in (step, -step)
    )
    expected = (np.array(above) - np.array(below)) / (2 * step)
    found = objective.hessian(CHOSEN, REJECTED, labels, WEIGHT)(*along)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_hessian_is_symmetric_and_never_bends_down(batch):
    objective, labels = batch
    multiply = objective.hessian(CHOSEN, REJECTED, labels, WEIGHT)
    one, other = RNG.normal(size=(2, 2, P))
    there, back = (np.sum(np.multiply(left, multiply(*right))) for left, right in ((one, other), (other, one)))
    assert there == pytest.approx(back, rel=1e-9, abs=1e-15)
    assert all(np.sum(np.multiply(along, multiply(*along))) >= 0 for along in RNG.normal(size=(50, 2, P)))


def test_pairs_of_weight_zero_have_no_gradient(batch):
    objective, labels = batch
    silent = WEIGHT == 0
    assert silent.any()
    for side in objective.weighted_gradient(CHOSEN, REJECTED, labels, WEIGHT):
        np.testing.assert_array_equal(side[silent], 0)


def test_one_number_per_pair_in_float64(objective):
    arrays = (
        objective.loss(CHOSEN, REJECTED, LABELS),
        *objective.gradient(CHOSEN, REJECTED, LABELS),
        *objective.curvature(CHOSEN, REJECTED, LABELS),
    )
    assert {(array.shape, array.dtype) for array in arrays} == {((200,), np.dtype("float64"))}


@pytest.mark.parametrize("name", [name for name in PAIR_NAMES if OBJECTIVES[name].is_convex])
def test_a_better_margin_never_costs(name):
    objective = OBJECTIVES[name]()
    before = objective.loss(CHOSEN, REJECTED, HARD)
    assert (objective.loss(CHOSEN + 1, REJECTED, HARD) <= before).all()
    assert (objective.loss(CHOSEN, REJECTED + 1, HARD) >= before).all()


def test_arguments_stay_as_they_were(objective):
    arrays = CHOSEN, REJECTED, WEIGHT, *vars(IN_CHOICES).values()
    kept = [array.copy() for array in arrays]
    for method in (objective.loss, objective.gradient, objective.curvature):
        method(CHOSEN, REJECTED, IN_CHOICES)
    objective.value(CHOSEN, REJECTED, IN_CHOICES, WEIGHT)
    objective.hessian(CHOSEN, REJECTED, IN_CHOICES, WEIGHT)(
        *objective.weighted_gradient(CHOSEN, REJECTED, IN_CHOICES, WEIGHT)
    )
    for array, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("size", [0.0, 1.0, 1e4])
def test_rewards_of_any_size_stay_finite(batch, size):
    objective, _ = batch
    far = np.array([size, -size])
    hard = Labels(np.ones(2), np.zeros(2), np.ones(2), np.ones(2), np.zeros(2, dtype=np.int64))
    for part in (objective.loss, objective.gradient, objective.curvature):
        assert np.isfinite(part(far, -far, hard)).all()
    half = np.full(2, 0.5)
    assert np.isfinite(objective.value(far, -far, hard, half))
    assert np.isfinite(objective.weighted_gradient(far, -far, hard, half)).all()
    assert np.isfinite(objective.hessian(far, -far, hard, half)(far, far)).all()


@pytest.mark.parametrize("name", GAP_NAMES)
def test_gap_objectives_see_the_gap_alone(name):
    objective = OBJECTIVES[name]()
    gradient, curvature = (method(CHOSEN, REJECTED, LABELS) for method in (objective.gradient, objective.curvature))
    np.testing.assert_array_equal(gradient[0], -gradient[1])
    np.testing.assert_array_equal(curvature[0], curvature[1])
    shifted = objective.loss(CHOSEN + 8, REJECTED + 8, LABELS)
    np.testing.assert_allclose(shifted, objective.loss(CHOSEN, REJECTED, LABELS), rtol=1e-12)


def test_classification_sees_both_sides():
    objective = OBJECTIVES["classification"]()
    assert objective.sees == "sides"
    shifted = objective.loss(CHOSEN + 8, REJECTED + 8, HARD)
    assert not np.allclose(shifted, objective.loss(CHOSEN, REJECTED, HARD))


@pytest.mark.parametrize("name", ["soft", "classification"])
def test_swapping_a_soft_pair_swaps_its_label(name):
    objective = OBJECTIVES[name]()
    there, back = objective.loss(CHOSEN, REJECTED, LABELS), objective.loss(REJECTED, CHOSEN, flipped(LABELS))
    np.testing.assert_allclose(there, back, rtol=1e-12)
    there, back = objective.gradient(CHOSEN, REJECTED, LABELS), objective.gradient(REJECTED, CHOSEN, flipped(LABELS))
    np.testing.assert_allclose(there, back[::-1], rtol=1e-9, atol=1e-15)


def test_swapping_a_hard_pair_gives_the_complementary_probability():
    bt = OBJECTIVES["bt"]()
    wins, loses = np.exp(-bt.loss(CHOSEN, REJECTED, HARD)), np.exp(-bt.loss(REJECTED, CHOSEN, HARD))
    np.testing.assert_allclose(wins + loses, 1, rtol=1e-12)


@pytest.mark.parametrize("name", ["margin", "soft"])
@pytest.mark.parametrize("part", ["loss", "gradient", "curvature"])
def test_limits_are_bt_bit_for_bit(name, part):
    limit, bt = (getattr(OBJECTIVES[which](), part)(CHOSEN, REJECTED, HARD) for which in (name, "bt"))
    assert np.asarray(limit).tobytes() == np.asarray(bt).tobytes()


@pytest.mark.parametrize("name", ["bt", "hinge", "norm", "absolute", "plackett_luce"])
def test_objectives_of_hard_labels_ignore_prob_and_margin(name):
    objective = OBJECTIVES[name]()
    hard, soft = (objective.loss(CHOSEN, REJECTED, labels) for labels in (HARD, LABELS))
    np.testing.assert_array_equal(hard, soft)


def test_margin_moves_the_gap():
    margin, bt = OBJECTIVES["margin"](), OBJECTIVES["bt"]()
    moved = margin.loss(CHOSEN, REJECTED, LABELS)
    np.testing.assert_allclose(moved, bt.loss(CHOSEN - LABELS.margin, REJECTED, HARD), rtol=1e-12)


@pytest.mark.parametrize(("smoothing", "optimum"), [(0.1, 2.1972246), (0.5, 0.0)])
def test_soft_optimum_is_the_log_odds(smoothing, optimum):
    labels = Labels(prob=np.array([1 - smoothing]), margin=np.zeros(1))
    slope, _ = OBJECTIVES["soft"]().gradient(np.array([optimum]), np.zeros(1), labels)
    assert abs(slope[0]) < 1e-7


def test_a_tie_has_no_slope_at_zero():
    labels = Labels(prob=np.array([0.5]), margin=np.zeros(1))
    assert OBJECTIVES["soft"]().gradient(np.zeros(1), np.zeros(1), labels)[0][0] == 0
    assert OBJECTIVES["soft"]().loss(np.zeros(1), np.zeros(1), labels)[0] == pytest.approx(np.log(2))


def test_hinge_asks_for_its_margin():
    one = Labels(prob=np.ones(3), margin=np.zeros(3))
    gap = np.array([-1.0, 1.0, 3.0])
    np.testing.assert_array_equal(OBJECTIVES["hinge"]().loss(gap, np.zeros(3), one), [2, 0, 0])
    np.testing.assert_array_equal(OBJECTIVES["hinge"]({"m": 2}).loss(gap, np.zeros(3), one), [3, 1, 0])


def test_classification_is_two_cross_entropies():
    expected = -np.log(sigmoid(CHOSEN)) - np.log(1 - sigmoid(REJECTED))
    np.testing.assert_allclose(OBJECTIVES["classification"]().loss(CHOSEN, REJECTED, HARD), expected, rtol=1e-9)


def test_absolute_adds_a_classification_of_each_side():
    absolute, bt, each = (
        OBJECTIVES[name]().loss(CHOSEN, REJECTED, HARD) for name in ("absolute", "bt", "classification")
    )
    np.testing.assert_allclose(absolute, bt + each, rtol=1e-12)
    level = np.full(P, 2.0)
    up, down = OBJECTIVES["absolute"]().gradient(level, level, HARD)
    assert (up < 0).all() and (down > 0).all()


def test_norm_sees_directions_alone():
    norm = OBJECTIVES["norm"]()
    np.testing.assert_allclose(norm.loss(9 * CHOSEN, 9 * REJECTED, HARD), norm.loss(CHOSEN, REJECTED, HARD), rtol=1e-9)
    up, down = norm.gradient(CHOSEN, REJECTED, HARD)
    np.testing.assert_allclose(CHOSEN * up + REJECTED * down, 0, atol=1e-9)


def test_norm_is_bounded_by_the_square_root_of_two():
    norm, best = OBJECTIVES["norm"](), np.sqrt(2)
    loss = norm.loss(CHOSEN, REJECTED, HARD)
    assert (np.abs(loss - softplus(0)) <= softplus(best) - softplus(0) + 1e-12).all()
    one = Labels(np.ones(2), np.zeros(2))
    ends = norm.loss(np.array([3.0, -3.0]), np.array([-3.0, 3.0]), one)
    np.testing.assert_allclose(ends, softplus(np.array([-best, best])), rtol=1e-9)


def test_norm_bends_by_the_gauss_newton_part():
    """The Hessian is that of softplus along the slope of the quotient, without the quotient's own bend."""
    norm = OBJECTIVES["norm"]()

    def share(chosen, rejected):
        return (chosen - rejected) / np.hypot(chosen, rejected)

    slopes, bend = difference(share), sigmoid(share(CHOSEN, REJECTED)) * sigmoid(-share(CHOSEN, REJECTED))
    np.testing.assert_allclose(
        norm.curvature(CHOSEN, REJECTED, HARD), [bend * side**2 for side in slopes], rtol=1e-5, atol=1e-7
    )
    along = RNG.normal(size=(2, P))
    pushed = WEIGHT * bend * (slopes[0] * along[0] + slopes[1] * along[1])
    found = norm.hessian(CHOSEN, REJECTED, HARD, WEIGHT)(*along)
    np.testing.assert_allclose(found, [pushed * side for side in slopes], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", ["squared", "logistic"])
def test_single_items_have_one_side(name):
    objective = OBJECTIVES[name]()
    assert objective.sees == "item"
    np.testing.assert_array_equal(
        objective.loss(CHOSEN, REJECTED, LABELS), objective.loss(CHOSEN, REJECTED + 5, LABELS)
    )
    for part in (objective.gradient, objective.curvature):
        np.testing.assert_array_equal(part(CHOSEN, REJECTED, LABELS)[1], 0)
    with pytest.raises(InputError, match="the value of each"):
        objective.loss(CHOSEN, REJECTED, Labels(np.ones(P), np.zeros(P)))


def test_squared_error_by_hand():
    labels = Labels(np.ones(2), np.zeros(2), value=np.array([3.0, 1.0]))
    np.testing.assert_array_equal(OBJECTIVES["squared"]().loss(np.array([1.0, 1.0]), np.zeros(2), labels), [2, 0])


@pytest.mark.parametrize("value", [0.9, 0.5, 0.25])
def test_logistic_settles_at_the_log_odds_of_its_value(value):
    labels = Labels(np.ones(1), np.zeros(1), value=np.array([value]))
    best = np.array([np.log(value / (1 - value))])
    assert OBJECTIVES["logistic"]().gradient(best, best, labels)[0][0] == pytest.approx(0, abs=1e-12)
    entropy = -value * np.log(value) - (1 - value) * np.log(1 - value)
    assert OBJECTIVES["logistic"]().loss(best, best, labels)[0] == pytest.approx(entropy)


def ranked(order, rewards):
    """The pairs of a ranking as (chosen, rejected, labels, weight): each item against all that follow it."""
    pairs = [(choice, order[choice], later) for choice in range(len(order) - 1) for later in order[choice + 1 :]]
    choice, chosen, rejected = np.array(pairs).T
    size = np.bincount(choice)[choice]
    return (
        rewards[chosen],
        rewards[rejected],
        Labels(np.ones(len(pairs)), np.zeros(len(pairs)), choice=choice),
        1 / size,
    )


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_rankings_have_a_probability(k):
    """Over all orders of k items the likelihood sums to 1."""
    rewards, plackett_luce = RNG.normal(0, 2, k), OBJECTIVES["plackett_luce"]()
    likelihoods = [np.exp(-plackett_luce.value(*ranked(order, rewards))) for order in permutations(range(k))]
    assert sum(likelihoods) == pytest.approx(1, rel=1e-12)


def test_a_ranking_is_worth_the_product_of_its_choices():
    rewards = np.array([0.3, 1.2, -0.4])
    first, second, third = np.exp(rewards[[1, 0, 2]])
    expected = first / (first + second + third) * second / (second + third)
    assert np.exp(-OBJECTIVES["plackett_luce"]().value(*ranked((1, 0, 2), rewards))) == pytest.approx(expected)


@pytest.mark.parametrize("part", ["loss", "gradient", "curvature"])
@pytest.mark.parametrize("choice", [None, np.arange(P)[::-1]], ids=["no choice", "choices of two"])
def test_choices_between_two_are_bt(part, choice):
    labels = Labels(np.ones(P), np.zeros(P), choice=choice)
    two, bt = (getattr(OBJECTIVES[which](), part)(CHOSEN, REJECTED, labels) for which in ("plackett_luce", "bt"))
    np.testing.assert_allclose(two, bt, rtol=1e-12, atol=1e-15)


def test_the_level_of_a_ranking_is_free():
    """What lifts some of its items lowers the others: the gradient over all items of each ranking sums to 0."""
    objective = OBJECTIVES["plackett_luce"]()
    up, down = objective.weighted_gradient(CHOSEN, REJECTED, IN_CHOICES, WEIGHT)
    for choice in np.unique(IN_CHOICES.choice):
        of = IN_CHOICES.choice == choice
        assert up[of].sum() + down[of].sum() == pytest.approx(0, abs=1e-15)


def test_a_pair_of_weight_zero_is_not_in_its_choice():
    chosen, rejected, labels, weight = ranked((0, 1, 2, 3), np.array([0.3, 1.2, -0.4, 2.0]))
    objective, kept = OBJECTIVES["plackett_luce"](), np.arange(6) != 1
    fewer = Labels(labels.prob[kept], labels.margin[kept], choice=labels.choice[kept])
    expected = objective.value(chosen[kept], rejected[kept], fewer, weight[kept])
    assert objective.value(chosen, rejected, labels, weight * kept) == pytest.approx(expected)
    slope, _ = objective.weighted_gradient(chosen, rejected, labels, weight * kept)
    np.testing.assert_allclose(
        slope[kept], objective.weighted_gradient(chosen[kept], rejected[kept], fewer, weight[kept])[0]
    )


def test_a_choice_far_from_the_truth_stays_exact():
    rewards = np.array([-900.0, 900.0, 0.0])
    assert OBJECTIVES["plackett_luce"]().value(*ranked((0, 1, 2), rewards)) == pytest.approx(1800 + 0)


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_a_rounded_corner_has_the_mean_slope(width):
    """The slope at D is the mean of the slopes within the width, and its curvature their change."""
    hinge = OBJECTIVES["hinge"]()
    rounded = hinge.rounded(width)
    around = np.linspace(-width, width, 20001)
    expected = [hinge.gradient(chosen + around, 0 * around, HARD)[0].mean() for chosen in CHOSEN[:20]]
    found, _ = rounded.gradient(CHOSEN[:20], np.zeros(20), HARD)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    bends = difference(lambda c, r: rounded.gradient(c, r, HARD)[0])[0]
    np.testing.assert_allclose(rounded.curvature(CHOSEN, REJECTED, HARD)[0], bends, atol=1e-8)


def test_helpers_are_precise_in_both_tails():
    x = np.array([-800.0, -40.0, 0.0, 40.0, 800.0])
    np.testing.assert_allclose(softplus(x), np.logaddexp(0, x), rtol=1e-15)
    np.testing.assert_allclose(sigmoid(x), [0, np.exp(-40), 0.5, 1, 1], rtol=1e-12)


def test_unknown_option_is_refused(objective):
    with pytest.raises(OptionError, match="'nonsense'"):
        OBJECTIVES[objective.name]({"nonsense": 1})


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "much", True, None, 0])
def test_impossible_hinge_margin_is_refused(value):
    with pytest.raises(OptionError, match="m of the objective 'hinge'"):
        OBJECTIVES["hinge"]({"m": value})


def test_unknown_objective_gets_a_suggestion():
    with pytest.raises(LookupError, match="did you mean 'hinge'"):
        OBJECTIVES["hing"]
