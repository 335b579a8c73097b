"""The report coverage: distances against numpy, training rows at 1, outliers last, accuracy falling under shift."""

import numpy as np
import pytest
from lab import fill
from wide_lab import widen

import rmstore
from rmstore import reports

N_TRAIN, N_TEST, D = 120, 150, 6


def made(store, rng, test, weights=None, gold=None, *, seen=()):
    """Fill a store with one pair per prompt: training vectors around 0, test vectors as given, (N_TEST, 2, d)."""
    train = rng.normal(size=(N_TRAIN, 2, D))
    vectors = np.concatenate([train, test]).astype(np.float32)
    n = len(vectors)
    rows = {
        "prompt": [f"p{i}" for i in range(n) for _ in "ab"], "text": ["a", "b"] * n,
        "split": ["train"] * 2 * N_TRAIN + ["test"] * 2 * (n - N_TRAIN),
        "gold": None if gold is None else gold.ravel().tolist(),
    }  # fmt: skip
    groups = fill(
        store, rows if gold is not None else {**rows, "gold": [None] * 2 * n}, [(2 * i, 2 * i + 1) for i in range(n)]
    )
    widen(store, rows, vectors.reshape(-1, D), weights if weights is not None else np.eye(D)[0],
          seen=[groups[prompt] for prompt in seen])  # fmt: skip
    return vectors


def ratios(vectors, k):
    """Return the ratio of every response, (n, 2), by brute force in float64."""
    flat, groups = vectors.reshape(-1, D).astype(np.float64), np.arange(len(vectors)).repeat(2)
    distance = np.sqrt(((flat[:, None] - flat[None, : 2 * N_TRAIN]) ** 2).sum(axis=2))
    distance[groups[:, None] == groups[None, : 2 * N_TRAIN]] = np.inf
    kth = np.sort(distance, axis=1)[:, k - 1]
    return (kth / np.median(kth[: 2 * N_TRAIN])).reshape(-1, 2)


def run(store, **params):
    return {row["decile"]: row for row in reports.run(store, "coverage", {"head": "w", **params}).table.to_pylist()}


@pytest.fixture(scope="module")
def shifted():
    """Test rows further and further away, along a direction that the head has wrong."""
    rng = np.random.default_rng(1)
    with rmstore.connect() as store:
        scale = np.linspace(1, 6, N_TEST)[:, None, None]
        test = rng.normal(size=(N_TEST, 2, D)) * scale
        test[:, 0, 0] = test[:, 1, 0] + 1  # the head, which sees component 0 alone, is right ...
        far = np.flatnonzero(rng.random(N_TEST) < np.linspace(-0.3, 1, N_TEST))
        test[far, 0, 0] = test[far, 1, 0] - 1  # ... and the further away, the less often
        yield store, made(store, rng, test)


def test_every_tenth_equals_numpy(shifted):
    store, vectors = shifted
    found, ratio = run(store, k=7), ratios(vectors, 7)[N_TRAIN:]
    hits = (vectors[N_TRAIN:, 0, 0] > vectors[N_TRAIN:, 1, 0]).astype(float)
    gaps = vectors[N_TRAIN:, 0, 0].astype(np.float64) - vectors[N_TRAIN:, 1, 0]
    errors = 1 - 1 / (1 + np.exp(-gaps))
    tenth = np.empty(2 * N_TEST, int)
    tenth[np.argsort(ratio.ravel())] = np.arange(2 * N_TEST) * 10 // (2 * N_TEST)
    tenth = tenth.reshape(-1, 2)
    for number in range(10):
        inside, pairs = ratio[tenth == number], (tenth == number).any(axis=1)
        row = found[str(number + 1)]
        assert (row["n_responses"], row["n_pairs"], row["n_seen"]) == (len(inside), pairs.sum(), 0)
        assert (row["ratio_from"], row["ratio"], row["ratio_to"]) == pytest.approx(
            (inside.min(), np.median(inside), inside.max()), rel=1e-9
        )
        assert row["accuracy"] == pytest.approx(hits[pairs].mean(), abs=1e-12)
        assert row["low"] <= row["accuracy"] <= row["high"] and row["random"] == 0.5
        assert row["error"] == pytest.approx(errors[pairs].mean(), abs=1e-6)
    total = found["all"]
    assert (total["n_pairs"], total["n_groups"]) == (N_TEST, N_TEST)
    assert total["accuracy"] == pytest.approx(hits.mean(), abs=1e-12)
    assert list(found) == [*map(str, range(1, 11)), "all", "train"]


