"""Terms of an objective: their identities, their optima, and heads that train with them."""

import numpy as np
import pytest

from rmstore.errors import InputError, OptionError
from rmstore.heads import HEADS
from rmstore.heads.base import Pairs
from rmstore.heads.pairs import labels
from rmstore.objectives import OBJECTIVES
from rmstore.objectives.base import Labels, softplus
from rmstore.objectives.penalties import PENALTIES
from rmstore.objectives.terms import TABLE, Smoothed, Summed, with_terms
from rmstore.options import fill

P = 64
RNG = np.random.default_rng(5)
CHOSEN, REJECTED = RNG.normal(0.4, 2, (2, P))
LABELS = Labels(RNG.uniform(0.5, 1, P), RNG.uniform(0, 1, P), similarity=RNG.uniform(0, 1, P))
EQUAL = np.full(P, 1 / P)
TERMS = {
    "smoothing": {"smoothing": 0.1},
    "center": {"center": 0.01},
    "positive": {"positive": 0.1},
    "bsr": {"bsr": 1e-3},
    "pcrm": {"pcrm": 1.0},
    "all": {"smoothing": 0.1, "center": 0.01, "positive": 0.1, "bsr": 1e-3, "pcrm": 1.0},
}
"""Each term at the strength of its paper."""
QUICK = {
    "lightgbm": {"trees": 40, "threads": 1, "lr": 0.2},
    "mlp": {"hidden": [8], "epochs": 8, "lr": 0.005},
    "multi": {"hidden": [8], "steps": 40},
}


def made(name="bt", **given):
    return with_terms(OBJECTIVES[name](), given)


def draw(n_items=120, n_pairs=300, dim=4, level=3.0, seed=0):
    """Noisy preferences between items whose vectors are far from the origin."""
    rng = np.random.default_rng(seed)
    items = (rng.normal(size=(n_items, dim)) + level).astype(np.float32)
    left = rng.integers(n_items, size=n_pairs)
    right = (left + rng.integers(1, n_items, size=n_pairs)) % n_items
    gap = (items[left] - items[right]) @ rng.normal(size=dim)
    wins = rng.random(n_pairs) < 1 / (1 + np.exp(-2 * gap))
    ones = np.ones(n_pairs)
    return Pairs(
        items,
        np.where(wins, left, right),
        np.where(wins, right, left),
        ones,
        0 * ones,
        rng.exponential(size=n_pairs),
        np.arange(n_pairs),
        similarity=rng.uniform(0.2, 1, n_pairs),
    )


PAIRS = draw()


def attributes(kind, pairs):
    """A head of two attributes that the gold reward weighs, for kinds whose pairs train no more than a gate."""
    gold = (
        pairs.items @ np.linalg.lstsq(pairs.items[pairs.chosen] - pairs.items[pairs.rejected], np.ones(len(pairs)))[0]
    )
    rows = np.repeat(np.arange(len(pairs.items)), 2)
    number = np.tile([0, 1], len(pairs.items))
    value = np.column_stack([gold, pairs.items[:, 0]]).ravel()
    ones = np.ones(len(rows))
    rated = Pairs(pairs.items, rows, rows, ones, 0 * ones, ones, rows, value, number, attributes=("gold", "first"))
    return HEADS[kind].fit(
        rated, None, objective=OBJECTIVES["squared"](), options={}, members=1, merge=None, seed=0,
        poll=lambda share, note: None,
    )[0]  # fmt: skip


def fit(kind, objective, pairs=PAIRS, **options):
    head, _ = HEADS[kind].fit(
        pairs,
        None,
        start=attributes(kind, pairs) if HEADS[kind].takes_attributes else None,
        objective=objective,
        options=QUICK.get(kind, {}) | options,
        members=1,
        merge=None,
        seed=0,
        poll=lambda share, note: None,
    )
    return head


def gap_of_a_lone_pair(objective, similarity=1.0):
    """Where a linear head without a penalty to speak of puts one pair."""
    one = np.ones(1)
    lone = Pairs(
        np.eye(2, dtype=np.float32), np.array([0]), np.array([1]), one, 0 * one, one, np.array([0]),
        similarity=similarity * one,
    )  # fmt: skip
    chosen, rejected = fit("linear", objective, lone, l2=1e-7).score(lone.items)
    return chosen - rejected


