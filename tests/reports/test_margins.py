"""The report margins: a few literal votes by hand, random scores against numpy."""

import numpy as np
import pytest
from lab import fill, table
from scipy import stats

from rmstore import reports

ROWS = [
    {"prompt": "p1", "text": "a", "reward": 2},
    {"prompt": "p1", "text": "b", "reward": 1},
    {"prompt": "p2", "text": "c", "reward": 5},
    {"prompt": "p2", "text": "d", "reward": 5},
    {"prompt": "p3", "text": "e", "reward": -4},
    {"prompt": "p3", "text": "f", "reward": 3},
    {"prompt": "p4", "text": "g", "reward": 9},
    {"prompt": "p4", "text": "h", "reward": 0},
]
VOTES = [
    (0, 1, 1.0, "easy"),  # margin 1
    (1, 0, 0.75, "easy"),  # margin -1
    (2, 3, 1.0, "hard"),  # margin 0
    (5, 4, 1.0, "hard"),  # margin 7
    (2, 3, 0.5, "hard"),  # no preference
    (6, 7, 1.0, None),  # its group was seen
]


def by_subset(rows):
    return {(row["dataset"], row["subset"]): row for row in rows}


def taken(row, *names):
    return tuple(row[name] for name in names)


def test_margins_by_hand(store):
    groups = fill(store, ROWS, VOTES, seen=["p4"])
    assert len(groups) == 4
    store.sql('update preferences set margin = "row" where "row" < 4')
    cells = by_subset(table(store, "margins"))
    assert list(cells) == [("d", "easy"), ("d", "hard"), ("d", "all"), ("all", "all")]
    total = cells["all", "all"]
    assert taken(total, "n_pairs", "n_groups", "n_cross", "n_seen", "random") == (4, 3, 0, 1, 0.5)
    assert taken(total, "margin", "negative", "tie_rate") == (7 / 4, 1 / 4, 1 / 4)
    assert taken(total, "min_reward", "max_reward") == (-4, 5)
    assert total["mean_reward"] == pytest.approx((2 + 1 + 1 + 2 + 5 + 5 + 3 - 4) / 8)
    sd = np.std([1, -1, 0, 7], ddof=1)
    assert taken(total, "sd", "standardised") == pytest.approx((sd, 7 / 4 / sd))
    assert taken(total, "q25", "median", "q75") == tuple(np.quantile([1, -1, 0, 7], [0.25, 0.5, 0.75]))
    # the margins 1, -1, 0, 7 beside prob 1, 0.75, 1, 1, and beside the given margins 0, 1, 2, 3
    assert taken(total, "n_prob", "prob_corr") == pytest.approx((4, np.corrcoef([1, -1, 0, 7], [1, 0.75, 1, 1])[0, 1]))
    assert taken(total, "n_margin", "margin_corr") == pytest.approx((4, np.corrcoef([1, -1, 0, 7], range(4))[0, 1]))
    assert taken(total, "prob_low", "prob_high") == (None, None)  # three groups
    assert taken(cells["d", "easy"], "n_pairs", "margin", "low", "negative", "prob_corr") == (2, 0, None, 0.5, 1)


