"""The report bon: the identities of best-of-n, and every subset drawn one by one."""

from itertools import combinations
from math import log

import numpy as np
import pytest
from lab import fill, save_head, table, withhold
from scipy import stats

from rmstore import best_of_n, reports, snapshots
from rmstore.errors import OptionError, UnknownNameError

M = {2: 0.5642, 5: 1.1630, 10: 1.5388, 30: 2.0428, 50: 2.2491, 100: 2.5076, 300: 2.8778, 500: 3.0367}
"""Expected maximum of n standard normal numbers."""


def curves(store):
    """Run the report and return its columns as arrays."""
    rows = table(store, "bon")
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def curves_of(store, prompts):
    """Return the columns of the report over some of the prompts."""
    where = f"prompt_id in (select prompt_id from prompts where messages[1].content in ({str(prompts)[1:-1]}))"
    rows = reports.run(store, "bon", {"head": "h"}, where=where).table.to_pylist()
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def candidates(store, reward, gold, prompt=None, **columns):
    """Fill a store with one candidate per reward; all answer one prompt unless said otherwise."""
    n = len(reward)
    texts = [f"t{number}" for number in range(n)]
    given = {"prompt": prompt or ["p"] * n, "text": texts, "reward": list(map(float, reward)), **columns}
    return fill(store, {**given, "gold": list(map(float, gold))})


def test_gold_in_the_order_of_reward_gives_the_expected_rank(store):
    ranks = np.arange(1, 501)
    candidates(store, ranks, ranks)
    found = curves(store)
    expected = found["n"] * 501 / (found["n"] + 1)
    assert found["gold"][9] == pytest.approx(455.4545, abs=1e-4)
    for name in ("gold", "proxy", "oracle"):
        assert found[name] == pytest.approx(expected, rel=1e-9)
    assert set(found["regret"]) == {0} and (found["gain"][0], found["gain"][-1]) == (0, 1)
    assert found["gold_best"] == pytest.approx(np.full(500, 500))


def test_gold_against_the_order_of_reward(store):
    ranks = np.arange(1, 101)
    candidates(store, ranks, ranks[::-1])
    found = curves(store)
    assert found["gold"] == pytest.approx(101 / (found["n"] + 1), rel=1e-9)
    assert found["gain"][-1] == pytest.approx((1 - 50.5) / (100 - 50.5))


def test_constant_gold_stays_constant(store):
    candidates(store, np.arange(300), [2.5] * 300)
    found = curves(store)
    assert found["gold"] == pytest.approx(np.full(300, 2.5), rel=1e-9)
    assert set(found["gain"]) == {None}
    assert found["quantile"] == pytest.approx(np.ones(300)) and not found["failure"].any()


def test_constant_reward_gives_the_mean(store):
    gold = np.random.default_rng(0).normal(size=200)
    candidates(store, [1.0] * 200, gold)
    found = curves(store)
    assert found["gold"] == pytest.approx(np.full(200, gold.mean()), abs=1e-9)
    assert found["quantile"] == pytest.approx(np.full(200, 201 / 400))
    assert found["failure"] == pytest.approx(np.full(200, 0.5))


def test_quantile_and_failure_of_the_pick_by_hand(store):
    # gold quantiles of the candidates in ascending order of reward: 3/4, 1/4, 1, 3/4 (the two of gold 2 share one)
    candidates(store, [0, 1, 2, 3], [2, 1, 5, 2])
    found = curves(store)
    assert found["quantile"] == pytest.approx([11 / 16, (3 * 0.75 + 2 * 1 + 0.25) / 6, (3 * 0.75 + 1) / 4, 0.75])
    assert found["failure"] == pytest.approx([1 / 4, 1 / 6, 0, 0])


def test_longest_and_shortest_of_equal_length_are_the_mean(store):
    candidates(store, [0, 1, 2], [1, 2, 6], text=["aa", "bb", "c"])
    found = curves(store)
    assert found["longest"] == pytest.approx([3, (2 * 1.5 + 1 * 1.5) / 3, 1.5])
    assert found["shortest"] == pytest.approx([3, (2 * 6 + 1.5) / 3, 6])


def test_ends_of_the_curve(store):
    rng = np.random.default_rng(1)
    reward, gold = rng.normal(size=(2, 50))
    candidates(store, reward, gold)
    found = curves(store)
    assert found["gold"][0] == pytest.approx(gold.mean(), abs=1e-9)
    assert found["gold"][-1] == pytest.approx(gold[reward.argmax()], abs=1e-9)
    assert found["random"] == pytest.approx(np.full(50, gold.mean()), abs=1e-9)


