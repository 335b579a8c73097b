"""The reports calibration and calibration-bins: by hand, and the identities of calibrated probabilities."""

from math import log

import numpy as np
import pyarrow as pa
import pytest
from lab import fill, table
from scipy.optimize import minimize_scalar

from rmstore.bootstrap import poisson_counts, totals
from rmstore.errors import RmstoreError

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


def vote_nll(gaps, prob=1.0):
    """Return the negative log-likelihood of votes for the first side."""
    return prob * np.logaddexp(0, -gaps) + (1 - prob) * np.logaddexp(0, gaps)


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
    bins = table(store, "calibration-bins")
    assert [(row["bin"], row["n_pairs"], row["n_groups"]) for row in bins] == [
        (1, 1, 1), (8, 2, 2), (12, 1, 1), (15, 1, 1),
    ]  # fmt: skip
    assert [row["agreement"] for row in bins] == pytest.approx([0.5, 0.5, 0.8, 1.0])
    assert [row["confidence"] for row in bins] == pytest.approx([0.5, 0.75, 8 / 9, 1.0])
    assert (bins[1]["conf_from"], bins[1]["conf_to"]) == pytest.approx((0.5 + 7 / 30, 0.5 + 8 / 30))
    assert bins[0]["low"] is None and 0 <= bins[1]["low"] < 0.5 < bins[1]["high"] <= 1


def test_bins_add_up_to_ece(store):
    of_gaps(store, *drawn(400))
    bins, row = table(store, "calibration-bins"), table(store, "calibration")[0]
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
    assert [row["bin"] for row in table(store, "calibration-bins", split="all")] == [1, 8]


def test_where_everything_was_seen_there_is_no_number(store):
    of_gaps(store, [ODDS], [(0, 1)], seen=["p0"])
    row = table(store, "calibration")[0]
    assert (row["n_pairs"], row["n_seen"]) == (0, 1)
    assert {row[name] for name in ("nll", "low", "high", "random", "entropy", "brier", "ece", "agreement")} == {None}
    assert table(store, "calibration-bins") == []


def test_swapping_changes_no_bin_either(store):
    gaps, votes = drawn(60)
    of_gaps(store, gaps, [(*vote, 0.8) for vote in votes])
    before = table(store, "calibration-bins")
    store.sql("update preferences set chosen_id = rejected_id, rejected_id = chosen_id, prob = 1 - prob")
    for one, other in zip(before, table(store, "calibration-bins"), strict=True):
        assert other == pytest.approx(one)


def test_number_of_bins(store):
    gaps, votes = drawn(300)
    of_gaps(store, gaps, votes)
    conf = 1 / (1 + np.exp(-np.abs(gaps.astype(float))))
    ok = np.array([(gap > 0) == (chosen < rejected) for gap, (chosen, rejected) in zip(gaps, votes, strict=True)])
    for bins in (1, 4, 15):
        place = np.minimum((conf - 0.5) * 2 * bins, bins - 1).astype(int)
        errors = [abs((conf - ok)[place == one].sum()) for one in range(bins)]
        row = table(store, "calibration", bins=bins, replicates=10)[0]
        assert row["ece"] == pytest.approx(sum(errors) / 300, abs=1e-9)
        chance = [np.sqrt(2 / np.pi * (conf * (1 - conf))[place == one].sum()) for one in range(bins)]
        assert row["ece_chance"] == pytest.approx(sum(chance) / 300, abs=1e-9)
        found = table(store, "calibration-bins", bins=bins)
        assert [one["bin"] for one in found] == sorted(set(place + 1))
        assert found[-1]["conf_to"] == pytest.approx(0.5 + found[-1]["bin"] / (2 * bins))
    with pytest.raises(RmstoreError, match="bins is 0: 1 to 1000"):
        table(store, "calibration", bins=0)


def test_the_best_temperature_of_the_valid_split(store):
    # heads three times too sure: the best temperature is near 3; the test split is judged with it
    gaps, votes = drawn(800)
    rows = {
        "prompt": [f"p{number // 2}" for number in range(1600)],
        "text": [f"t{number}" for number in range(1600)],
        "reward": [float(value) for gap in 3 * gaps for value in (gap, 0)],
        "split": ["valid"] * 800 + ["test"] * 800,
    }
    fill(store, rows, votes)
    won = np.array([gap if chosen < rejected else -gap for gap, (chosen, rejected) in zip(gaps, votes, strict=True)])
    won = 3 * won.astype(float)
    best = minimize_scalar(lambda t: vote_nll(won[:400] / t).mean(), bounds=(0.1, 20), method="bounded",
                           options={"xatol": 1e-9}).x  # fmt: skip
    row = table(store, "calibration", replicates=10)[0]
    assert 2 < best < 4.5
    assert row["fitted_temperature"] == pytest.approx(best, rel=1e-4)
    assert row["fitted_nll"] == pytest.approx(vote_nll(won[400:] / best).mean(), rel=1e-6)
    assert row["nll"] == pytest.approx(vote_nll(won[400:]).mean(), rel=1e-6) and row["nll"] > row["fitted_nll"] + 0.1
    store.sql("update heads set temperature = $best", params={"best": best})
    same = table(store, "calibration", replicates=10)[0]
    assert same["nll"] == pytest.approx(row["fitted_nll"]) and same["agreement"] == row["agreement"]