def parts(objective):
    """Everything that an objective says of one batch, as bytes."""
    args = CHOSEN, REJECTED, LABELS
    arrays = (
        objective.loss(*args),
        *objective.gradient(*args),
        *objective.curvature(*args),
        *objective.weighted_gradient(*args, EQUAL),
        *objective.hessian(*args, EQUAL)(REJECTED, CHOSEN),
        np.array(objective.value(*args, EQUAL)),
    )
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("term", ["smoothing", *PENALTIES])
@pytest.mark.parametrize("name", ["bt", "margin", "soft", "classification", "hinge", "squared"])
def test_a_term_of_strength_zero_is_not_there(name, term):
    plain = OBJECTIVES[name]()
    assert with_terms(plain, {term: 0}) is plain
    assert with_terms(plain, {term: 0.0, "bsr_batch": 4, "pcrm_b1": 20}) is plain


@pytest.mark.parametrize("term", ["smoothing", *PENALTIES])
def test_the_arithmetic_of_strength_zero_is_plain_bit_for_bit(term):
    """Not only is the term left out: its own formula with strength 0 gives the same bits."""
    plain, strengths = OBJECTIVES["bt"](), fill("the terms", TABLE, {})
    silent = (
        Smoothed(plain, strengths) if term == "smoothing" else Summed(plain, [PENALTIES[term](strengths)], strengths)
    )
    assert parts(silent) == parts(plain)


@pytest.mark.parametrize("term", ["smoothing", *PENALTIES])
@pytest.mark.parametrize("kind", HEADS)
def test_heads_with_terms_of_strength_zero_are_the_same_bytes(kind, term):
    assert fit(kind, made(**{term: 0})).to_bytes() == fit(kind, OBJECTIVES["bt"]()).to_bytes()


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("kind", HEADS)
def test_every_head_learns_with_every_term(kind, term):
    plain, with_term = (fit(kind, objective) for objective in (OBJECTIVES["bt"](), made(**TERMS[term])))
    reward = with_term.score(PAIRS.items)
    assert with_term.to_bytes() != plain.to_bytes()
    assert np.mean(reward[PAIRS.chosen] > reward[PAIRS.rejected]) > 0.75


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("name", ["bt", "soft", "classification", "absolute"])
def test_the_linear_head_ends_at_the_optimum_with_every_term(name, term):
    objective, l2 = made(name, **TERMS[term]), 1e-3
    head = fit("linear", objective, l2=l2)
    rows = np.column_stack([PAIRS.items, np.ones(len(PAIRS.items))]).astype(np.float64)
    weights = np.append(head.weights[0], head.bias[0]).astype(np.float64)
    chosen, rejected = rows[PAIRS.chosen], rows[PAIRS.rejected]
    slopes = objective.weighted_gradient(
        chosen @ weights, rejected @ weights, labels(PAIRS), PAIRS.weight / PAIRS.weight.sum()
    )
    gradient = slopes[0] @ chosen + slopes[1] @ rejected + l2 * weights * [1, 1, 1, 1, 0]
    assert np.abs(gradient).max() < 2e-5 * np.abs(PAIRS.items).max()


@pytest.mark.parametrize("term", ["smoothing", "center", "positive", "bsr", "pcrm"])
def test_terms_leave_what_an_objective_takes(term):
    for name in OBJECTIVES:
        base = OBJECTIVES[name]()
        if base.sees == "item" or (name, term) == ("plackett_luce", "smoothing"):
            continue
        found = with_terms(base, {term: 0.1})
        assert found is not base
        assert (found.uses_ties, found.is_convex, found.name) == (base.uses_ties, base.is_convex, base.name)


def test_labels_and_options_are_told_apart():
    objective = made("hinge", smoothing=0.1, bsr=0.5, bsr_batch=8)
    assert objective.options == {"m": 1.0, "smoothing": 0.1, "bsr": 0.5, "bsr_batch": 8}
    assert objective.name == "hinge"
    assert made("bt", pcrm=1).sees == made("bt", smoothing=0.1).sees == "gap"
    assert made("bt", bsr=1).sees == made("classification", pcrm=1).sees == "sides"


# --- smoothing, centring, positive rewards ---