def test_every_subset_one_by_one_with_ties(store):
    reward = np.array([0, 1, 1, 2, 2, 2, 3])
    gold = np.array([5.0, -1.0, 4.0, 0.5, 2.0, -3.0, 1.0])
    lengths = np.array([1, 2, 2, 1, 3, 3, 2])
    texts = [f"{number}" + "x" * (length - 1) for number, length in enumerate(lengths)]
    candidates(store, reward, gold, text=texts)

    def drawn(key, value):
        picks = []
        for n in range(1, 8):
            best = [(subset, key[list(subset)].max()) for subset in combinations(range(7), n)]
            picks.append(np.mean([np.mean([value[i] for i in subset if key[i] == top]) for subset, top in best]))
        return picks

    found = curves(store)
    assert found["gold"] == pytest.approx(drawn(reward, gold), abs=1e-9)
    assert found["proxy"] == pytest.approx(drawn(reward, reward), abs=1e-9)
    assert found["longest"] == pytest.approx(drawn(lengths, gold), abs=1e-9)
    assert found["oracle"] == pytest.approx(drawn(gold, gold), abs=1e-9)


def test_correlated_normal_rewards_give_rho_times_the_expected_maximum(store):
    rng, rho, prompts, n = np.random.default_rng(2), 0.6, 60, 500
    reward = rng.normal(size=prompts * n)
    gold = rho * reward + np.sqrt(1 - rho**2) * rng.normal(size=prompts * n)
    candidates(store, reward, gold, prompt=[f"p{i // n}" for i in range(prompts * n)])
    rows = {row["n"]: row for row in table(store, "bon")}
    for size, expected in M.items():
        error = (rows[size]["high"] - rows[size]["low"]) / (2 * 2.0)
        assert abs(rows[size]["gold"] - rho * expected) < 4 * error
        assert rows[size]["proxy"] == pytest.approx(expected, abs=0.15)
    assert rows[1]["high"] - rows[1]["low"] < rows[100]["high"] - rows[100]["low"] < 0.4
    assert rows[500]["gold"] > rows[100]["gold"] > rows[10]["gold"], "Gaussian noise alone never turns over"


def test_draws_of_the_published_evaluation_scatter_around_the_curve(store):
    rng, prompts, n = np.random.default_rng(3), 8, 40
    reward, gold = rng.normal(size=(2, prompts, n)).astype(np.float32).astype(float)
    candidates(store, reward.ravel(), gold.ravel(), prompt=[f"p{i // n}" for i in range(prompts * n)])
    found = curves(store)
    for size in (2, 5, 10, 30, n):
        drawn = []
        for seed in range(300):  # one permutation per seed, shared by all prompts
            order = np.random.default_rng(seed).permutation(n)[:size]
            drawn.append(np.mean([gold[i, order[reward[i, order].argmax()]] for i in range(prompts)]))
        sd = np.std(drawn, ddof=1)
        assert abs(np.mean(drawn) - found["gold"][size - 1]) <= 4 * sd / np.sqrt(300) + 1e-9
        assert (sd < 1e-12) == (size == n)


def test_every_row_is_over_the_prompts_that_have_enough_candidates(store):
    prompt = ["a"] * 2 + ["b"] * 3 + ["c"]
    candidates(store, [0, 1, 0, 1, 2, 9], [10, 20, 1, 2, 6, 99], prompt=prompt, policy="sft")
    rows = table(store, "bon")
    shown = [(row["n"], row["n_prompts"], row["n_groups"], row["random"], row["gold"]) for row in rows]
    assert shown == [
        (1, 2, 2, pytest.approx(9), pytest.approx(9)),
        (2, 2, 2, pytest.approx(9), pytest.approx((20 + (2 / 3 * 6 + 1 / 3 * 2)) / 2)),
        (3, 1, 1, pytest.approx(3), pytest.approx(6)),
    ]
    assert [row["kl"] for row in rows] == pytest.approx([0, log(2) - 1 / 2, log(3) - 2 / 3])
    assert [row["n_prompts"] for row in table(store, "bon", min_candidates=3)] == [1, 1, 1]
    assert [row["n_prompts"] for row in table(store, "bon", min_candidates=1)] == [3, 2, 1]
    assert table(store, "bon", min_candidates=4) == []


