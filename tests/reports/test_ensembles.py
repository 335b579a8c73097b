"""The reports ensembles and ensembles-bon: rules by hand, and what holds for every ensemble."""

import numpy as np
import pytest
from lab import fill, save_head, table
from scipy.optimize import minimize_scalar
from spans import paired_share

from rmstore import snapshots
from rmstore.errors import RmstoreError

RULES = ["single", "best", "reward", "mean", "wco", "uwo", "lcb", "mean - std"]
M5 = 1.1630
"""Expected maximum of five standard normal numbers."""


def by_rule(rows):
    """Return rows by rule."""
    return {row["rule"]: row for row in rows}


def rows_of(n_prompts, n, seed=0, **columns):
    """Return columns of prompts with n candidates each, whose vectors and golds are drawn."""
    rng = np.random.default_rng(seed)
    reward, noise = rng.normal(size=(2, n_prompts * n))
    return {
        "prompt": [f"p{i // n}" for i in range(n_prompts * n)],
        "text": [f"t{i}" for i in range(n_prompts * n)],
        "reward": list(reward),
        "gold": list(reward + noise),
        **columns,
    }


def ensemble(store, weights, rows, votes=(), **options):
    """Fill a store and give it a head ``e@1`` whose member m says weights[m] times the vector."""
    fill(store, rows, votes, **options)
    save_head(store, snapshots.resolve(store, "s"), ["00000000-0000-0000-0000-000000000001"], name="e",
              weights=[(float(weight),) for weight in weights])  # fmt: skip


def test_by_hand(store):
    # members x, x and -x: their mean is x / 3, their standard deviation s |x| with s = sqrt(8) / 3
    rows = {
        "prompt": list("aabb"),
        "text": ["a0", "a1", "b0", "b1"],
        "reward": [3.0, 1.0, 1.0, -2.0],
    }
    ensemble(store, [1, 1, -1], rows, [(0, 1), (2, 3)])
    found = by_rule(table(store, "ensembles", head="e", penalty=0.1))
    assert list(found) == RULES
    assert {(row["members"], row["n_pairs"], row["n_groups"], row["n_seen"]) for row in found.values()} == {
        (3, 2, 2, 0)
    }
    # wco is -|x|: votes 3 over 1 wrong, 1 over -2 right. uwo is x / 3 - 0.1 * 8 / 9 * x^2: 0.2 to 0.244 wrong, right.
    # lcb is x / 3 - 0.943 |x|: wrong, right.
    accuracies = {rule: row["accuracy"] for rule, row in found.items()}
    assert accuracies == pytest.approx(
        {"single": 2 / 3, "best": 1, "reward": 1, "mean": 1, "wco": 0.5, "uwo": 0.5, "lcb": 0.5, "mean - std": 0.5}
    )
    assert found["mean"]["gain"] == pytest.approx(1 / 3) and found["wco"]["gain"] == pytest.approx(-1 / 6)
    low, high = paired_share(-1 / 6, np.var([1 / 3, -2 / 3], ddof=1) / 2, 2)
    assert (found["wco"]["gain_low"], found["wco"]["gain_high"]) == pytest.approx((low, high)) and -1 < low < high < 1
    # the mean gains a third on both votes: nothing varies
    assert [found[rule]["gain_low"] for rule in ("single", "mean", "reward")] == [None] * 3
    assert found["mean"]["spread"] == pytest.approx((2 + 3) * np.sqrt(8) / 3 / 2)
    assert found["wco"]["spread_error"] == pytest.approx(-1) and found["mean"]["spread_error"] is None
    assert {row["nll"] for row in found.values()} == {None}, "no votes in the valid split"


