"""The report steps: ProcessBench's F1 and its baselines on a few solutions, worked out by hand."""

import numpy as np
import pytest
from lab import save_head, table
from scipy import stats
from tracing import fill_traces, until

import rmstore
from rmstore import reports, snapshots
from rmstore.errors import UnknownNameError
from rmstore.store import statement

TEST = [
    {"prompt": "found", "logits": [1, -1, 1], "labels": until(3, 2), "subset": "a"},
    {"prompt": "missed", "logits": [1, 1], "labels": until(2, 1), "subset": "a"},
    {"prompt": "right", "logits": [2, 2], "labels": until(2, -1), "subset": "b"},
    {"prompt": "accused", "logits": [2, -1], "labels": until(2, -1), "subset": "b"},
    {"prompt": "fine", "logits": [1, 2, 3], "labels": until(3, -1), "subset": "b"},
]
# of the training split a quarter errs at 1, a quarter at 2, and a half never
TRAIN = [
    {"prompt": f"train {n}", "logits": [1, 1], "labels": until(2, error), "split": "train"}
    for n, error in enumerate([1, 2, -1, -1])
]


def f1(a, b):
    return 2 * a * b / (a + b) if a + b else 0.0


@pytest.fixture
def filled(store):
    fill_traces(store, TEST + TRAIN)
    return store


def totals(store, **params):
    return next(row for row in table(store, "steps", **params) if row["dataset"] == "all")


def test_by_hand(filled):
    row = totals(filled)
    counts = {name: row[name] for name in ("n_solutions", "n_groups", "n_err", "n_ok", "n_unlabelled", "n_seen")}
    assert counts == {"n_solutions": 5, "n_groups": 5, "n_err": 2, "n_ok": 3, "n_unlabelled": 0, "n_seen": 0}
    assert (row["acc_err"], row["acc_ok"], row["accuracy"]) == pytest.approx((1 / 2, 2 / 3, 3 / 5))
    assert row["f1"] == pytest.approx(f1(1 / 2, 2 / 3))
    assert (row["none"], row["prior"]) == pytest.approx((3 / 5, (0.25 + 0.25 + 3 * 0.5) / 5))
    assert row["prior_f1"] == pytest.approx(f1(0.25, 0.5))
    assert row["min_is_last"] == pytest.approx(1 / 5)
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]


def test_the_interval_of_f1_is_wilsons_with_the_variance_of_the_jackknife(filled):
    hits = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1]])  # err hit, n; ok hit, n
    left = [np.delete(hits, i, axis=0).sum(axis=0) for i in range(5)]
    variance = 4 * np.var([f1(a / n, b / m) for a, n, b, m in left])
    p, t = f1(1 / 2, 2 / 3), stats.t.ppf(0.975, 4)
    n = min(5, p * (1 - p) / variance)
    middle, half = p + t**2 / (2 * n), t * np.sqrt(p * (1 - p) / n + t**2 / (4 * n**2))
    row = totals(filled)
    assert (row["low"], row["high"]) == pytest.approx(
        ((middle - half) / (1 + t**2 / n), (middle + half) / (1 + t**2 / n)), rel=1e-6
    )


def test_solutions_of_one_group_count_once_for_the_interval(store):
    fill_traces(store, [{**trace, "prompt": f"{n % 2}"} for n, trace in enumerate(TEST * 3)])
    row = totals(store)
    assert (row["n_solutions"], row["n_groups"]) == (15, 2)
    assert row["high"] - row["low"] > 0.9


def test_rows_by_data_set_subset_and_split(store):
    fill_traces(store, [*TEST, *TRAIN, {**TEST[0], "dataset": "e", "subset": None}])
    rows = {(row["dataset"], row["subset"], row["split"]): row for row in table(store, "steps", split="all")}
    assert rows["d", "a", "test"]["acc_ok"] is rows["d", "a", "test"]["f1"] is rows["d", "a", "test"]["low"] is None
    assert rows["d", "a", "test"]["acc_err"] == 0.5
    assert rows["d", "all", "test"]["n_solutions"] == 5
    assert rows["all", "all", "test"]["n_solutions"] == 6
    assert rows["all", "all", "all"]["n_solutions"] == 10
    assert ("e", "all", "test") in rows and not [key for key in rows if key[1] is None]
    only = table(store, "steps", dataset="e")
    assert [(row["dataset"], row["subset"], row["n_solutions"]) for row in only] == [("e", "all", 1), ("all", "all", 1)]
    assert only[0]["prior"] is None  # nothing of e is in the training split


