"""The reports calibration and calibration_bins: by hand, and the identities of calibrated probabilities."""

from math import log

import numpy as np
import pytest
from lab import fill, table

ODDS = log(3)  # a gap of log 3 is a probability of 0.75


def of_gaps(store, gaps, votes, **options):
    """Fill a store with one prompt per gap, whose first response is that much better, and votes on them."""
    n = len(gaps)
    rows = {
        "prompt": [f"p{number // 2}" for number in range(2 * n)],
        "text": [f"t{number}" for number in range(2 * n)],
        "reward": [float(value) for gap in gaps for value in (gap, 0)],
    }
    fill(store, rows, votes, **options)


def drawn(n, scale=1.5, seed=0):
    """Return gaps and votes drawn from their probabilities."""
    rng = np.random.default_rng(seed)
    gaps = rng.normal(scale=scale, size=n).astype(np.float32)
    wins = rng.random(n) < 1 / (1 + np.exp(-gaps.astype(float)))
    return gaps, [(2 * i, 2 * i + 1) if win else (2 * i + 1, 2 * i) for i, win in enumerate(wins)]


def test_by_hand(store):
    # probabilities of the better side: 0.75 (right), 0.75 (wrong), 0.5 (no difference), 0.9 (a vote of 0.8 for it)
    of_gaps(store, [ODDS, ODDS, 0, log(9)], [(0, 1), (3, 2), (4, 5), (6, 7, 0.8)])
    row = table(store, "calibration")[0]
    assert (row["dataset"], row["split"], row["n_pairs"], row["n_groups"], row["n_seen"]) == ("d", "test", 4, 4, 0)
    losses = [-log(0.75), -log(0.25), log(2), -0.8 * log(0.9) - 0.2 * log(0.1)]
    assert row["nll"] == pytest.approx(np.mean(losses), abs=1e-6)
    assert row["brier"] == pytest.approx((0.25**2 + 0.75**2 + 0.5**2 + 0.1**2) / 4, abs=1e-6)
    assert row["confidence"] == pytest.approx((0.75 + 0.75 + 0.5 + 0.9) / 4, abs=1e-6)
    assert row["agreement"] == pytest.approx((1 + 0 + 0.5 + 0.8) / 4)
    assert row["ece"] == pytest.approx((abs(1 - 1.5) + 0 + abs(0.8 - 0.9)) / 4, abs=1e-6)
    assert row["random"] == pytest.approx(log(2))
    half = 3.1824463 * np.std(losses, ddof=1) / 2
    assert (row["low"], row["high"]) == pytest.approx((np.mean(losses) - half, np.mean(losses) + half), abs=1e-6)


def test_bins_by_hand(store):
    of_gaps(store, [ODDS, ODDS, 0, log(8), 50], [(0, 1), (3, 2), (4, 5), (6, 7, 0.8), (8, 9)])
    bins = table(store, "calibration_bins")
    assert [(row["bin"], row["n_pairs"], row["n_groups"]) for row in bins] == [
        (1, 1, 1), (8, 2, 2), (12, 1, 1), (15, 1, 1),
    ]  # fmt: skip
    assert [row["agreement"] for row in bins] == pytest.approx([0.5, 0.5, 0.8, 1.0])
    assert [row["confidence"] for row in bins] == pytest.approx([0.5, 0.75, 8 / 9, 1.0])
    assert (bins[1]["conf_from"], bins[1]["conf_to"]) == pytest.approx((0.5 + 7 / 30, 0.5 + 8 / 30))
    assert bins[0]["low"] is None and 0 <= bins[1]["low"] < 0.5 < bins[1]["high"] <= 1


def test_bins_add_up_to_ece(store):
    of_gaps(store, *drawn(400))
    bins, row = table(store, "calibration_bins"), table(store, "calibration")[0]
    assert sum(one["n_pairs"] for one in bins) == 400
    gaps = [one["n_pairs"] * abs(one["confidence"] - one["agreement"]) for one in bins]
    assert row["ece"] == pytest.approx(sum(gaps) / 400)


def test_swapping_the_sides_of_every_pair_changes_nothing(store):
    gaps, votes = drawn(200)
    gaps[:20] = 0
    votes = [(*vote, 0.9) for vote in votes]
    of_gaps(store, gaps, votes)
    before = table(store, "calibration")
    store.sql("update preferences set chosen_id = rejected_id, rejected_id = chosen_id, prob = 1 - prob")
    after = table(store, "calibration")
    for one, other in zip(before, after, strict=True):
        assert other == pytest.approx(one)


def test_votes_drawn_from_the_probabilities_are_calibrated(store):
    gaps, votes = drawn(4000)
    of_gaps(store, gaps, votes)
    row = table(store, "calibration")[0]
    p = 1 / (1 + np.exp(-gaps.astype(float)))
    assert row["entropy"] == pytest.approx(np.mean(-p * np.log(p) - (1 - p) * np.log(1 - p)), abs=1e-9)
    error = (row["high"] - row["low"]) / (2 * 1.96)
    assert abs(row["nll"] - row["entropy"]) < 4 * error
    assert row["brier"] == pytest.approx(np.mean(p * (1 - p)), abs=0.02)
    assert row["ece"] < 0.03


def test_tripling_the_gaps_raises_ece_and_leaves_the_order_alone(store):
    of_gaps(store, *drawn(1500))
    before = table(store, "calibration")[0]
    store.sql("update heads set temperature = 1 / 3.0")
    after = table(store, "calibration")[0]
    assert after["temperature"] == pytest.approx(1 / 3)
    assert after["ece"] > before["ece"] + 0.05
    assert after["nll"] > before["nll"]
    assert after["agreement"] == before["agreement"]


def test_huge_gaps_are_finite(store):
    of_gaps(store, [1000, 1000], [(0, 1), (3, 2)])
    row = table(store, "calibration")[0]
    assert row["nll"] == pytest.approx(500)
    assert (row["entropy"], row["brier"], row["ece"]) == pytest.approx((0, 0.5, 0.5))


def test_seen_groups_are_left_out_and_totals_are_apart(store):
    of_gaps(store, [ODDS, ODDS, 0], [(0, 1), (3, 2), (4, 5)], seen=["p1"])
    rows = table(store, "calibration", split="all")
    assert [(row["dataset"], row["split"]) for row in rows] == [
        ("d", "test"), ("all", "test"), ("d", "all"), ("all", "all"),
    ]  # fmt: skip
    for row in rows:
        assert (row["n_pairs"], row["n_groups"], row["n_seen"]) == (2, 2, 1)
        assert row["nll"] == pytest.approx((-log(0.75) + log(2)) / 2, abs=1e-6)
    assert [row["bin"] for row in table(store, "calibration_bins", split="all")] == [1, 8]


def test_where_everything_was_seen_there_is_no_number(store):
    of_gaps(store, [ODDS], [(0, 1)], seen=["p0"])
    row = table(store, "calibration")[0]
    assert (row["n_pairs"], row["n_seen"]) == (0, 1)
    assert {row[name] for name in ("nll", "low", "high", "random", "entropy", "brier", "ece", "agreement")} == {None}
    assert table(store, "calibration_bins") == []
