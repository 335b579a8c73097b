"""The multi head by its identities: ridge in closed form, verbosity taken out, a gate on the prompt (ArmoRM)."""

from dataclasses import replace

import numpy as np
import pytest

from rmstore.errors import BadFileError, InputError, OptionError
from rmstore.heads.base import Pairs
from rmstore.heads.debias import STRENGTHS, debias, spearman
from rmstore.heads.linear import LinearHead
from rmstore.heads.multi import MultiHead
from rmstore.heads.ridge import DECADES, fit_attributes
from rmstore.objectives import OBJECTIVES


def rated(items, values, names=("value",), weight=None):
    """Ratings of items, (n, k); NaN is no rating."""
    row, attribute = np.nonzero(~np.isnan(values))
    ones = np.ones(len(row))
    return Pairs(
        items.astype(np.float32), row, row, ones, 0 * ones, ones if weight is None else weight, row,
        values[row, attribute], attribute, attributes=tuple(names),
    )  # fmt: skip


def compared(items, reward, n, seed=0):
    """Noiseless pairs of items by a reward."""
    draw = np.random.default_rng(seed)
    left = draw.integers(len(items) // 2, size=n) * 2
    up = reward[left] >= reward[left + 1]
    ones = np.ones(n)
    chosen, rejected = np.where(up, left, left + 1), np.where(up, left + 1, left)
    return Pairs(items.astype(np.float32), chosen, rejected, ones, 0 * ones, ones, left)


def attributes(train, valid=None, **options):
    return MultiHead.fit(
        train, valid, objective=OBJECTIVES["squared"](), options=options, members=1, merge=None, seed=0,
        poll=lambda share, note: None,
    )  # fmt: skip


def gated(start, train, valid=None, *, objective="bt", seed=0, members=1, merge=None, **options):
    return MultiHead.fit(
        train, valid, objective=OBJECTIVES[objective](), options=options, members=members, merge=merge, seed=seed,
        poll=lambda share, note: None, start=start,
    )  # fmt: skip


def ridge(x, y, a, weight=None, *, intercept):
    """The solution of the normal equations, written out."""
    weight = np.ones(len(x)) if weight is None else weight
    x, y = x.astype(np.float64), y.astype(np.float64)
    if intercept:
        x, y = x - weight @ x / weight.sum(), y - weight @ y / weight.sum()
    return np.linalg.solve(x.T @ (weight[:, None] * x) + a * np.eye(x.shape[1]), x.T @ (weight * y))


DRAW = np.random.default_rng(11)
X = DRAW.normal(size=(60, 5))
Y = X @ DRAW.normal(size=(5, 3)) + 0.5 * DRAW.normal(size=(60, 3))
NAMES = ("a", "b", "c")

# ridge


def test_orthonormal_items_shrink_every_weight_alike():
    x = np.linalg.qr(DRAW.normal(size=(40, 6)))[0]
    y = DRAW.normal(size=40)
    for a in (0.01, 1.0, 30.0):
        head, _ = attributes(rated(x, y[:, None]), l2=a, standardise=False)
        np.testing.assert_allclose(head.attributes.weights[0], x.astype(np.float32).T @ y / (1 + a), atol=1e-5)


@pytest.mark.parametrize("n", [60, 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_weights_solve_the_normal_equations(n, intercept):
    x, y = X[:n].astype(np.float32), Y[:n, 0]
    head, _ = attributes(rated(x, y[:, None]), l2=0.7, standardise=intercept)
    found = head.members(np.vstack([np.zeros((1, 5)), np.eye(5)]).astype(np.float32))[:, 0]
    np.testing.assert_allclose(found[1:] - found[0], ridge(x, y, 0.7, intercept=intercept), atol=1e-4)
    if not intercept:
        assert found[0] == 0


def test_an_attribute_learns_from_its_own_rows_alone():
    holes = Y.copy()
    holes[::3, 0], holes[40:, 1] = np.nan, np.nan
    together, _ = attributes(rated(X, holes, NAMES))
    for column in range(3):
        there = ~np.isnan(holes[:, column])
        alone, _ = attributes(rated(X[there], holes[there, column : column + 1]))
        np.testing.assert_allclose(
            together.members(X.astype(np.float32))[:, column], alone.members(X.astype(np.float32))[:, 0], atol=1e-4
        )


def test_weight_two_is_two_rows():
    weight = np.where(np.arange(60) < 20, 2.0, 1.0)
    once, _ = attributes(rated(X, Y[:, :1], weight=weight), l2=0.3)
    twice, _ = attributes(rated(np.vstack([X, X[:20]]), np.vstack([Y, Y[:20]])[:, :1]), l2=0.3)
    np.testing.assert_allclose(once.members(X.astype(np.float32)), twice.members(X.astype(np.float32)), atol=1e-4)


def test_the_scale_of_the_ratings_comes_back_and_does_not_matter_to_the_score():
    plain, record = attributes(rated(X, Y, NAMES))
    other, again = attributes(rated(X, 100 + 7 * Y, NAMES))
    items = X.astype(np.float32)
    np.testing.assert_allclose(other.members(items), 100 + 7 * plain.members(items), rtol=1e-4)
    np.testing.assert_allclose(other.score(items), plain.score(items), atol=1e-4)
    assert [row["l2"] for row in record["attributes"]] == [row["l2"] for row in again["attributes"]]
    assert min(row["train_r2"] for row in record["attributes"]) > 0.7


def test_ratings_that_are_all_equal_come_back_and_score_zero():
    head, _ = attributes(rated(X, np.full((60, 1), 4.0)))
    items = X.astype(np.float32)
    assert head.members(items) == pytest.approx(np.full((60, 1), 4.0))
    assert head.score(items).tolist() == [0.0] * 60


def test_strength_is_chosen_on_validation_rows():
    half = rated(X[:15], Y[:15], NAMES), rated(np.vstack([X[:15], X[15:]]), np.vstack([np.nan * Y[:15], Y[15:]]), NAMES)
    train, valid = replace(half[0], items=half[1].items), half[1]
    _, record = attributes(train, valid)
    for column, told in enumerate(record["attributes"]):
        errors = []
        for a in DECADES:
            x, y = X[:15].astype(np.float32), Y[:15, column]
            w = ridge(x, y, a, intercept=True)
            errors.append(np.sum((Y[15:, column] - y.mean() - (X[15:] - x.mean(axis=0)) @ w) ** 2))
        assert told["l2"] == DECADES[int(np.argmin(errors))]
        spread = np.sum((Y[15:, column] - Y[15:, column].mean()) ** 2)
        assert told["valid_r2"] == pytest.approx(1 - min(errors) / spread, abs=1e-4)
        assert (told["n"], told["n_valid"], told["l2_from"]) == (15, 45, "valid")


def test_without_validation_rows_the_error_of_rows_left_out_decides():
    x, y = X[:12].astype(np.float32), Y[:12, 0]
    errors = []
    for a in DECADES:
        left = []
        for out in range(12):
            keep = np.arange(12) != out
            w = ridge(x[keep], y[keep], a, intercept=True)
            left.append(y[out] - y[keep].mean() - (x[out] - x[keep].mean(axis=0)) @ w)
        errors.append(np.sum(np.square(left)))
    (told,) = attributes(rated(x, y[:, None]))[1]["attributes"]
    assert (told["l2"], told["l2_from"]) == (DECADES[int(np.argmin(errors))], "left out")
    spread = np.sum((y - y.mean()) ** 2)
    assert told["left_out_r2"] == pytest.approx(1 - min(errors) / spread, abs=1e-4)


def test_blocks_change_nothing(monkeypatch):
    whole, _ = fit_attributes(rated(X, Y, NAMES), None, l2=None, standardise=True, poll=lambda share: None)
    monkeypatch.setattr("rmstore.heads.ridge.BLOCK", 7)
    parts, _ = fit_attributes(rated(X, Y, NAMES), None, l2=None, standardise=True, poll=lambda share: None)
    np.testing.assert_allclose(parts.weights, whole.weights, atol=1e-5)


def test_an_attribute_whose_rows_weigh_nothing_is_named():
    weight = np.where(np.nonzero(~np.isnan(Y))[1] == 1, 0.0, 1.0)
    with pytest.raises(InputError, match="attribute 'b' has no training row"):
        attributes(rated(X, Y, NAMES, weight))


# verbosity


@pytest.mark.parametrize("share", [0.05, 0.15, 0.4, 0.8])
def test_lam_is_the_share_of_verbosity(share):
    """r_k = q + c r_verb with q independent: the chosen lam is about c."""
    draw = np.random.default_rng(3)
    length, rest = draw.normal(size=(2, 20_000))
    transform, told = debias(np.column_stack([rest + share * length, length]), ("k", "verb"), "verb")
    k, verb = told["spearman"]
    assert k["lam"] == pytest.approx(share, abs=0.051)
    assert k["lam"] in STRENGTHS
    assert k["before"] > 0.03 >= k["after"]
    assert (verb["lam"], verb["before"], verb["after"]) == (1, pytest.approx(1), 0)
    np.testing.assert_array_equal(transform, [[1, 0], [-k["lam"], 0]])
    weaker = [lam for lam in STRENGTHS if lam < k["lam"]]
    assert all(spearman(rest + (share - lam) * length, length) > 0.03 for lam in weaker)


def test_what_no_candidate_reaches_gets_one_and_what_needs_nothing_keeps_all():
    draw = np.random.default_rng(3)
    length, rest = draw.normal(size=(2, 5_000))
    rewards = np.column_stack([rest + 3 * length, rest - length, length])
    _, told = debias(rewards, ("far", "against", "verb"), "verb")
    assert [row["lam"] for row in told["spearman"]] == [1, 0, 1]


def test_verbosity_leaves_the_score_but_not_the_members():
    values = np.column_stack([Y[:, 0], 0.6 * Y[:, 0] + Y[:, 1], Y[:, 0] + 3 * Y[:, 2]])
    plain, _ = attributes(rated(X, values, NAMES))
    head, record = attributes(rated(X, values, NAMES), verbosity="a")
    items = X.astype(np.float32)
    np.testing.assert_array_equal(head.members(items), plain.members(items))
    shift, matrix = head.attributes.plain(items), head.attributes.transform
    np.testing.assert_allclose(head.score(items), (shift @ matrix)[:, 1:].mean(axis=1), atol=1e-5)
    for row, column in zip(record["verbosity"]["spearman"], (shift @ matrix).T, strict=True):
        assert row["lam"] == 1 or spearman(column, shift[:, 0]) <= 0.03
    assert not (shift @ matrix)[:, 0].any()


def test_verbosity_must_be_an_attribute():
    with pytest.raises(OptionError, match="verbosity is 'length', which is no attribute\n  hint: attributes: a, b, c"):
        attributes(rated(X, Y, NAMES), verbosity="length")


# gate

PROMPTS = DRAW.choice([-1.0, 1.0], size=300).repeat(2)
SIDES = DRAW.normal(size=(600, 4))
ITEMS = np.column_stack([SIDES, PROMPTS, DRAW.normal(size=300).repeat(2)]).astype(np.float32)
"""Two responses to each of 300 prompts; the fifth column says which attribute counts."""
TWO, _ = attributes(rated(SIDES, SIDES[:, :2], ("x", "y")))
SWITCHED = np.where(PROMPTS > 0, SIDES[:, 0], SIDES[:, 1])
QUICK = {"hidden": [16], "lr": 0.02, "steps": 200}


def test_a_gate_learns_what_counts_for_which_prompt():
    train = compared(ITEMS, SWITCHED, 400)
    head, record = gated(TWO, train, **QUICK)
    constant, _ = gated(TWO, compared(SIDES, SWITCHED, 400), **QUICK)

    def accuracy(scores):
        return np.mean(scores[train.chosen] > scores[train.rejected])

    assert accuracy(head.score(ITEMS)) > 0.95
    assert accuracy(constant.score(SIDES.astype(np.float32))) < 0.85
    weights = head.gate.weights(ITEMS[:, 4:])
    assert weights[PROMPTS > 0, 0].mean() > 0.8 * head.gate.scale > weights[PROMPTS < 0, 0].mean()
    assert record["gate"]["entropy"] < 0.6 < record["gate"]["even_entropy"]


def test_gate_weights_are_not_negative_and_add_up_to_the_scale():
    head, record = gated(TWO, compared(ITEMS, SWITCHED, 400), **QUICK)
    weights = head.gate.weights(ITEMS[:, 4:])
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), head.gate.scale, rtol=1e-5)
    assert head.gate.scale != 1
    told = record["gate"]
    assert sum(row["mean_weight"] for row in told["weights"]) == pytest.approx(1)
    shares = weights[compared(ITEMS, SWITCHED, 400).chosen] / head.gate.scale
    assert np.log(2) >= told["entropy"] == pytest.approx(-(shares * np.log(shares)).sum(axis=1).mean(), abs=0.02)


def test_the_score_is_the_chain_of_its_parts():
    """score = e^T W^T T g, with the bias that the ratings gave."""
    verbose, _ = attributes(rated(SIDES, np.column_stack([SIDES[:, 0], SIDES[:, :2].sum(axis=1)]), ("x", "y")))
    head, record = gated(verbose, compared(ITEMS, SWITCHED, 400), verbosity="x", **QUICK)
    w, b, t = head.attributes.weights, head.attributes.bias, head.attributes.transform
    assert (t != np.eye(2)).any()
    gate = head.gate.weights(ITEMS[:, 4:])
    expected = np.einsum("nd,kd,kj,nj->n", ITEMS[:, :4], w, t, gate) + gate @ (b @ t)
    np.testing.assert_allclose(head.score(ITEMS), expected, atol=1e-4)
    np.testing.assert_array_equal(head.members(ITEMS), verbose.members(SIDES.astype(np.float32)))
    assert record["gate"]["verbosity_after"] < record["gate"]["verbosity_before"]


def test_a_gate_without_prompts_is_one_linear_head():
    head, _ = gated(TWO, compared(SIDES, SIDES[:, 0], 400), **QUICK)
    gate = head.gate.weights(np.zeros((1, 0), np.float32))[0]
    weights = gate @ head.attributes.weights
    fixed = LinearHead(weights[None], np.array([gate @ head.attributes.bias], np.float32))
    np.testing.assert_allclose(head.score(SIDES.astype(np.float32)), fixed.score(SIDES.astype(np.float32)), atol=1e-5)
    assert gate[0] > gate[1] >= 0


def test_only_the_gate_trains():
    before = TWO.to_bytes()
    head, _ = gated(TWO, compared(ITEMS, SWITCHED, 400), **QUICK)
    assert TWO.to_bytes() == before
    for name, array in TWO.attributes.arrays.items():
        np.testing.assert_array_equal(head.attributes.arrays[name], array)


def test_a_gate_trains_anew_on_the_attributes_of_another():
    train = compared(ITEMS, SWITCHED, 400)
    first, _ = gated(TWO, train, **QUICK)
    again, _ = gated(first, train, **QUICK)
    assert again.to_bytes() == first.to_bytes()


def test_the_prompt_may_lie_anywhere():
    train = compared(ITEMS, SWITCHED, 400)
    head, record = gated(TWO, train, prompt_at=[4, 5], **QUICK)
    assert record["prompt_at"] == [4, 5]
    other = ITEMS.copy()
    other[:, 5] += 10
    np.testing.assert_array_equal(head.score(other), head.score(ITEMS))
    with pytest.raises(OptionError, match="ends at column 7 of 6"):
        gated(TWO, train, prompt_at=[4, 7])


def test_both_sides_of_a_pair_pass_the_gate_as_one():
    """Dropout may not tell apart two responses to one prompt that are alike."""
    import torch

    from rmstore.heads.multi_training import _GateNet

    layers = [(np.ones((2, 64), np.float32), np.zeros(64, np.float32)), (np.ones((64, 2), np.float32), np.zeros(2))]
    layers = [(DRAW.normal(size=weight.shape).astype(np.float32), bias.astype(np.float32)) for weight, bias in layers]
    net = _GateNet(layers, np.ones((3, 2), np.float32), 1.0)
    x = torch.tensor([[[1.0, 2.0, 0.0], [1.0, 2.0, 0.0], [1.0, 2.0, 2.0]]])
    draw = np.random.default_rng(0)
    rewards = net.rewards(x, lambda h: h * torch.from_numpy((draw.random(h.shape) < 0.5).astype(np.float32)))[0]
    assert rewards[0] == rewards[1] != rewards[2]


def test_a_gate_begins_even_and_where_even_weights_fit_best():
    train = compared(SIDES, SIDES[:, 0] + SIDES[:, 1], 400)
    still = {"hidden": [16], "steps": 1, "lr": 1e-12}
    assert gated(TWO, train, preset="published", **still)[0].gate.scale == pytest.approx(1)
    assert gated(TWO, train, scale=3.0, **still)[0].gate.scale == pytest.approx(3)
    assert gated(TWO, train, **still)[0].gate.scale > 10  # noiseless pairs that the mean tells apart
    backwards = replace(train, chosen=train.rejected, rejected=train.chosen)
    assert gated(TWO, backwards, **still)[0].gate.scale == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"members": 2}, "ensemble of 2"),
        ({"merge": "weights"}, "takes no merge"),
        ({"l2": 1.0}, "l2 belongs to the attributes"),
        ({"standardise": False}, "standardise belongs to the attributes"),
    ],
)
def test_what_a_gate_cannot_use_is_refused(options, told):
    with pytest.raises(OptionError, match=told):
        gated(TWO, compared(ITEMS, SWITCHED, 40), **options)