def test_without_valid_votes_no_temperature_is_fitted(store):
    of_gaps(store, *drawn(30))
    row = table(store, "calibration")[0]
    assert row["fitted_temperature"] is None and row["fitted_nll"] is None and row["nll"] is not None


def test_the_interval_of_ece_is_a_bootstrap_by_group(store):
    gaps, votes = drawn(200)
    of_gaps(store, 4 * gaps, votes)
    row, again, other = (table(store, "calibration", seed=seed, replicates=200)[0] for seed in (0, 0, 1))
    assert 0 < row["ece_low"] < row["ece"] < row["ece_high"]
    assert (row["ece_low"], row["ece_high"]) == pytest.approx((again["ece_low"], again["ece_high"]))
    assert row["ece_low"] != pytest.approx(other["ece_low"])
    assert row["ece"] == pytest.approx(other["ece"])


def drawn_parts(rng, samples, groups, scale):
    """Return parts of _rm_ece_intervals: two votes a group, their true log-odds scaled; and the true ECE of 15 bins."""
    odds = np.abs(rng.normal(0, 1.5, (samples, groups, 2)))
    conf, ok = 1 / (1 + np.exp(-scale * odds)), rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
    sample, group, _ = np.indices(odds.shape)
    place = [np.char.mod("%d", sample).ravel(), np.char.mod("%d", group).ravel()]
    parts = pa.table({
        "dataset": place[0], "split": place[0], "group_id": place[1], "n": np.ones(odds.size, int),
        "bin": np.minimum((conf - 0.5) * 30, 14).astype(int).ravel() + 1, "gap": (conf - ok).ravel(),
        "variance": (conf * (1 - conf)).ravel(),
    })  # fmt: skip
    many = np.abs(np.random.default_rng(0).normal(0, 1.5, 1_000_000))
    said = 1 / (1 + np.exp(-scale * many))
    gaps = np.bincount(np.minimum((said - 0.5) * 30, 14).astype(int), said - 1 / (1 + np.exp(-many)))
    return parts, np.abs(gaps).sum() / len(many)


@pytest.mark.parametrize("scale", [1, 1.3, 2, 4])
def test_the_interval_of_ece_holds_the_truth(store, scale):
    """200 votes: the ECE found lies up to 0.09 above the truth, and percentiles of a bootstrap hold that in none."""
    parts, truth = drawn_parts(np.random.default_rng(7), 150, 100, scale)
    cursor = store.cursor()
    cursor.register("parts", parts)
    rows = cursor.execute("select ece, low, high from _rm_ece_intervals((select list(parts) from parts), 3, 200)")
    ece, low, high = np.array(rows.fetchall()).T
    assert len(ece) == 150 and (low <= high).all() and (ece >= 0).all()
    assert ((low <= truth + 1e-12) & (truth <= high)).mean() >= 0.9
    assert ece.mean() > truth + 0.01 and (high - low).mean() < 0.16


def test_constant_rewards_say_nothing(store):
    of_gaps(store, [0, 0, 0], [(0, 1), (3, 2), (4, 5)])
    row = table(store, "calibration")[0]
    assert (row["nll"], row["brier"], row["ece"]) == pytest.approx((log(2), 0.25, 0))
    assert (row["ece_low"], row["ece_high"], row["agreement"]) == pytest.approx((0, 0, 0.5))
    assert row["low"] == row["high"] == pytest.approx(log(2))


def test_subset_and_emptiness(store):
    of_gaps(store, [ODDS, 0], [(0, 1, 1.0, "x"), (2, 3, 1.0, "y")])
    assert table(store, "calibration", subset="x")[0]["nll"] == pytest.approx(-log(0.75), abs=1e-6)
    assert table(store, "calibration", subset="x", split="train") == []
    assert [row["bin"] for row in table(store, "calibration-bins", subset="y")] == [1]


def test_totals_of_replicates_count_groups_as_often_as_they_are_drawn():
    rng = np.random.default_rng(0)
    keys, values = rng.integers(0, 2**63, 5000, dtype=np.uint64), rng.normal(size=(5000, 3))
    counts = poisson_counts(keys, 7).astype(float)
    assert totals(keys, values, 7) == pytest.approx(counts.T @ values)


def test_totals_in_sql_draw_what_counts_draw(store):
    query = """
        with entries (name, total, value) as (values ('a', 0, 1.5), ('b', 0, 2), ('a', 2, 1), ('a', 2, 3)),
        counted as (
            select name, unnest(_rm_bootstrap_counts(5, 4, name)) as times, unnest(range(4)) as replicate
            from (values ('a'), ('b')) as groups (name))
        select (select _rm_bootstrap_totals(
                    list({'key': _rm_bootstrap_key(5, name), 'total': total, 'value': value}), 4) from entries),
               (select list(sums order by replicate) from (
                    select replicate, [sum(times * if(name = 'a', 1.5, 2)), 0,
                                       sum(times) filter (name = 'a') * 4] as sums
                    from counted group by replicate))
    """
    found, expected = store.sql(query).fetchall()[0]
    assert found == [[float(value) for value in row] for row in expected]
