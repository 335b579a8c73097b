"""The report spearman: by hand, against scipy, and what does not vary."""

import numpy as np
import pytest
from lab import fill, save_head, table
from scipy import stats

from rmstore import snapshots


def total(store, **params):
    """Return the row of the total."""
    return table(store, "spearman", **params)[-1]


def test_by_hand(store):
    # a: ranks of reward 1 2 3, of gold 2 1 3: 1 - 6 * 2 / 24 = 0.5, tau 1/3. b: the two agree. c: gold is constant.
    rows = {
        "prompt": list("aaabbcc"),
        "text": ["xxx", "xx", "x", "y", "yy", "z", "zz"],
        "reward": [0.1, 0.2, 0.9, 5.0, 6.0, 1.0, 2.0],
        "gold": [2.0, 1.0, 7.0, 3.0, 4.0, 3.0, 3.0],
        "dataset": ["one"] * 3 + ["two"] * 4,
    }
    fill(store, rows)
    one, two, both = table(store, "spearman")
    assert (one["dataset"], one["n_prompts"], one["spearman"], one["longest"]) == ("one", 1, 0.5, -0.5)
    assert (one["low"], one["high"], one["n_constant"]) == (None, None, 0)
    assert (two["dataset"], two["n_prompts"], two["spearman"], two["n_constant"]) == ("two", 1, 1, 1)
    assert [both[key] for key in ("dataset", "n_prompts", "n_groups", "n_candidates", "n_seen", "n_constant")] == [
        "all", 2, 2, 5, 0, 1,
    ]  # fmt: skip
    assert (both["spearman"], both["longest"], both["shortest"], both["random"]) == (0.75, 0.25, -0.25, 0)
    assert both["kendall"] == pytest.approx((1 / 3 + 1) / 2)
    half = 12.7062047364 * np.std([0.5, 1], ddof=1) / np.sqrt(2)
    assert (both["low"], both["high"]) == pytest.approx((0.75 - half, 0.75 + half))
    assert both["pooled"] == pytest.approx(stats.spearmanr(rows["reward"], rows["gold"]).statistic)


def test_against_scipy_with_ties(store):
    rng, sizes = np.random.default_rng(0), [2, 3, 5, 8, 13, 40]
    prompt = [f"p{number}" for number, size in enumerate(sizes) for _ in range(size)]
    reward, gold = rng.integers(0, 6, (2, len(prompt))).astype(float)
    lengths = rng.integers(6, 10, len(prompt))
    text = [f"{i:05d}" + "x" * (length - 5) for i, length in enumerate(lengths)]
    fill(store, {"prompt": prompt, "text": text, "reward": list(reward), "gold": list(gold)})
    parts = [np.array([p == f"p{number}" for p in prompt]) for number in range(len(sizes))]
    kept = [part for part in parts if np.ptp(reward[part]) and np.ptp(gold[part])]
    found = [stats.spearmanr(reward[part], gold[part]).statistic for part in kept]
    row = total(store)
    assert (row["n_prompts"], row["n_constant"]) == (len(kept), len(parts) - len(kept))
    assert row["spearman"] == pytest.approx(np.mean(found), abs=1e-9)
    half = stats.t.ppf(0.975, len(kept) - 1) * np.std(found, ddof=1) / np.sqrt(len(kept))
    assert (row["low"], row["high"]) == pytest.approx((np.mean(found) - half, np.mean(found) + half), abs=1e-6)
    taus = [stats.kendalltau(reward[part], gold[part]).statistic for part in kept]
    assert row["kendall"] == pytest.approx(np.mean(taus), abs=1e-9)
    by_length = [
        stats.spearmanr(lengths[part], gold[part]).statistic if np.ptp(lengths[part]) else 0 for part in kept
    ]  # fmt: skip
    assert row["longest"] == pytest.approx(np.mean(by_length), abs=1e-9)
    assert row["pooled"] == pytest.approx(stats.spearmanr(reward, gold).statistic, abs=1e-9)


def test_the_order_alone_counts(store):
    rng = np.random.default_rng(1)
    gold = rng.normal(size=60)
    reward = gold + rng.normal(size=60)
    rows = {"prompt": [f"p{i // 6}" for i in range(60)], "text": [f"t{i}" for i in range(60)]}
    fill(store, {**rows, "reward": list(reward), "gold": list(gold)})
    before = total(store)
    store.sql("update ratings set value = exp(value)")
    assert total(store) == pytest.approx(before)
    store.sql("update ratings set value = -value")
    assert total(store)["spearman"] == pytest.approx(-before["spearman"])


def test_seen_prompts_are_left_out(store):
    rows = {"prompt": list("aabb"), "text": list("wxyz"), "reward": [0.0, 1.0, 0.0, 1.0], "gold": [0.0, 1.0, 1.0, 0.0]}
    fill(store, rows, seen=["b"])
    row = total(store)
    assert (row["n_prompts"], row["n_seen"], row["spearman"], row["pooled"]) == (1, 1, 1, 1)
    save_head(store, snapshots.resolve(store, "s"), (), name="unknown")
    row = total(store, head="unknown")
    assert (row["n_prompts"], row["n_seen"], row["spearman"], row["pooled"]) == (2, None, 0, 0)


def test_nothing_to_order_has_no_number(store):
    rows = {
        "prompt": list("aabbc"),
        "text": list("vwxyz"),
        "reward": [1.0, 1.0, 1.0, 2.0, 3.0],
        "gold": [1.0, 2.0, 1.0, float("nan"), 4.0],
        "subset": ["s", "s", "t", "t", "t"],
    }
    fill(store, rows)
    row = total(store)
    assert (row["n_prompts"], row["n_constant"], row["n_groups"], row["n_candidates"]) == (0, 3, 0, 0)
    for name in ("spearman", "low", "high", "random", "longest", "shortest", "kendall"):
        assert row[name] is None
    assert row["pooled"] == pytest.approx(stats.spearmanr([1, 1, 1, 3], [1, 2, 1, 4]).statistic)
    assert total(store, subset="s")["n_constant"] == 1
    assert table(store, "spearman", subset="s", split="train") == []


def test_lengths_of_placeholders_are_unknown(store):
    reward = [1.0, 2, 3, 1, 2, 3]
    fill(store, {"prompt": list("aaabbb"), "text": ["x" * n for n in (1, 2, 3, 3, 1, 2)], "reward": reward,
                 "gold": reward, "dataset": list("dddeee")})  # fmt: skip
    assert [row["longest"] for row in table(store, "spearman")] == [1, -0.5, 0.25]
    store.sql("update datasets set format = 'npy' where name = 'd'")
    store.sql("update dataset_files set format = 'npy' where path = 'd.jsonl'")
    assert [(row["longest"], row["shortest"]) for row in table(store, "spearman")] == [
        (None, None), (-0.5, 0.5), (-0.25, 0.25),
    ]  # fmt: skip
