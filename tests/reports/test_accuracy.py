"""The report accuracy on a few literal votes, counted by hand, and its interval against an independent one."""

import numpy as np
import pytest
from lab import fill, save_head, table
from scipy import stats

from rmstore import reports, snapshots
from rmstore.reports.rows import same

ROWS = [
    {"prompt": "p1", "text": "aaaa", "reward": 2, "policy": "x"},
    {"prompt": "p1", "text": "bb", "reward": 1, "policy": "y"},
    {"prompt": "p2", "text": "ccc", "reward": 5, "policy": "x"},
    {"prompt": "p2", "text": "ddd", "reward": 5, "policy": "y"},
    {"prompt": "p3", "text": "e", "reward": 0, "policy": "x"},
    {"prompt": "p3", "text": "f", "reward": 3, "policy": "y"},
    {"prompt": "p4", "text": "ggggg", "reward": 0, "policy": "x"},
    {"prompt": "p4", "text": "h", "reward": 1, "policy": "y"},
    {"prompt": "p5", "text": "i", "reward": 1, "policy": "x", "split": "train"},
    {"prompt": "p5", "text": "j", "reward": 0, "policy": "y", "split": "train"},
    {"prompt": "p6", "text": "k", "reward": 1, "policy": "x", "split": "train"},
    {"prompt": "p6", "text": "l", "reward": 0, "policy": "y", "split": "train"},
    {"prompt": "p7", "text": "m", "reward": 1, "policy": "x", "split": "train"},
    {"prompt": "p7", "text": "n", "reward": 0, "policy": "y", "split": "train"},
]
VOTES = [
    (0, 1, 1.0, "easy"),  # right; the longer one, and that of x
    (1, 0, 0.8, "easy"),  # wrong; the shorter one, and that of y
    (2, 3, 1.0, "hard"),  # equal rewards, equal lengths; that of x
    (2, 3, 0.5, "hard"),  # no preference
    (4, 5, 1.0, None),  # wrong, but its group was seen
    (7, 6, 0.6, "hard"),  # right; the shorter one, and that of y
    (8, 9), (10, 11), (13, 12),  # in training, x wins two of three
]  # fmt: skip


def by_cell(rows):
    return {(row.pop("dataset"), row.pop("subset"), row.pop("split")): row for row in rows}


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


def test_counts_and_shares_by_hand(store):
    fill(store, ROWS, VOTES, seen=["p3"])
    cells = by_cell(table(store, "accuracy"))
    assert list(cells) == [
        ("d", "easy", "test"), ("d", "hard", "test"), ("d", "all", "test"), ("all", "all", "test"),
    ]  # fmt: skip
    # six training responses are the neighbours of every one, so all are level; no vector is of a response alone
    same = {
        "random": 0.5, "policy": 0.5, "neighbour": 0.5, "response_only": None, "difference": 0.0,
        "difference_low": None, "difference_high": None, "z": None,
    }  # fmt: skip
    assert without(cells["d", "easy", "test"], "low", "high", "lc_low", "lc_high") == {
        "n_pairs": 2, "n_groups": 1, "n_ties": 0, "n_cross": 0, "accuracy": 0.5, "tie_rate": 0.0, "n_seen": 0,
        "accuracy_seen": None, "longest": 0.5, "shortest": 0.5, "best_baseline": "random", "lc_accuracy": 0.5, **same,
    }  # fmt: skip
    assert without(cells["d", "hard", "test"], "low", "high") == {
        "n_pairs": 2, "n_groups": 2, "n_ties": 1, "n_cross": 0, "accuracy": 0.75, "tie_rate": 0.5, "n_seen": 0,
        "accuracy_seen": None, "longest": 0.25, "shortest": 0.75, "best_baseline": "shortest", "lc_accuracy": None,
        "lc_low": None, "lc_high": None, **same,
    }  # fmt: skip
    # right on the one vote for the longer side, on one of two for the shorter
    assert without(cells["d", "all", "test"], "low", "high", "lc_low", "lc_high") == {
        "n_pairs": 4, "n_groups": 3, "n_ties": 1, "n_cross": 0, "accuracy": 0.625, "tie_rate": 0.25, "n_seen": 1,
        "accuracy_seen": 0.0, "longest": 0.375, "shortest": 0.625, "best_baseline": "shortest", "lc_accuracy": 0.75,
        **same,
    }  # fmt: skip
    assert cells["all", "all", "test"] == cells["d", "all", "test"]


