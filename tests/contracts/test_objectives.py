"""What every registered objective promises."""

import numpy as np
import pytest

from rmstore.errors import OptionError
from rmstore.objectives import OBJECTIVES
from rmstore.objectives.base import Labels, sigmoid, softplus

NAMES = list(OBJECTIVES)
RNG = np.random.default_rng(7)
CHOSEN, REJECTED = RNG.normal(0, 3, (2, 200))
LABELS = Labels(prob=RNG.uniform(0.5, 1, 200), margin=RNG.uniform(0, 2, 200))
HARD = Labels(prob=np.ones(200), margin=np.zeros(200))


def flipped(labels):
    return Labels(prob=1 - labels.prob, margin=-labels.margin)


@pytest.fixture(params=NAMES)
def objective(request):
    made = OBJECTIVES[request.param]()
    assert made.name == request.param
    return made


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
    np.testing.assert_allclose(curvature, expected, atol=1e-8)
    assert all((side >= 0).all() for side in curvature)


def test_one_number_per_pair_in_float64(objective):
    arrays = (
        objective.loss(CHOSEN, REJECTED, LABELS),
        *objective.gradient(CHOSEN, REJECTED, LABELS),
        *objective.curvature(CHOSEN, REJECTED, LABELS),
    )
    assert {(array.shape, array.dtype) for array in arrays} == {((200,), np.dtype("float64"))}


def test_a_better_margin_never_costs(objective):
    before = objective.loss(CHOSEN, REJECTED, HARD)
    assert (objective.loss(CHOSEN + 1, REJECTED, HARD) <= before).all()
    assert (objective.loss(CHOSEN, REJECTED + 1, HARD) >= before).all()


def test_arguments_stay_as_they_were(objective):
    kept = [array.copy() for array in (CHOSEN, REJECTED, LABELS.prob, LABELS.margin)]
    for method in (objective.loss, objective.gradient, objective.curvature):
        method(CHOSEN, REJECTED, LABELS)
    for array, before in zip((CHOSEN, REJECTED, LABELS.prob, LABELS.margin), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_large_rewards_stay_finite(objective):
    far = np.array([1e4, -1e4])
    hard = Labels(prob=np.ones(2), margin=np.zeros(2))
    for part in (objective.loss, objective.gradient, objective.curvature):
        assert np.isfinite(part(far, -far, hard)).all()


@pytest.mark.parametrize("name", [name for name in NAMES if OBJECTIVES[name].sees == "gap"])
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


def test_bt_and_hinge_ignore_labels():
    for name in ("bt", "hinge"):
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