def test_margins_are_those_of_numpy(store):
    rng = np.random.default_rng(2)
    n = 200
    rewards = np.round(rng.standard_normal(2 * n), 2)
    prompts = [f"p{number}" for number in rng.integers(0, 30, n).repeat(2)]
    prob = rng.uniform(0.51, 1, n)
    fill(store, {"prompt": prompts, "text": [f"t{i}" for i in range(2 * n)], "reward": rewards},
         [(2 * i, 2 * i + 1, float(prob[i])) for i in range(n)])  # fmt: skip
    row = table(store, "margins")[-1]
    margin = rewards.astype(np.float32).astype(float)
    margin = margin[::2] - margin[1::2]
    _, group = np.unique(prompts[::2], return_inverse=True)
    count = group.max() + 1
    residual = np.bincount(group, margin - margin.mean())
    half = stats.t.ppf(0.975, count - 1) * np.sqrt(count / (count - 1) * (residual**2).sum()) / n
    assert row["margin"] == pytest.approx(margin.mean(), abs=1e-9)
    assert taken(row, "low", "high") == pytest.approx((margin.mean() - half, margin.mean() + half), abs=1e-6)
    quantiles = np.quantile(margin, [0.05, 0.25, 0.5, 0.75, 0.95])
    assert taken(row, "q05", "q25", "median", "q75", "q95") == pytest.approx(tuple(quantiles), abs=1e-9)
    assert taken(row, "negative", "tie_rate") == pytest.approx(((margin < 0).mean(), (margin == 0).mean()))
    r = stats.pearsonr(margin, prob)
    low, high = np.tanh(np.arctanh(r.statistic) + np.array([-1, 1]) * stats.norm.ppf(0.975) / np.sqrt(count - 3))
    assert row["prob_corr"] == pytest.approx(r.statistic, abs=1e-9)
    assert taken(row, "prob_low", "prob_high") == pytest.approx((low, high), abs=1e-9)
    accuracy = table(store, "accuracy")[-1]
    assert row["negative"] + row["tie_rate"] / 2 == pytest.approx(1 - accuracy["accuracy"])
    assert 1 - accuracy["high"] <= row["negative_high"]


def test_a_constant_head_has_margins_of_nothing(store):
    fill(store, [{**row, "reward": 1} for row in ROWS], VOTES)
    row = table(store, "margins")[-1]
    assert taken(row, "margin", "low", "high", "sd", "standardised") == (0, 0, 0, 0, None)
    assert taken(row, "negative", "tie_rate", "prob_corr", "min_reward", "max_reward") == (0, 1, None, 1, 1)


def test_where_every_vote_was_seen_nothing_is_averaged(store):
    fill(store, ROWS, VOTES, seen=["p1", "p2", "p3", "p4"])
    row = table(store, "margins")[-1]
    assert taken(row, "n_pairs", "n_groups", "n_seen", "n_prob", "n_margin") == (0, 0, 5, 0, 0)
    assert {row[name] for name in ("margin", "low", "sd", "median", "negative", "random", "mean_reward")} == {None}


def test_one_vote_has_a_margin_and_no_spread(store):
    fill(store, ROWS[:2], VOTES[:1])
    row = table(store, "margins")[-1]
    assert taken(row, "margin", "median", "low", "sd", "standardised", "prob_corr") == (1, 1, None, None, None, None)


def test_subset_dataset_and_split_choose(store):
    rows = [*ROWS, {"prompt": "q", "text": "o", "dataset": "e", "reward": 1, "split": "train"},
            {"prompt": "q", "text": "pp", "dataset": "e", "split": "train"}]  # fmt: skip
    fill(store, rows, [*VOTES, (8, 9)])
    assert {row["subset"] for row in table(store, "margins", subset="hard")} == {"hard", "all"}
    assert table(store, "margins", dataset="e", split="all")[-1]["n_pairs"] == 1
    cells = [(row["dataset"], row["split"]) for row in table(store, "margins", split="all") if row["subset"] == "all"]
    assert cells == [
        ("d", "test"), ("all", "test"), ("e", "train"), ("all", "train"), ("d", "all"), ("e", "all"), ("all", "all"),
    ]  # fmt: skip


def test_levels_are_noted_for_a_head_within_prompts(store):
    fill(store, ROWS, VOTES)
    assert (
        "compares rewards of different prompts" in reports.run(store, "margins", {"head": "h"}).provenance["notes"][0]
    )


@pytest.mark.parametrize("objective", ["squared", "logistic"])
def test_levels_are_learned_where_every_item_has_a_value(store, objective):
    fill(store, ROWS, VOTES, objective=objective)
    assert reports.run(store, "margins", {"head": "h"}).provenance["notes"] == []