def test_the_interval_is_clustered_by_group(store):
    rng = np.random.default_rng(4)
    gold = rng.normal(size=40)
    candidates(store, rng.normal(size=40), gold, prompt=[f"p{i // 4}" for i in range(40)])
    row = table(store, "bon")[0]
    means = gold.reshape(10, 4).mean(axis=1)
    half = stats.t.ppf(0.975, 9) * means.std(ddof=1) / np.sqrt(10)
    assert (row["low"], row["high"]) == pytest.approx((means.mean() - half, means.mean() + half), abs=1e-6)


def test_a_response_of_two_policies_is_one_candidate_and_unrated_ones_are_none(store):
    rows = [
        {"prompt": "p", "text": "same", "reward": 1, "gold": 4, "policy": "x"},
        {"prompt": "p", "text": "same", "reward": 1, "gold": 4, "policy": "y"},
        {"prompt": "p", "text": "other", "reward": 0, "gold": 1},
        {"prompt": "p", "text": "unrated", "reward": 9},
    ]
    fill(store, rows)
    assert curves(store)["gold"].tolist() == [2.5, 4.0]


def test_prompts_that_the_head_saw_are_left_out_and_counted(store):
    rows = {"prompt": ["a", "a", "b", "b", "b"], "text": list("vwxyz"), "reward": [0.0, 1.0, 0.0, 1.0, 2.0],
            "gold": [0.0, 1.0, 5.0, 6.0, 7.0]}  # fmt: skip
    fill(store, rows, seen=["b"])
    shown = [(row["n_prompts"], row["n_groups"], row["n_seen"], row["gold"]) for row in table(store, "bon")]
    assert shown == [(1, 1, 1, 0.5), (1, 1, 1, 1.0), (0, 0, 1, None)]
    save_head(store, snapshots.resolve(store, "s"), (), name="unknown")
    assert {row["n_seen"] for row in table(store, "bon", head="unknown")} == {None}


def test_where_every_prompt_was_seen_there_is_no_number(store):
    fill(store, {"prompt": ["a", "a"], "text": list("vw"), "reward": [0.0, 1.0], "gold": [0.0, 1.0]}, seen=["a"])
    for row in table(store, "bon"):
        given = {name for name, value in row.items() if value is not None}
        assert given == {"n", "n_prompts", "n_groups", "n_seen"}


def test_the_distance_is_that_of_candidates_of_one_policy(store):
    """As overoptimisation counts prompts: several policies or an unknown one have no distance of best-of-n."""
    policy = ["x", "x", "x", "y", "y", "x", "y", "x", None, "z", "z", "z"]
    prompt = ["a"] * 3 + ["b"] * 2 + ["c"] * 2 + ["d"] * 2 + ["e"] * 3
    groups = fill(store, {"prompt": prompt, "text": list("klmnopqrstuv"), "reward": np.arange(12.0).tolist(),
                          "gold": np.arange(12.0).tolist(), "policy": policy})  # fmt: skip
    assert [row["kl"] for row in table(store, "bon")] == [None, None, pytest.approx(log(3) - 2 / 3)]
    save_head(store, snapshots.resolve(store, "s"), [groups["c"], groups["d"]], name="h")
    expected = [0, log(2) - 1 / 2, log(3) - 2 / 3]
    assert [row["kl"] for row in table(store, "bon", head="h@2")] == pytest.approx(expected)


def test_where_the_picks_are_those_of_the_oracle_nothing_is_missed(store):
    """Sums of 300 weighted golds differ in their last bits by the order of the rewards: that is no regret."""
    rng = np.random.default_rng(6)
    gold = np.exp(rng.normal(size=(3, 300)))
    reward = np.argsort(np.argsort(gold, axis=1), axis=1).astype(float)
    reward[1] = -reward[1]  # of this prompt the worst are picked
    candidates(store, reward.ravel(), gold.ravel(), prompt=[f"p{i // 300}" for i in range(900)])
    exact, found = curves_of(store, ["p0"]), curves(store)
    assert set(exact["regret"]) == {0} and (exact["gain"][0], exact["gain"][-1]) == (0, 1)
    assert exact["gold"] == pytest.approx(exact["oracle"], rel=1e-13)
    assert found["regret"][0] == 0 and found["regret"][5] > 0.1
    assert found["regret"][5] == pytest.approx(found["oracle"][5] - found["gold"][5], abs=1e-9)
    assert found["gain"][5] == pytest.approx(
        (found["gold"][5] - found["random"][5]) / (found["gold_best"][5] - found["random"][5]), abs=1e-12
    )
    assert found["gain"][0] == 0