def test_the_prior_of_a_training_solution_leaves_its_own_group_out(filled):
    row = totals(filled, split="train")
    # of the three others none errs at 1 or 2, and one of three never errs
    assert row["prior"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 3) / 4)
    assert row["prior_f1"] == 0


def test_what_the_head_saw_or_labels_do_not_reach_is_counted_and_left_out(store):
    unknown = {"prompt": "labels end", "logits": [1, 1, 1], "labels": [1, 1, None]}
    fill_traces(store, [*TEST, unknown], seen=["found", "fine"])
    row = totals(store)
    assert (row["n_solutions"], row["n_err"], row["n_ok"], row["n_seen"], row["n_unlabelled"]) == (3, 1, 2, 2, 1)
    assert (row["acc_err"], row["acc_ok"], row["f1"]) == (0, 0.5, 0)


def test_never_and_always_right(store):
    sure = [{**trace, "logits": [9] * len(trace["logits"])} for trace in TEST]
    fill_traces(store, sure)
    row = totals(store)
    assert (row["acc_err"], row["acc_ok"], row["f1"], row["low"]) == (0, 1, 0, 0)
    assert row["accuracy"] == row["none"] and row["high"] > 0.3
    with rmstore.connect() as other:
        fill_traces(other, [{**t, "logits": [9 if x is None else 2 * x - 1 for x in t["labels"]]} for t in TEST])
        assert totals(other)["f1"] == totals(other)["accuracy"] == 1


def test_threshold_temperature_and_source(store):
    fill_traces(store, TEST, temperature=2.0)
    # sigmoid(1 / 2) = 0.62 and sigmoid(2 / 2) = 0.73: above 0.6, below 0.7 and 0.7
    assert totals(store, threshold=0.6)["f1"] == totals(store)["f1"]
    row = totals(store, threshold=0.7)
    assert (row["acc_err"], row["acc_ok"]) == pytest.approx(
        (1 / 2, 1 / 3)
    )  # "missed" is found, "found" found too early
    assert totals(store, source="human") == pytest.approx(totals(store))
    with pytest.raises(UnknownNameError, match="label source"):
        totals(store, source="judge")


def test_stand_ins_have_the_columns_of_the_functions(filled):
    stubbed = filled.cursor()
    stubbed.execute(statement("reports/stubs"))
    for call in ("rm_steps('s')", "rm_step_rewards('h', 's')", "(select rm_step_prob('h', [1]::float[1]) as p)"):
        real, stand_in = (
            [(row[0], row[1].replace("[1]", "[8]")) for row in cursor.execute(f"describe from {call}").fetchall()]
            for cursor in (filled.cursor(), stubbed)
        )
        assert stand_in == real


def test_a_condition_leaves_the_prior_as_it_is(filled):
    row = reports.run(filled, "steps", {"head": "h"}, where="split = 'test' and subset = 'b'").table.to_pylist()[-1]
    assert (row["n_solutions"], row["acc_ok"], row["prior"]) == (3, pytest.approx(2 / 3), 0.5)


def test_two_heads_are_compared_solution_by_solution(filled):
    save_head(filled, snapshots.resolve(filled, "s"), (), name="sure", weights=((0.0,),), objective="logistic")
    row = reports.run(filled, "steps", {"head": "h"}, compare="sure").table.to_pylist()[-1]
    assert (row["n"], row["accuracy"], row["accuracy_compared"]) == (
        5,
        3 / 5,
        3 / 5,
    )  # h finds one, sure accuses none
    assert (row["difference"], row["z"]) == (0, 0)
