"""The report agreement: textbook numbers, scikit-learn's kappa, missing votes, heads, and PandaLM's annotators."""

from itertools import permutations

import numpy as np
import pytest
from arena import sigmoid
from ingesting import write
from lab import fill, save_head
from sklearn.metrics import cohen_kappa_score

import rmstore
from rmstore import reports, snapshots
from rmstore.errors import RmstoreError
from rmstore.ingest import ingest


def rate(store, folder, verdicts, *, dataset="d"):
    """Ingest a list of verdicts per rater, P(policy a beats policy b) by prompt, None where there is none."""
    rows = [
        {"prompt": f"p{number}", "chosen": f"a{number}", "rejected": f"b{number}", "chosen_model": "a",
         "rejected_model": "b", "prob": float(prob), "annotator": rater, "source": "human"}
        for rater, probs in verdicts.items()
        for number, prob in enumerate(probs)
        if prob is not None
    ]  # fmt: skip
    ingest(store, write(folder / f"{dataset}.jsonl", rows), format="pairs", dataset=dataset)


def cells(store, **params):
    """Run the report and return its rows by the two raters."""
    rows = reports.run(store, "agreement", params).table.to_pylist()
    return {(row["rater_a"], row["rater_b"]): row for row in rows}


def alpha_of(units, apart):
    """Return Krippendorff's alpha from the values of each unit, by the definition: a mean over pairs of values."""
    units = [unit for unit in units if len(unit) > 1]
    pool = [value for unit in units for value in unit]
    within = sum(apart(a, b) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2)) / len(pool)
    between = sum(apart(a, b) for a, b in permutations(pool, 2)) / (len(pool) * (len(pool) - 1))
    return 1 - within / between


def side(prob):
    return np.sign(round(prob - 0.5, 12))