def test_subset_and_the_largest_n(store):
    rows = {"prompt": ["a"] * 4, "text": list("vwxy"), "reward": [0.0, 1.0, 2.0, 3.0], "gold": [0.0, 1.0, 2.0, 9.0],
            "subset": ["x", "x", "x", "y"]}  # fmt: skip
    fill(store, rows)
    assert [row["gold"] for row in table(store, "bon", subset="x")] == pytest.approx([1, 5 / 3, 2])
    assert [row["n"] for row in table(store, "bon", subset="y", min_candidates=1)] == [1]
    assert [row["gold"] for row in table(store, "bon", max_n=2)] == pytest.approx([3, (3 * 9 + 2 * 2 + 1) / 6])
    with pytest.raises(OptionError, match="the most candidates to pick from is 0"):
        table(store, "bon", max_n=0)


def test_a_rating_that_is_no_number_is_none(store):
    candidates(store, [0, 1, 2], [1, 2, 3])
    store.sql("update ratings set value = 'nan'::double where value = 3")
    assert curves(store)["gold"] == pytest.approx([1.5, 2])
    store.sql("update ratings set value = 'inf'::double where value = 2")
    assert table(store, "bon") == []


def test_an_attribute_that_nobody_rated_is_an_error(store):
    candidates(store, [0, 1], [0, 1])
    with pytest.raises(UnknownNameError, match="no attribute is called 'golden'\n  hint: did you mean 'gold'?"):
        table(store, "bon", attribute="golden")


def test_rerun_gives_the_same_numbers(store):
    rng = np.random.default_rng(5)
    candidates(store, rng.integers(0, 20, 2000), rng.normal(size=2000),
               prompt=[f"p{i // 40}" for i in range(2000)], policy="sft")  # fmt: skip
    store.sql("set threads = 1")
    once = reports.run(store, "bon", {"head": "h"}).table.to_pylist()
    store.sql("set threads = 4")
    for before, after in zip(once, reports.run(store, "bon", {"head": "h"}).table.to_pylist(), strict=True):
        assert after == pytest.approx(before, rel=1e-9, abs=1e-12)


def test_lengths_of_placeholders_are_unknown(store):
    rows = {"prompt": list("aabb"), "text": ["x", "xx", "y", "yy"], "reward": [1.0, 2, 1, 2], "gold": [0.0, 4, 0, 8],
            "dataset": list("ddee")}  # fmt: skip
    fill(store, rows)
    assert [row["longest"] for row in table(store, "bon")] == [3, 6]
    withhold(store, "d")
    two = table(store, "bon")[1]
    assert (two["longest"], two["shortest"], two["random"]) == (5, 1, 3)  # of the prompt a any candidate: 2
    assert table(store, "bon", dataset="d")[1]["longest"] is None


def test_prompts_of_one_group_are_drawn_together(store):
    """Also in spearman and overoptimisation: what is measured by prompt stays, and its interval knows the groups."""
    rng = np.random.default_rng(5)
    reward, gold = rng.normal(size=(2, 6, 8)).astype(np.float32).astype(float)
    candidates(store, reward.ravel(), gold.ravel(), prompt=[f"p{i // 8}" for i in range(48)], policy="sft")
    store.sql("update prompts set group_id = md5('one')::uuid where messages[1].content in ('p0', 'p1', 'p2')")
    curve = best_of_n.curves(reward, gold[None])[0]
    distance = np.sqrt([log(n) - (n - 1) / n for n in range(1, 9)])
    fits = np.linalg.lstsq(np.column_stack([distance, -(distance**2)]), (curve - curve[:, :1]).T, rcond=None)[0]
    spearman, bon, fit = table(store, "spearman")[-1], table(store, "bon")[3], table(store, "overoptimisation")[0]
    for row, values, name, low in (
        (spearman, [stats.spearmanr(*pair).statistic for pair in zip(reward, gold, strict=True)], "spearman", "low"),
        (bon, curve[:, 3], "gold", "low"), (fit, fits[0], "a", "a_low"), (fit, fits[1], "b", "b_low"),
    ):  # fmt: skip
        missed = np.bincount([0, 0, 0, 1, 2, 3], values - np.mean(values))
        half = stats.t.ppf(0.975, 3) * np.sqrt(4 / 3 * (missed**2).sum()) / 6
        assert row["n_groups"] == 4
        assert (row[name], row[low]) == pytest.approx((np.mean(values), np.mean(values) - half), abs=1e-6)