def test_split_all_has_totals_over_splits(store):
    fill(store, ROWS, VOTES, seen=["p3"])
    cells = by_cell(table(store, "accuracy", split="all"))
    assert [cell for cell in cells if cell[2] == "all"] == [("d", "all", "all"), ("all", "all", "all")]
    assert cells["all", "all", "all"]["n_pairs"] == 7
    assert cells["all", "all", "all"]["accuracy"] == pytest.approx((2.5 + 2) / 7)


def test_where_the_head_does_not_know_what_it_saw_nothing_is_left_out(store):
    fill(store, ROWS, VOTES, seen=None)
    result = reports.run(store, "accuracy", {"head": "h"})
    total = by_cell(result.table.to_pylist())["d", "all", "test"]
    assert (total["n_pairs"], total["n_seen"], total["accuracy_seen"]) == (5, None, None)
    assert total["accuracy"] == pytest.approx(2.5 / 5)
    assert result.provenance["notes"] == ["which groups the head saw in training is not known, so none is left out"]


def test_policy_leaves_the_own_group_out(store):
    fill(store, ROWS, VOTES)
    # for p5 and p6 the other two training votes are one win each; for p7 both are wins of x, and y won
    total = by_cell(table(store, "accuracy", split="train"))["d", "all", "train"]
    assert total["policy"] == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_policy_is_null_without_policies_and_half_where_one_is_unknown(store):
    rows = [{**row, "policy": "new" if row["prompt"] == "p4" else row["policy"]} for row in ROWS]
    fill(store, [*rows, {"prompt": "q", "text": "o", "dataset": "e"}, {"prompt": "q", "text": "pp", "dataset": "e"}],
         [*VOTES, (14, 15)])  # fmt: skip
    cells = by_cell(table(store, "accuracy"))
    assert cells["e", "all", "test"]["policy"] is None
    assert cells["d", "hard", "test"]["policy"] == 0.75  # 1 for p2, 0.5 for p4, whose policy never trained


def test_dataset_chooses_one(store):
    rows = [*ROWS, {"prompt": "q", "text": "o", "dataset": "e"}, {"prompt": "q", "text": "pp", "dataset": "e"}]
    fill(store, rows, [*VOTES, (15, 14)])
    assert {cell[0] for cell in by_cell(table(store, "accuracy", dataset="e"))} == {"e", "all"}
    everything = by_cell(table(store, "accuracy"))["all", "all", "test"]
    assert (everything["n_pairs"], everything["longest"]) == (6, pytest.approx(3 / 6))


def test_pairs_across_prompts_are_counted_and_noted(store):
    fill(store, ROWS, [(0, 6), (0, 1)], within_prompt=True)
    result = reports.run(store, "accuracy", {"head": "h"})
    assert result.table.to_pylist()[-1]["n_cross"] == 1
    assert "within prompts only" in result.provenance["notes"][0]
    save_head(store, snapshots.resolve(store, "s"), ["00000000-0000-0000-0000-000000000001"], within_prompt=False)
    assert reports.run(store, "accuracy", {"head": "h@2"}).provenance["notes"] == []


def test_either_side_seen_means_seen(store):
    fill(store, ROWS, [(0, 6), (0, 1)], seen=["p4"])
    total = table(store, "accuracy")[-1]
    assert (total["n_pairs"], total["n_seen"]) == (1, 1)


def clustered(hits):
    """Wilson's interval with the effective number of pairs; hits is a list of arrays, one per group."""
    n, total = np.array([len(group) for group in hits]), np.array([group.sum() for group in hits])
    p, groups = total.sum() / n.sum(), len(hits)
    variance = groups / (groups - 1) * ((total - n * p) ** 2).sum() / n.sum() ** 2
    effective = min(n.sum(), p * (1 - p) / variance) if variance > 1e-12 else groups
    t = stats.t.ppf(0.975, groups - 1)
    middle = (p + t**2 / (2 * effective)) / (1 + t**2 / effective)
    half = t / (1 + t**2 / effective) * np.sqrt(p * (1 - p) / effective + t**2 / (4 * effective**2))
    return p, max(0, min(p, middle - half)), min(1, max(p, middle + half))


def test_the_interval_is_clustered_by_group(store):
    rng = np.random.default_rng(3)
    rewards = rng.integers(0, 4, 120)
    prompts = [f"p{number}" for number in rng.integers(0, 9, 60).repeat(2)]
    texts = [f"t{number}" for number in range(120)]
    fill(store, {"prompt": prompts, "text": texts, "reward": rewards}, [(2 * i, 2 * i + 1) for i in range(60)])
    total = table(store, "accuracy")[-1]
    first, second = rewards[::2], rewards[1::2]
    hits = (first > second) + 0.5 * (first == second)
    by_group = [hits[np.array(prompts[::2]) == prompt] for prompt in sorted(set(prompts))]
    assert (total["accuracy"], total["low"], total["high"]) == pytest.approx(clustered(by_group), abs=1e-6)


