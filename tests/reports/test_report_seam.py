"""The report seam: means of rm_seam over prompts, and mismatches with ratings and votes, beside numpy."""

import numpy as np
import pytest
from lab import fill, table
from wide_lab import describe

from rmstore import reports

N, K = 40, 5


@pytest.fixture
def drawn(store):
    """Prompts with K rated responses each, the first two voted on; the head saw three prompts."""
    rng = np.random.default_rng(1)
    reward, gold = rng.integers(0, 9, (N, K)), rng.normal(size=(N, K))
    lengths = rng.integers(2, 30, (N, K))
    logp = -lengths * rng.uniform(0.1, 1.5, (N, K))
    rows = {
        "prompt": [f"p{i}" for i in range(N) for _ in range(K)], "text": [f"t{k}" for _ in range(N) for k in range(K)],
        "reward": reward.ravel().tolist(), "gold": gold.ravel().tolist(),
    }  # fmt: skip
    votes = [(K * i, K * i + 1) for i in range(N)]
    fill(store, rows, votes, seen=["p0", "p1", "p2"])
    describe(store, rows, logp=logp.ravel().tolist(), n_tokens=lengths.ravel().tolist())
    return store, reward[3:].astype(float), gold[3:], np.exp(logp / lengths)[3:]


def measured(store, **params):
    return {row["measure"]: row for row in table(store, "seam", **params) if row["dataset"] == "all"}


def test_means_over_unseen_prompts_equal_numpy(drawn):
    store, reward, gold, lik = drawn
    found = measured(store)
    best = gold.argmax(axis=1)
    own = np.arange(len(best))
    others = np.ones_like(gold, bool)
    others[own, best] = False
    hack = (reward > reward[own, best][:, None]) & others
    mass = (lik * hack).sum(axis=1)
    seam = found["seam"]
    assert (seam["n"], seam["n_groups"], seam["n_seen"], seam["negatives"]) == (N - 3, N - 3, 3, "pool")
    assert seam["value"] == pytest.approx(mass.mean(), rel=1e-9)
    error = mass.std(ddof=1) / np.sqrt(len(mass))
    assert seam["high"] - seam["value"] == pytest.approx(2.0280940 * error, rel=1e-6)  # t quantile, 36 degrees
    assert seam["random"] == pytest.approx(0.5 * (lik * others).sum(axis=1).mean(), rel=1e-9)
    share = measured(store, normalised=True)["seam"]
    assert share["value"] == pytest.approx((mass / (lik * others).sum(axis=1)).mean(), rel=1e-9)
    assert share["random"] == 0.5
    hacking = found["hacking"]
    assert hacking["value"] == pytest.approx(hack.sum(axis=1).mean() / (K - 1), rel=1e-9)
    assert hacking["low"] < hacking["value"] < hacking["high"] and hacking["random"] == 0.5
    assert measured(store, form="hinge")["seam"]["random"] is None


def test_mismatches_equal_numpy(drawn):
    store, reward, gold, _ = drawn
    found = measured(store)
    first, second = np.triu_indices(K, 1)
    agree = np.sign(reward[:, first] - reward[:, second]) * np.sign(gold[:, first] - gold[:, second])
    rated = found["mismatch with ratings"]
    assert (rated["n"], rated["n_seen"]) == (agree.size, 30)
    assert rated["value"] == pytest.approx((0.5 - 0.5 * agree).mean(), rel=1e-9)
    votes = found["mismatch with votes"]
    assert votes["value"] == pytest.approx((0.5 - 0.5 * np.sign(reward[:, 0] - reward[:, 1])).mean(), rel=1e-9)
    assert (votes["n"], votes["random"], votes["missing"]) == (N - 3, 0.5, None)


def test_responses_that_no_policy_sampled_are_no_mismatch(drawn):
    store = drawn[0]
    store.sql("update generations set origin = 'augmented'")
    found = measured(store)
    assert found["mismatch with votes"]["missing"] == "no decided vote is on two sampled responses"
    assert found["mismatch with ratings"]["value"] is None


def test_what_is_missing_is_said_and_nothing_stands_in(drawn):
    store = drawn[0]
    found = measured(store, negatives="contrast")
    assert found["seam"]["value"] is None and found["seam"]["n"] == 0
    assert found["seam"]["missing"].startswith("no prompt has a positive, and negatives with logp")
    assert found["hacking"]["missing"].startswith("no prompt has a positive and negatives of this kind")
    empty = measured(store, split="valid")
    assert len(empty) == 4 and all(row["missing"] and row["value"] is None for row in empty.values())


def test_one_prompt_has_no_interval(store):
    fill(store, [{"prompt": "p", "text": "a", "reward": 1, "gold": 0}, {"prompt": "p", "text": "b", "gold": 1}])
    found = measured(store)["seam"]
    assert (found["value"], found["low"], found["high"], found["random"]) == (0.5, None, None, 0.25)


def test_a_policy_is_judged_on_its_own_responses(store):
    rows = [
        {"prompt": "p", "text": "a", "reward": 0, "gold": 2, "policy": "x"},
        {"prompt": "p", "text": "b", "reward": 1, "gold": 1, "policy": "x"},
        {"prompt": "p", "text": "c", "reward": 2, "gold": 0, "policy": "y"},
    ]
    fill(store, rows)
    assert measured(store)["seam"]["value"] == pytest.approx(2 / 3)
    assert measured(store, policy="x")["seam"]["value"] == pytest.approx(1 / 2)
    assert measured(store, policy="x")["mismatch with ratings"]["n"] == 1


def test_it_repeats_whatever_the_threads(drawn):
    store = drawn[0]
    store.sql("set threads = 1")
    once = reports.run(store, "seam", {"head": "h"}).table.to_pylist()
    store.sql("set threads = 4")
    for old, new in zip(once, reports.run(store, "seam", {"head": "h"}).table.to_pylist(), strict=True):
        assert new["value"] == pytest.approx(old["value"], rel=1e-12)
