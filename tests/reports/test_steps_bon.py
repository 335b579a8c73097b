"""The report steps-bon: by hand, the identities of aggregates, and every subset drawn one by one."""

from itertools import combinations

import numpy as np
import pytest
from lab import table
from scipy import stats
from tracing import fill_traces, until

AGGREGATES = {
    "min": np.min, "prod": np.prod, "geometric mean": stats.gmean, "mean": np.mean, "max": np.max,
    "last": lambda p: p[-1],
}  # fmt: skip


def solution(prompt, logits, error=-1, **columns):
    """A trace whose first wrong step is ``error``."""
    return {"prompt": prompt, "logits": logits, "labels": until(len(logits), error), **columns}


def picks(store, **params):
    """Run the report and return its rows by aggregate and n."""
    return {(row["aggregate"], row["n"]): row for row in table(store, "steps-bon", **params)}


def test_by_hand(store):
    # min takes the short right one; mean, max and last the long wrong one; one prompt has a single solution.
    fill_traces(store, [
        solution("a", [1, 1]), solution("a", [-1, 3, 3, 3], error=1), solution("b", [0, 0]), solution("b", [0.5, 0.1]),
        solution("alone", [1]), solution("train", [1, 1], split="train"), solution("train", [2, 2], split="train"),
    ])  # fmt: skip
    found = picks(store)
    assert [name for name, n in found if n == 1] == list(AGGREGATES)
    assert {name: row["gold"] for (name, n), row in found.items() if n == 2} == {
        "min": 1, "prod": 1, "geometric mean": 1, "mean": 0.5, "max": 0.5, "last": 0.5,
    }  # fmt: skip
    for (_, n), row in found.items():
        assert (row["n_prompts"], row["n_groups"], row["n_seen"], row["random"]) == (2, 2, 0, 0.75)
        assert (row["longest"], row["shortest"], row["oracle"]) == ((0.75, 0.75, 0.75) if n == 1 else (0.5, 1, 1))
    assert (found["mean", 2]["n_varied"], found["mean", 2]["spearman_steps"]) == (1, 1)  # b: as many steps both
    assert found["min", 2]["spearman_steps"] == -1


@pytest.mark.parametrize("attribute", [None, "gold"])
def test_against_every_subset(store, attribute):
    rng, traces, n = np.random.default_rng(0), [], 4
    for prompt in range(6):
        for _ in range(5):
            size = int(rng.integers(1, 6))
            error = int(rng.choice([-1, rng.integers(1, size + 1)]))
            traces.append(solution(f"p{prompt}", rng.normal(size=size).tolist(), error, gold=float(rng.normal())))
    fill_traces(store, traces)
    found = picks(store, attribute=attribute)
    for name, aggregate in AGGREGATES.items():
        worth, rhos = [], []
        for prompt in range(6):
            own = [trace for trace in traces if trace["prompt"] == f"p{prompt}"]
            score = np.array([aggregate(1 / (1 + np.exp(-np.array(trace["logits"])))) for trace in own])
            gold = np.array([trace["gold"] if attribute else float(0.0 not in trace["labels"]) for trace in own])
            worth.append(np.mean([gold[max(drawn, key=lambda i: score[i])] for drawn in combinations(range(5), n)]))
            rhos.append(stats.spearmanr(score, [len(trace["logits"]) for trace in own]).statistic)
        assert found[name, n]["gold"] == pytest.approx(np.mean(worth), abs=1e-6)  # rewards are float32
        assert found[name, n]["spearman_steps"] == pytest.approx(np.mean(rhos), abs=1e-9)


def test_with_one_step_all_aggregates_agree(store):
    rng = np.random.default_rng(1)
    fill_traces(store, [solution(f"p{i % 4}", [float(rng.normal())], rng.choice([-1, 1])) for i in range(20)])
    found = picks(store)
    for n in (1, 2, 4):
        rows = [{key: value for key, value in found[name, n].items() if key != "aggregate"} for name in AGGREGATES]
        assert all(row == pytest.approx(rows[0], abs=1e-9) for row in rows)
        assert (rows[0]["n_varied"], rows[0]["spearman_steps"], rows[0]["steps_low"]) == (0, None, None)


def test_many_steps_do_not_underflow(store):
    fill_traces(store, [solution("p", [-13.0] * 60), solution("p", [-13.5] * 60, error=1)])  # products below 1e-324
    assert picks(store)["prod", 2]["gold"] == 1


def test_seen_groups_unlabelled_solutions_and_nothing(store):
    fill_traces(store, [
        solution("seen", [1, 1]), solution("seen", [2, 2], error=1), solution("new", [1, 1]),
        solution("new", [0, 0], error=2), {"prompt": "new", "logits": [5, 5], "labels": [1.0, None]},
    ], seen=["seen"])  # fmt: skip
    row = picks(store)["mean", 2]
    assert (row["n_prompts"], row["n_seen"], row["gold"], row["random"]) == (1, 1, 1, 0.5)
    assert (row["low"], row["high"]) == (None, None)
    assert max(n for _, n in picks(store, max_n=1)) == 1
    assert table(store, "steps-bon", split="train") == []