@pytest.mark.parametrize("weights", [[1.0], [2.0, 2.0, 2.0]])
def test_one_member_or_identical_ones_agree(store, weights):
    rows = rows_of(12, 4)
    ensemble(store, weights, rows, [(i, i + 1) for i in range(0, 48, 2)])
    found = table(store, "ensembles", head="e")
    assert len({row["accuracy"] for row in found}) == 1
    assert {row["gain"] for row in found} == {0} and {row["spread"] for row in found} == {0}
    assert {row["gain_low"] for row in found} == {None}
    curves = table(store, "ensembles-bon", head="e")
    for n in (1, 2, 4):
        golds = [row["gold"] for row in curves if row["n"] == n]
        assert golds == pytest.approx([golds[0]] * 7)
    assert {(row["gain"], row["gain_low"], row["gain_high"]) for row in curves} == {(0, None, None)}


def test_without_a_penalty_rules_are_the_mean(store):
    ensemble(store, [1, -0.4, 0.2, 0.9], rows_of(20, 4), [(i, i + 1) for i in range(0, 80, 2)])
    found = by_rule(table(store, "ensembles", head="e", penalty=0, k=0))
    for rule in ("uwo", "lcb", "reward"):
        assert {**found[rule], "rule": "mean"} == pytest.approx(found["mean"])
    curves = table(store, "ensembles-bon", head="e", penalty=0, k=0)
    golds = {(row["rule"], row["n"]): row["gold"] for row in curves}
    for n in (1, 2, 4):
        for rule in ("uwo", "lcb", "reward"):
            assert golds[rule, n] == pytest.approx(golds["mean", n])


def scores(store, members, **options):
    """Return scores of lists of members by rule."""
    cursor = store.cursor()
    rows = [", ".join(map(repr, map(float, row))) for row in members]
    values = ", ".join(f"({number}, [{row}])" for number, row in enumerate(rows))
    found = cursor.execute(
        f"select _rm_rule_scores(0, m, $penalty, $k) from (values {values}) as t (number, m) order by number",
        {"penalty": 0.5, "k": 1.0, **options},
    ).fetchall()
    return {one["rule"]: np.array([row[0][i]["score"] for row in found]) for i, one in enumerate(found[0][0])}


def test_rules_of_any_members(store):
    members = np.random.default_rng(0).normal(size=(50, 5))
    found = scores(store, members)
    assert found["mean"] == pytest.approx(members.mean(axis=1))
    assert found["wco"] == pytest.approx(members.min(axis=1)) and (found["wco"] <= found["mean"]).all()
    assert found["uwo"] == pytest.approx(members.mean(axis=1) - 0.5 * members.var(axis=1))
    assert found["lcb"] == pytest.approx(members.mean(axis=1) - members.std(axis=1))
    assert found["lcb"] == pytest.approx(found["mean - std"])
    assert found["member 3"] == pytest.approx(members[:, 2])
    more = scores(store, members, penalty=2.0)
    assert (more["uwo"] <= found["uwo"]).all() and more["wco"] == pytest.approx(found["wco"])
    moved, scaled = scores(store, members + 7), scores(store, 3 * members)
    for rule in ("mean", "wco", "uwo"):
        assert moved[rule] == pytest.approx(found[rule] + 7)
    for rule in ("mean", "wco"):
        assert scaled[rule] == pytest.approx(3 * found[rule])
    assert scaled["uwo"] - scaled["mean"] == pytest.approx(9 * (found["uwo"] - found["mean"]))


def test_the_worst_of_independent_members_is_lower_by_the_expected_maximum(store):
    members = 2.0 + 0.7 * np.random.default_rng(1).normal(size=(4000, 5))
    found = scores(store, members)
    assert (found["wco"] - found["mean"]).mean() == pytest.approx(-0.7 * M5, abs=0.03)