@pytest.mark.parametrize(
    "objective", [made("bt"), made("margin"), made("bt", smoothing=0.1)], ids=["bt", "margin", "smoothing"]
)
def test_a_constant_changes_no_loss_of_gaps(objective):
    moved = objective.loss(CHOSEN + 5, REJECTED + 5, LABELS)
    np.testing.assert_allclose(moved, objective.loss(CHOSEN, REJECTED, LABELS), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("constant", [-2.0, 0.5, 5.0])
def test_a_constant_changes_centring_by_a_quadratic(constant):
    centred = made(center=0.01)
    change = centred.value(CHOSEN + constant, REJECTED + constant, LABELS, EQUAL) - centred.value(
        CHOSEN, REJECTED, LABELS, EQUAL
    )
    expected = 0.01 * (4 * constant * np.mean(CHOSEN + REJECTED) + 4 * constant**2)
    assert change == pytest.approx(expected, rel=1e-9)


def test_centring_by_hand():
    """Per pair, the square of the sum; TRL recommends 0.01."""
    two = Labels(np.ones(2), np.zeros(2))
    chosen, rejected = np.array([3.0, 1.0]), np.array([1.0, -1.0])
    extra = made(center=0.01).loss(chosen, rejected, two) - made().loss(chosen, rejected, two)
    np.testing.assert_allclose(extra, [0.16, 0])


@pytest.mark.parametrize(("smoothing", "optimum"), [(0.1, 2.1972), (0.25, 1.0986), (0.5, 0.0)])
def test_smoothing_settles_at_the_log_odds(smoothing, optimum):
    assert gap_of_a_lone_pair(made(smoothing=smoothing)) == pytest.approx(optimum, abs=1e-3)


def test_smoothing_is_a_soft_label():
    soft = Labels(np.full(P, 0.9), np.zeros(P))
    np.testing.assert_allclose(
        made(smoothing=0.1).loss(CHOSEN, REJECTED, LABELS), made("soft").loss(CHOSEN, REJECTED, soft), rtol=1e-12
    )


def test_positive_by_hand():
    extra = made(positive=0.1).value(CHOSEN, REJECTED, LABELS, EQUAL) - made().value(CHOSEN, REJECTED, LABELS, EQUAL)
    assert extra == pytest.approx(0.1 * softplus(-CHOSEN.mean()))


# --- BSR ---


def test_bsr_of_rewards_that_sum_to_zero_is_bt():
    level = np.mean([CHOSEN, REJECTED])
    args = CHOSEN - level, REJECTED - level, LABELS, EQUAL
    assert made(bsr=1e-3).value(*args) == pytest.approx(made().value(*args), rel=1e-12)
    np.testing.assert_allclose(
        made(bsr=1e-3).weighted_gradient(*args), made().weighted_gradient(*args), rtol=1e-12, atol=1e-15
    )


def test_bsr_is_the_squared_sum_of_a_batch():
    """With as many pairs as ``bsr_batch`` it is lambda (sum r)^2 / (4 B), as the paper writes it."""
    sixteen = slice(16)
    one = Labels(np.ones(16), np.zeros(16))
    args = CHOSEN[sixteen], REJECTED[sixteen], one, np.full(16, 1 / 16)
    extra = made(bsr=1e-3).value(*args) - made().value(*args)
    assert extra == pytest.approx(1e-3 * np.sum(args[0] + args[1]) ** 2 / (4 * 16), rel=1e-9)


@pytest.mark.parametrize("constant", [-1.0, 0.25, 3.0])
@pytest.mark.parametrize("size", [16, 40])
def test_a_constant_changes_bsr_by_its_formula(constant, size):
    bsr, mean = made(bsr=1e-3, bsr_batch=size), np.mean([CHOSEN, REJECTED])
    change = bsr.value(CHOSEN + constant, REJECTED + constant, LABELS, EQUAL) - bsr.value(
        CHOSEN, REJECTED, LABELS, EQUAL
    )
    assert change == pytest.approx(1e-3 * size * (2 * constant * mean + constant**2), rel=1e-9)


def test_bsr_holds_the_batch_and_centring_every_pair():
    """Pairs whose levels cancel cost nothing under bsr, and something under centring."""
    chosen, rejected = np.array([3.0, -3.0]), np.array([3.0, -3.0])
    two = Labels(np.ones(2), np.zeros(2))
    plain, bsr, centred = (
        made(**given).value(chosen, rejected, two, np.full(2, 0.5)) for given in ({}, {"bsr": 1.0}, {"center": 1.0})
    )
    assert bsr == plain
    assert centred == plain + 36


@pytest.mark.parametrize("strength", [1e-3, 1.0])
def test_a_free_bias_puts_the_batch_mean_at_zero(strength):
    head, plain = (fit("linear", objective, l2=1e-2) for objective in (made(bsr=strength), made()))
    share = PAIRS.weight / PAIRS.weight.sum()
    reward, level = (one.score(PAIRS.items).astype(np.float64) for one in (head, plain))
    assert share @ (reward[PAIRS.chosen] + reward[PAIRS.rejected]) / 2 == pytest.approx(0, abs=1e-5)
    assert abs(share @ (level[PAIRS.chosen] + level[PAIRS.rejected]) / 2) > 0.1
    np.testing.assert_allclose(head.weights, plain.weights, atol=1e-4)


# --- PCRM ---


def cap(similarity, b1, b2, b3):
    """The gap at which the prior of one pair is indifferent: d, from where its price is log 2."""
    given = {"pcrm": 1.0, "pcrm_b1": b1, "pcrm_b2": b2, "pcrm_b3": b3}
    term = PENALTIES["pcrm"](fill("the terms", TABLE, given))
    known = Labels(np.ones(1), np.zeros(1), similarity=np.array([similarity]))
    gap = b1 / (similarity + b2) + b3
    assert term.loss(np.array([gap]), np.zeros(1), known)[0] == pytest.approx(np.log(2), rel=1e-12)
    return gap


@pytest.mark.parametrize(("similarity", "most"), [(1.0, 4.98), (0.75, 11.63), (0.5, 24.92)])
def test_pcrm_caps_follow_the_published_cosine_recipe(similarity, most):
    assert cap(similarity, 20, 0.001, -15) == pytest.approx(most, abs=0.005)


@pytest.mark.parametrize("distance", [6.0, 4.5, 2.0])
def test_pcrm_settles_a_lone_pair_halfway(distance):
    assert gap_of_a_lone_pair(made(pcrm=1, pcrm_b1=0, pcrm_b3=distance)) == pytest.approx(distance / 2, abs=1e-3)


def test_pcrm_halfway_costs_what_the_reference_says():
    one = Labels(np.ones(1), np.zeros(1))
    loss = made(pcrm=1, pcrm_b1=0, pcrm_b3=6).loss(np.array([3.0]), np.zeros(1), one)
    assert loss[0] == pytest.approx(0.09717, abs=5e-6)


def test_identical_texts_get_the_smallest_gap():
    """With the defaults, s = 1 allows d = 6 / 1.001."""
    assert gap_of_a_lone_pair(made(pcrm=1), similarity=1.0) == pytest.approx(6 / 1.001 / 2, abs=1e-3)
    assert gap_of_a_lone_pair(made(pcrm=1), similarity=0.5) > gap_of_a_lone_pair(made(pcrm=1), similarity=1.0)


def test_pcrm_without_a_cap_is_bt():
    assert parts(made(pcrm=1, pcrm_b1=0, pcrm_b3=1e4)) == parts(made())


def test_pcrm_needs_to_know_how_alike_sides_are():
    with pytest.raises(InputError, match="(?s)how alike.*rm_length_similarity"):
        made(pcrm=1).loss(CHOSEN, REJECTED, Labels(np.ones(P), np.zeros(P)))


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", ["smoothing", *PENALTIES])
def test_single_items_take_no_terms(term):
    with pytest.raises(OptionError, match=f"{term} belongs to pairs, not to 'squared'"):
        made("squared", **{term: 0.1})


def test_choices_among_several_take_no_smoothing():
    with pytest.raises(OptionError, match="smoothing has no meaning"):
        made("plackett_luce", smoothing=0.1)


@pytest.mark.parametrize(
    "given", [{"smoothing": 0.6}, {"bsr": -1}, {"pcrm_b2": 0}, {"bsr_batch": 0}, {"center": "much"}]
)
def test_impossible_strengths_are_refused(given):
    with pytest.raises(OptionError, match="the terms of an objective is"):
        made(**given)


def test_a_misspelt_term_gets_a_suggestion():
    with pytest.raises(OptionError, match="did you mean 'smoothing'"):
        made(smothing=0.1)