def test_the_binary_example_of_krippendorff(store, tmp_path):
    # Computing Krippendorff's Alpha-Reliability (2011), section A: alpha = 0.095
    a, b = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    rate(store, tmp_path, {"Meg": a, "Owen": b})
    row = cells(store)["Meg", "Owen"]
    assert (row["n_items"], row["n_groups"], row["n_seen"], row["tie_rate"]) == (10, 10, 0, 0)
    # coincidences: 20 values of which 14 are 0 and 6 are 1, 8 of them in the 4 pairs that disagree
    assert row["alpha"] == pytest.approx(1 - 19 * 8 / (20**2 - 14**2 - 6**2), abs=1e-12)
    assert round(row["alpha"], 3) == 0.095
    assert row["interval_alpha"] == pytest.approx(row["alpha"], abs=1e-12)  # 0 and 1 lie 1 apart
    assert (row["agreement"], row["expected"]) == pytest.approx((0.6, 0.2 * 0.4 + 0.8 * 0.6))
    assert row["kappa"] == pytest.approx((0.6 - 0.56) / 0.44) == cohen_kappa_score(a, b)
    assert row["low"] < 0.6 < row["high"] and row["kappa_low"] < row["kappa"] < row["kappa_high"]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Four raters of 120 pairs, three kinds of verdict, a quarter of them missing; and what they said."""
    rng = np.random.default_rng(1)
    truth = rng.choice([0, 0.5, 1], 120, p=[0.5, 0.1, 0.4])
    said = {
        name: [
            None if missing else float(value if sure else other)
            for value, other, sure, missing in zip(
                truth,
                rng.choice([0, 0.2, 0.5, 0.9, 1], 120),
                rng.random(120) < care,
                rng.random(120) < 0.25,
                strict=True,
            )
        ]
        for name, care in (("w", 0.9), ("x", 0.8), ("y", 0.5), ("z", 0.0))
    }
    with rmstore.connect() as opened:
        rate(opened, tmp_path_factory.mktemp("crowd"), said)
        yield opened, said


def test_every_two_raters_have_the_kappa_of_scikit_learn(crowd):
    store, said = crowd
    found = cells(store)
    assert list(found) == [("w", "x"), ("w", "y"), ("w", "z"), ("x", "y"), ("x", "z"), ("y", "z"), ("all", "all")]
    for (a, b), row in list(found.items())[:-1]:
        both = [(p, q) for p, q in zip(said[a], said[b], strict=True) if p is not None and q is not None]
        sides = [[side(p) for p in one] for one in zip(*both, strict=True)]
        assert row["n_items"] == len(both) < 100
        assert row["kappa"] == pytest.approx(cohen_kappa_score(*sides), abs=1e-12)
        assert row["agreement"] == pytest.approx(np.mean(np.equal(*sides)))
        assert row["tie_rate"] == pytest.approx(np.mean(np.array(sides) == 0))
        assert row["alpha"] == pytest.approx(
            alpha_of([[side(v) for v in pair] for pair in both], np.not_equal), abs=1e-9
        )
        assert row["interval_alpha"] == pytest.approx(alpha_of(both, lambda p, q: (p - q) ** 2), abs=1e-9)
    assert found["w", "x"]["kappa"] > found["w", "y"]["kappa"] > found["w", "z"]["kappa"]
    assert found["w", "z"]["kappa_low"] < 0 < found["w", "z"]["kappa_high"]


def test_all_raters_together_with_missing_votes(crowd):
    store, said = crowd
    row = cells(store)["all", "all"]
    units = [[value for value in unit if value is not None] for unit in zip(*said.values(), strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    sides = [[side(value) for value in unit] for unit in units]
    assert row["n_items"] == len(units)
    assert row["alpha"] == pytest.approx(alpha_of(sides, np.not_equal), abs=1e-9)
    assert row["interval_alpha"] == pytest.approx(alpha_of(units, lambda p, q: (p - q) ** 2), abs=1e-9)
    pool = np.concatenate(sides)
    assert row["expected"] == pytest.approx(sum(np.mean(pool == value) ** 2 for value in (-1, 0, 1)))
    assert row["kappa"] == pytest.approx((row["agreement"] - row["expected"]) / (1 - row["expected"]))
    for name in ("kappa", "alpha", "interval_alpha"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]


def test_fleiss_kappa_by_hand(store, tmp_path):
    # four raters, three pairs: 4-0, 3-1 and 2-2; agreement within them 1, 1/2 and 1/3
    rate(store, tmp_path, {"p": [1, 0, 1], "q": [1, 0, 1], "r": [1, 0, 0], "s": [1, 1, 0]})
    row = cells(store)["all", "all"]
    assert row["agreement"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert row["expected"] == pytest.approx((7 / 12) ** 2 + (5 / 12) ** 2)
    assert row["kappa"] == pytest.approx((11 / 18 - 74 / 144) / (1 - 74 / 144))


def test_the_seed_draws_the_intervals(crowd):
    store, _ = crowd
    first, again, other = (cells(store, seed=seed, replicates=200)["w", "x"] for seed in (3, 3, 4))
    for name in ("kappa_low", "alpha_high", "interval_alpha_low"):
        assert first[name] == pytest.approx(again[name], rel=1e-9) != other[name]
    assert first["kappa"] == pytest.approx(other["kappa"], rel=1e-9)


def test_hostile_votes(store, tmp_path):
    rate(store, tmp_path, {"x": [0.5] * 5, "y": [0.5] * 5}, dataset="ties")
    rate(store, tmp_path, {"x": [1] * 5, "y": [1] * 5}, dataset="constant")
    rate(store, tmp_path, {"x": [1], "y": [0]}, dataset="one")
    rate(store, tmp_path, {"x": [1, None], "y": [None, 1]}, dataset="apart")
    for dataset in ("ties", "constant"):
        row = cells(store, dataset=dataset)["x", "y"]
        assert (row["agreement"], row["expected"]) == (1, 1)
        assert row["kappa"] is row["alpha"] is row["interval_alpha"] is row["kappa_low"] is None
    one = cells(store, dataset="one")["x", "y"]
    assert (one["agreement"], one["kappa"], one["low"], one["kappa_low"]) == (0, 0, None, None)
    assert one["alpha"] == 0
    assert cells(store, dataset="apart") == {}
    assert {row["dataset"] for row in reports.run(store, "agreement").table.to_pylist()} == {"ties", "constant", "one"}
    with pytest.raises(RmstoreError, match="no name for raters is called 'people'"):
        cells(store, raters="people")


def test_repeated_votes_and_equal_texts(store, tmp_path):
    rows = [
        {"prompt": "p", "chosen": "b", "rejected": "a", "chosen_model": "m2", "rejected_model": "m1", "annotator": "x"},
        {"prompt": "p", "chosen": "a", "rejected": "b", "chosen_model": "m1", "rejected_model": "m2", "annotator": "x"},
        {"prompt": "p", "chosen": "b", "rejected": "a", "chosen_model": "m2", "rejected_model": "m1", "annotator": "y"},
        {"prompt": "q", "chosen": "b", "rejected": "a", "chosen_model": "m2", "rejected_model": "m1", "annotator": "x"},
        {"prompt": "q", "chosen": "b", "rejected": "a", "chosen_model": "m2", "rejected_model": "m1", "annotator": "y"},
        {"prompt": "r", "chosen": "same", "rejected": "same", "annotator": "x"},
        {"prompt": "r", "chosen": "same", "rejected": "same", "annotator": "y"},
    ]
    ingest(store, write(tmp_path / "rows.jsonl", rows), format="pairs", dataset="d")
    row = cells(store)["x", "y"]
    assert (row["n_items"], row["agreement"], row["tie_rate"]) == (2, 0.5, 0.25)  # x is for both sides of p: a tie
    # m1 is the first side, so that y is always for the second, and x once: what chance gives is 1/2
    assert row["expected"] == pytest.approx(0.5) and row["kappa"] == pytest.approx(0)


def test_sources(store, tmp_path):
    verdicts = {"x": [1, 1, 0], "y": [1, 0, 0], "z": [1, 1, 0], "j": [1, 0.9, 0.3]}
    rows = [
        {"prompt": f"p{number}", "chosen": f"a{number}", "rejected": f"b{number}", "chosen_model": "a",
         "rejected_model": "b", "prob": prob, "annotator": rater, "source": "judge" if rater == "j" else "human"}
        for rater, probs in verdicts.items()
        for number, prob in enumerate(probs)
    ]  # fmt: skip
    ingest(store, write(tmp_path / "rows.jsonl", rows), format="pairs", dataset="d")
    row = cells(store, raters="source")["human", "judge"]
    values = [(1, 1), (2 / 3, 0.9), (0, 0.3)]
    assert (row["n_items"], row["agreement"], row["kappa"]) == (3, 1, 1)
    assert row["interval_alpha"] == pytest.approx(alpha_of(values, lambda p, q: (p - q) ** 2), abs=1e-9)
    where = reports.run(store, "agreement", where="annotator <> 'z'").table.to_pylist()
    assert {name for row in where for name in (row["rater_a"], row["rater_b"])} == {"x", "y", "j", "all"}


@pytest.fixture(scope="module")
def judged():
    """Votes on 6 prompts; head h@1 knows the better response but of p5 and saw p0, turned@1 says the contrary."""
    with rmstore.connect() as opened:
        rows = {
            "prompt": [f"p{number // 2}" for number in range(12)], "text": [f"t{number}" for number in range(12)],
            "reward": [1.0, 0.0] * 5 + [0.0, 2.0], "policy": ["a", "b"] * 6,
        }  # fmt: skip
        fill(opened, rows, [(2 * number, 2 * number + 1) for number in range(6)], seen=["p0"], temperature=2.0)
        info = snapshots.resolve(opened, "s@1")
        save_head(opened, info, (), name="turned", weights=((-1.0,),))
        yield opened


def test_heads_judge_what_was_voted_on(judged):
    found = cells(judged, snapshot="s")
    assert list(found) == [("h@1", "human"), ("h@1", "turned@1"), ("human", "turned@1"), ("all", "all")]
    human = found["h@1", "human"]
    # p0 was seen in training and is left out; p5 it gets wrong
    assert (human["n_items"], human["n_seen"], human["agreement"]) == (5, 1, 0.8)
    gaps = [sigmoid(0.5)] * 4 + [sigmoid(-1)]
    expected = alpha_of([(1.0, float(gap)) for gap in gaps], lambda p, q: (p - q) ** 2)
    assert human["interval_alpha"] == pytest.approx(expected, abs=1e-6)
    assert found["h@1", "turned@1"]["agreement"] == 0 and found["h@1", "turned@1"]["kappa"] < 0
    # nobody knows which groups the other head saw
    assert found["human", "turned@1"]["n_seen"] is None and found["human", "turned@1"]["n_items"] == 6


def test_what_a_head_says_of_groups_that_it_saw_is_left_out_of_all_raters_too(judged):
    found = cells(judged, snapshot="s", heads="h")
    two, everyone = found["h@1", "human"], found["all", "all"]
    names = ("n_items", "n_seen", "agreement", "alpha", "interval_alpha")
    assert [everyone[name] for name in names] == pytest.approx([two[name] for name in names])
    assert (everyone["n_items"], everyone["n_seen"]) == (5, 1)


def test_heads_can_be_named(judged):
    assert list(cells(judged, snapshot="s", heads="turned")) == [("human", "turned@1"), ("all", "all")]
    assert len(cells(judged, snapshot="s", heads="turned@1, h")) == 4
    assert cells(judged) == {}  # votes alone have one rater
    with pytest.raises(RmstoreError, match="no head is called 'hh'"):
        cells(judged, snapshot="s", heads="h,hh")
    with pytest.raises(RmstoreError, match="heads 'h' need a snapshot"):
        cells(judged, heads="h")


def test_the_annotators_of_pandalm(store, real_data):
    """Its authors state Cohen's kappa of 0.85 to 0.88 between the annotators."""
    folder = real_data / "pandalm"
    test_set = folder / "testset-v1.json.gz"
    ingest(store, test_set, format="pandalm", dataset="pandalm")
    for machine in ("gpt-3.5-turbo", "pandalm-7b"):
        ingest(store, folder / f"{machine}-testset-v1.json.gz", format="pandalm", dataset="pandalm",
               options={"test_set": str(test_set)})  # fmt: skip
    found = cells(store, replicates=200)
    people = [row for pair, row in found.items() if all(name.startswith("annotator") for name in pair)]
    assert len(people) == 3 and len(found) == 11
    assert {round(row["kappa"], 2) for row in people} <= {0.85, 0.86, 0.87, 0.88}
    assert {row["n_groups"] for row in people} == {170}
    machines = [row for pair, row in found.items() if {"gpt", "pandalm"} & set(pair)]
    assert max(row["kappa_high"] for row in machines) < min(row["kappa_low"] for row in people)
    assert cells(store, raters="source", replicates=200)["human", "judge"]["agreement"] == pytest.approx(0.66, abs=0.01)