def test_pairs_need_attributes_first():
    train = compared(ITEMS, SWITCHED, 40)
    with pytest.raises(OptionError, match=r"not there yet\n  hint: rm_train_ratings\('attrs'"):
        gated(None, train)
    linear = LinearHead(np.ones((1, 4), np.float32), np.zeros(1, np.float32))
    with pytest.raises(OptionError, match="cannot go on from a linear head"):
        gated(linear, train)
    with pytest.raises(OptionError, match="width 3 cannot go on from a multi head of width 4"):
        gated(TWO, compared(SIDES[:, :3], SWITCHED, 40))


@pytest.mark.parametrize("options", [{"steps": 5}, {"hidden": [4]}, {"preset": "published"}, {"dropout": 0.0}])
def test_ratings_refuse_the_options_of_the_gate(options):
    with pytest.raises(OptionError, match=f"{next(iter(options))} belongs to the gate"):
        attributes(rated(X, Y, NAMES), **options)


def test_ratings_learn_by_squared_error_from_nothing():
    with pytest.raises(OptionError, match="objective 'logistic'"):
        gated(None, rated(X, np.clip(Y, 0, 1), NAMES), objective="logistic")
    with pytest.raises(OptionError, match="no use for a start"):
        gated(TWO, rated(SIDES, SIDES[:, :2], ("x", "y")), objective="squared")


def test_tensors_that_do_not_fit_are_refused():
    from rmstore.heads import serial

    head, _ = gated(TWO, compared(ITEMS, SWITCHED, 40), hidden=[4], steps=2)
    tensors, header = serial.unpack("multi", head.to_bytes())
    settings = {name: header[name] for name in ("attributes", "dim", "prompt", "gate_scale")}
    assert MultiHead.from_bytes(serial.pack("multi", tensors, **settings)).dim == 6
    for spoilt, names in [
        ({**tensors, "transform": np.eye(3)}, settings),
        ({**tensors, "gate.bias.0": np.zeros(5)}, settings),
        ({**tensors, "gate.bias.1": np.zeros(3), "gate.weight.1": np.zeros((4, 3))}, settings),
        (tensors, {**settings, "prompt": [5, 9]}),
        (tensors, {**settings, "attributes": ["x"]}),
        (tensors, {**settings, "dim": 2}),
        ({**tensors, "more": np.zeros(1)}, settings),
    ]:
        with pytest.raises(BadFileError, match="cannot read a multi head"):
            MultiHead.from_bytes(serial.pack("multi", spoilt, **names))