def test_nll_is_that_of_the_best_temperature_on_the_valid_split(store):
    rng = np.random.default_rng(3)
    rows = rows_of(200, 2, split=["valid"] * 200 + ["test"] * 200)
    gap = np.array(rows["reward"][::2]) - np.array(rows["reward"][1::2])
    wins = rng.random(200) < 1 / (1 + np.exp(-gap))
    votes = [(2 * i, 2 * i + 1) if win else (2 * i + 1, 2 * i) for i, win in enumerate(wins)]
    ensemble(store, [4, 4], rows, votes)
    found = by_rule(table(store, "ensembles", head="e"))
    row = found["mean"]
    assert found["single"]["nll"] == pytest.approx(row["nll"]) and found["single"]["temperature"] is None
    won = np.where(wins, 4 * gap, -4 * gap)
    best = minimize_scalar(lambda t: np.logaddexp(0, -won[:100] / t).mean(), bounds=(1, 20)).x
    assert row["temperature"] == pytest.approx(best, rel=1e-3) and row["n_pairs"] == 100
    assert row["nll"] == pytest.approx(np.logaddexp(0, -won[100:] / row["temperature"]).mean(), rel=1e-5)


def test_best_of_n_by_hand(store):
    rows = {
        "prompt": list("aaabb"),
        "text": ["a0", "a1", "a2", "b0", "b1"],
        "reward": [1.0, 2.0, 3.0, -1.0, -2.0],
        "gold": [0.0, 3.0, 9.0, 4.0, 6.0],
    }
    ensemble(store, [1, -1], rows)
    found = {(row["rule"], row["n"]): row for row in table(store, "ensembles-bon", head="e")}
    assert {n for _, n in found} == {1, 2}
    # prompt a: member 1 picks upwards: (2 * 9 + 3) / 3 = 7; member 2 downwards: (2 * 0 + 3) / 3 = 1. b: 4 and 6.
    assert found["single", 2]["gold"] == pytest.approx((4 + 5) / 2)
    # wco is -|x|: the smallest, a: 1, b: 4
    assert found["wco", 2]["gold"] == pytest.approx(2.5)
    assert found["wco", 2]["gain"] == pytest.approx((1 - 4 + 4 - 5) / 2)
    # the mean is 0 for all: any candidate
    assert found["mean", 2]["gold"] == found["mean", 2]["random"] == pytest.approx((4 + 5) / 2)
    assert found["mean", 2]["oracle"] == pytest.approx((7 + 6) / 2)
    assert {row["n_prompts"] for row in found.values()} == {2}


def test_gains_are_over_one_member(store):
    ensemble(store, [1, 1, -1], rows_of(10, 4))
    rows = table(store, "ensembles-bon", head="e")
    single = {row["n"]: row["gold"] for row in rows if row["rule"] == "single"}
    assert single[4] > rows[0]["random"] + 0.1
    for row in rows:
        assert row["gain"] == pytest.approx(row["gold"] - single[row["n"]], abs=1e-12)
        # of one candidate all rules pick the same: nothing varies
        assert (row["gain_low"] is None) == (row["n"] == 1 or row["rule"] == "single")


def test_seen_groups_are_left_out(store):
    rows = rows_of(4, 2)
    groups = fill(store, rows, [(0, 1), (2, 3), (4, 5), (6, 7)])
    save_head(store, snapshots.resolve(store, "s"), [groups["p0"]], name="e", weights=[(1.0,), (0.5,)])
    assert {(row["n_pairs"], row["n_seen"]) for row in table(store, "ensembles", head="e")} == {(3, 1)}
    assert {(row["n_prompts"], row["n_seen"]) for row in table(store, "ensembles-bon", head="e")} == {(3, 1)}


def test_nothing_to_judge_has_no_rows(store):
    ensemble(store, [1, 2], rows_of(2, 2, gold=None), [(0, 1, 0.5)])
    assert table(store, "ensembles", head="e") == []
    store.sql(
        "insert into ratings by name select uuid() as rating_id, response_id, 1 as dataset_id, "
        "'gold' as attribute, 'nan'::double as value from responses"
    )
    assert table(store, "ensembles-bon", head="e") == []


def test_attributes_are_no_ensemble(store):
    ensemble(store, [1, 2], rows_of(2, 2), [(0, 1)])
    store.sql("update heads set kind = 'multi' where name = 'e'")
    for name in ("ensembles", "ensembles-bon"):
        with pytest.raises(RmstoreError, match="the members of e@1 are attributes, no ensemble"):
            table(store, name, head="e")