def test_training_rows_have_ratio_one(shifted):
    train = run(shifted[0])["train"]
    assert (train["ratio"], train["n_responses"], train["accuracy"]) == (1.0, 2 * N_TRAIN, None)
    judged = run(shifted[0], split="train")
    assert judged["all"]["ratio"] == 1.0 and judged["all"]["n_responses"] == 2 * N_TRAIN


def test_accuracy_falls_with_distance_under_shift(shifted):
    found = run(shifted[0])
    near, far = (np.mean([found[str(i)]["accuracy"] for i in tenths]) for tenths in ((1, 2, 3), (8, 9, 10)))
    assert near > far + 0.3
    assert found["10"]["error"] > found["1"]["error"]
    assert found["1"]["low"] > found["10"]["high"]


def test_far_outliers_fall_in_the_last_tenth(store):
    rng = np.random.default_rng(2)
    test = rng.normal(size=(N_TEST, 2, D))
    test[:15] += 30  # 30 of 300 responses
    made(store, rng, test)
    found = run(store)
    assert found["10"]["n_pairs"] == 15 and found["10"]["ratio_from"] > 5 > found["9"]["ratio_to"]
    assert found["1"]["ratio_from"] > 0


def test_rated_responses_are_pairs_and_seen_groups_are_left_out(store):
    rng = np.random.default_rng(3)
    gold = rng.normal(size=(N_TRAIN + N_TEST, 2))
    gold[-1, 1] = gold[-1, 0]  # no order
    gold[-2, 0] = np.nan
    vectors = made(store, rng, rng.normal(size=(N_TEST, 2, D)), gold=gold, seen=[f"p{N_TRAIN}", f"p{N_TRAIN + 1}"])
    total = run(store, attribute="gold")["all"]
    kept = slice(N_TRAIN + 2, -2)
    agree = np.sign(gold[kept, 0] - gold[kept, 1]) == np.sign(vectors[kept, 0, 0] - vectors[kept, 1, 0])
    assert (total["n_pairs"], total["n_seen"]) == (N_TEST - 4, 2)
    assert total["accuracy"] == pytest.approx(agree.mean(), abs=1e-12)


def test_too_few_training_rows_give_no_ratio(shifted):
    store, _ = shifted
    result = reports.run(store, "coverage", {"head": "w", "k": 500})
    assert result.table.num_rows == 0 and "has no rows" in result.provenance["notes"][0]
    with pytest.raises(rmstore.errors.RmstoreError, match="k is 0"):
        run(store, k=0)


def test_a_sample_is_bounded_and_repeats(shifted):
    store, _ = shifted
    few = run(store, most=50)
    assert (few["all"]["n_responses"], few["train"]["n_responses"], few["train"]["ratio"]) == (50, 50, 1.0)
    again = run(store, most=50)
    for name in ("n_pairs", "ratio_from", "ratio", "ratio_to"):
        assert [row[name] for row in again.values()] == [row[name] for row in few.values()]


def test_a_condition_keeps_pairs_whose_sides_both_fit_and_all_of_the_training_split(shifted):
    store = shifted[0]
    test = (
        "from rm_rows('w') join responses using (response_id) where split = 'test' and text = 'a' order by response_id"
    )
    out = ", ".join(f"'{row['response_id']}'" for row in store.rows(test)[:40])
    where = f"response_id not in ({out})"
    result = reports.run(store, "coverage", {"head": "w"}, where=where).table.to_pylist()
    found = {row["decile"]: row for row in result}
    assert (found["all"]["n_responses"], found["all"]["n_pairs"]) == (2 * N_TEST - 40, N_TEST - 40)
    assert found["train"]["n_responses"] == 2 * N_TRAIN


def test_constant_scores_count_half(store):
    rng = np.random.default_rng(4)
    made(store, rng, rng.normal(size=(N_TEST, 2, D)), weights=np.zeros(D))
    found = run(store)
    assert {row["accuracy"] for row in found.values()} == {0.5, None}
    assert found["all"]["error"] == pytest.approx(0.5)