@pytest.mark.parametrize("rewards, accuracy", [([1, 0], 1.0), ([0, 1], 0.0), ([0, 0], 0.5)])
def test_the_interval_of_a_spotless_head_is_as_wide_as_its_groups_are_few(store, rewards, accuracy):
    n = 8
    fill(store, {"prompt": [f"p{i}" for i in range(n) for _ in "ab"], "text": ["a", "b"] * n,
                 "reward": rewards * n}, [(2 * i, 2 * i + 1) for i in range(n)])  # fmt: skip
    total = table(store, "accuracy")[-1]
    low, high = clustered([np.array([accuracy])] * n)[1:]
    assert (total["accuracy"], total["low"], total["high"]) == pytest.approx((accuracy, low, high), abs=1e-6)
    assert high - low > 0.35


def test_a_constant_head_is_a_coin_with_ties(store):
    fill(store, [{**row, "reward": 1} for row in ROWS], VOTES)
    total = table(store, "accuracy")[-1]
    assert (total["accuracy"], total["tie_rate"], total["lc_accuracy"]) == (0.5, 1, 0.5)
    assert (total["neighbour"], total["response_only"]) == (0.5, None)
    # less than the shortest, by its lead over a coin
    assert (total["best_baseline"], total["difference"]) == ("shortest", pytest.approx(0.5 - total["shortest"]))


def test_lengths_of_placeholders_are_unknown(store):
    """Texts of one data set stand for published vectors, so its votes count half for the rules of length."""
    rows = [*ROWS, {"prompt": "q", "text": "o", "dataset": "e"}, {"prompt": "q", "text": "pp", "dataset": "e"}]
    fill(store, rows, [*VOTES, (15, 14)])
    store.sql("update datasets set format = 'npy' where name = 'd'")
    store.sql("update dataset_files set format = 'npy' where path = 'd.jsonl'")
    cells = by_cell(table(store, "accuracy"))
    assert [cells["d", "all", "test"][name] for name in ("longest", "shortest", "lc_accuracy", "lc_low")] == [None] * 4
    assert (cells["e", "all", "test"]["longest"], cells["e", "all", "test"]["shortest"]) == (1, 0)
    total = cells["all", "all", "test"]
    assert (total["n_pairs"], total["longest"]) == (6, pytest.approx((5 * 0.5 + 1) / 6))


def test_one_group_has_no_interval_and_no_z(store):
    fill(store, ROWS[:2], VOTES[:2])
    total = table(store, "accuracy")[-1]
    names = ("low", "high", "difference_low", "difference_high", "z", "lc_low", "lc_high")
    assert [total[name] for name in names] == [None] * len(names)
    assert (total["accuracy"], total["neighbour"], total["policy"]) == (0.5, None, None)


def test_baselines_that_learn_can_be_left_out(store):
    fill(store, ROWS, VOTES, seen=["p3"])
    with_all, without_two = table(store, "accuracy")[-1], table(store, "accuracy", baselines=False)[-1]
    assert (with_all["neighbour"], without_two["neighbour"], without_two["response_only"]) == (0.5, None, None)
    assert without(without_two, "neighbour") == without(with_all, "neighbour")


def test_subset_chooses_one(store):
    fill(store, ROWS, VOTES)
    cells = by_cell(table(store, "accuracy", subset="hard"))
    assert list(cells) == [("d", "hard", "test"), ("d", "all", "test"), ("all", "all", "test")]
    assert {cell["n_pairs"] for cell in cells.values()} == {2}


def test_rerun_gives_the_same_numbers(store):
    fill(store, ROWS, VOTES, seen=["p3"])
    store.sql("set threads = 1")
    once = table(store, "accuracy", split="all")
    store.sql("set threads = 4")
    assert same(table(store, "accuracy", split="all"), once)


def test_an_empty_split_says_what_there_is(store):
    fill(store, ROWS, VOTES)
    result = reports.run(store, "accuracy", {"head": "h", "split": "valid"})
    assert result.table.num_rows == 0
    assert result.provenance["notes"] == [
        "the report has no rows: nothing in s@1 fits split 'valid'; "
        "responses and votes there: test 8 and 6, train 6 and 3"
    ]
