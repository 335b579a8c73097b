"""The report data-scaling: nested samples, a curve that is found again, and what theory says of more data."""

from itertools import pairwise

import numpy as np
import pytest
from lab import fill, withhold
from stocking import stock

import rmstore
from rmstore import reports
from rmstore.embedding import embed
from rmstore.errors import ReportError

N = 480


@pytest.fixture(scope="module")
def known():
    """Votes of prompts with two pairs each by the sum of two numbers; the head sees the sum alone, through noise."""
    draw = np.random.default_rng(0)
    gold = draw.normal(size=4 * N)
    splits = ("train", "train", "valid", "test")
    rows = {"prompt": [f"p{i // 4}" for i in range(4 * N)], "text": [f"t{i}" for i in range(4 * N)],
            "reward": (gold + draw.normal(size=4 * N)).tolist(),
            "split": [splits[i // 4 % 4] for i in range(4 * N)]}  # fmt: skip
    with rmstore.connect() as store:
        fill(store, rows, [(i, i + 1) if gold[i] > gold[i + 1] else (i + 1, i) for i in range(0, 4 * N, 2)])
        yield store, rows, gold


def table(store, **params):
    return reports.run(store, "data-scaling", {"snapshot": "s", **params}).table.to_pylist()


def test_sizes_double_up_to_all_votes(known):
    store, rows, gold = known
    found = table(store)
    assert [row["n_train"] for row in found] == [250, N]  # half of the 2 N votes train
    assert [row["n_train"] for row in table(store, largest=300)] == [250, 300]
    assert [row["n_train"] for row in table(store, sizes="100, 20,1000000", repeats=1)] == [20, 100, N]
    first = np.arange(0, 4 * N, 2)
    reward, test = np.array(rows["reward"]), np.array(rows["split"])[first] == "test"
    right = (reward[first] > reward[first + 1]) == (gold[first] > gold[first + 1])
    for row in found:
        assert (row["n_pairs"], row["n_groups"]) == (N // 2, N // 4)
        assert row["accuracy"] == pytest.approx(right[test].mean())
        assert row["low"] < row["accuracy"] < row["high"]
        assert row["n_valid"] == pytest.approx(row["n_train"] / 2, rel=0.15)
        assert row["fit_a"] is None and row["fitted"] is None
    assert found[-1]["n_prompts"] == N // 2
    assert (found[1]["gain"], found[1]["gain_low"], found[1]["gain_high"]) == (0, None, None)  # one number, one order
    assert found[0]["gain"] is None


def test_samples_are_nested_and_of_whole_groups(known):
    store, _, _ = known
    votes = store.rows("select group_id::varchar as g, split, places from _rm_scaling_votes('s', null, null, 5, 2)")
    for repeat in range(2):
        train = [row for row in votes if row["split"] == "train"]
        places = sorted(row["places"][repeat] for row in train)
        assert places == list(range(1, N + 1))
        groups = {}
        for row in train:
            groups.setdefault(row["g"], []).append(row["places"][repeat])
        assert all(max(found) - min(found) == len(found) - 1 for found in groups.values())
    assert [row["places"][0] for row in votes] != [row["places"][1] for row in votes]
    capped = store.rows("select group_id::varchar as g, split, places from _rm_scaling_votes('s', null, 1, 5, 1)")
    kept = [row for row in capped if row["places"][0] is not None]
    assert len(kept) == len({row["g"] for row in kept}) == N // 2 + N // 4
    row = table(store, per_group=1, sizes="120", repeats=1)[0]
    assert (row["n_train"], row["n_prompts"]) == (120, 120)
    row = table(store, sizes="120", repeats=1)[0]
    assert (row["n_train"], row["n_prompts"]) == (120, 60)


@pytest.mark.parametrize(("a", "b", "c"), [(0.8, 1.5, 0.5), (0.95, 0.4, 0.1), (0.7, -0.2, 1.0)])
def test_a_known_curve_is_found_again(store, a, b, c):
    sizes = 250 * 2.0 ** np.arange(7)
    points = [{"n": int(n), "y": float(a - b * n**-c)} for n in sizes]
    fit = store.value("select _rm_power_curve($points)", {"points": points})
    assert (fit["a"], fit["b"], fit["c"]) == pytest.approx((a, b, c), abs=1e-6)
    assert store.value("select _rm_power_curve($points)", {"points": points[:3]}) is None


def test_the_curve_has_the_least_squares_of_all(store):
    draw = np.random.default_rng(2)
    sizes = 250 * 2.0 ** np.arange(6)
    values = 0.8 - 2 * sizes**-0.6 + draw.normal(size=6) / 100
    best = None
    for c in np.arange(1, 101) / 50:
        design = np.stack([np.ones(6), -(sizes**-c)], axis=1)
        solution, *_ = np.linalg.lstsq(design, values, rcond=None)
        error = ((design @ solution - values) ** 2).sum()
        best = min(best or (np.inf,), (error, *solution, c))
    points = [{"n": int(n), "y": float(y)} for n, y in zip(sizes, values, strict=True)]
    fit = store.value("select _rm_power_curve($points)", {"points": points})
    assert (fit["a"], fit["b"], fit["c"]) == pytest.approx(best[1:], rel=1e-6)


def linear_votes(store):
    """Fill a store with a vote on each of 2,000 prompts, by a gold that is linear in eight numbers; embed it as s."""
    draw = np.random.default_rng(3)
    words = ("a", "on", "the", "rain", "river", "bridge", "morning", "darkness")
    worth = dict(zip(words, draw.normal(size=8), strict=True))
    rows = [(f"p {i // 2}", " ".join(draw.choice(words, 6))) for i in range(4000)]
    gold = [sum(worth[word] for word in text.split()) for _, text in rows]
    votes = [(i, i + 1) if draw.random() < 1 / (1 + np.exp(gold[i + 1] - gold[i])) else (i + 1, i)
             for i in range(0, 4000, 2)]  # fmt: skip
    stock(store, rows, votes=votes)
    embed(store, "d", snapshot="s", encoder="toy:8", layout="response")


@pytest.fixture(scope="module")
def linear():
    """A store that the tests only read."""
    with rmstore.connect() as store:
        linear_votes(store)
        yield store


def test_more_votes_help_with_the_excess_going_like_one_over_n(linear):
    found = table(linear, sizes="16,64,256,1024", repeats=8)
    nll = np.array([row["nll"] for row in found])
    accuracy = np.array([row["accuracy"] for row in found])
    assert (np.diff(nll) < 0).all() and (np.diff(accuracy) > 0).all()
    floor = table(linear, sizes="1500", repeats=1)[0]["nll"]
    excess = nll[:3] - floor  # d / (2 n) nats in theory; the floor itself is off by 3e-3
    assert excess[0] / excess[1] > 2 and excess[1] / max(excess[2], 1e-3) > 2
    for before, row in pairwise(found):
        assert row["gain"] == pytest.approx((row["accuracy"] - before["accuracy"]) / 2)  # two doublings
        assert row["gain_low"] < row["gain"] < row["gain_high"]
    assert found[0]["accuracy_sd"] > 0
    assert [row["fitted"] for row in found] == pytest.approx(accuracy, abs=0.02)


def test_repeated_prompts_never_beat_as_many_fresh_ones(store):
    """Every vote is there four times over: as many votes of one a group are four times the prompts."""
    linear_votes(store)
    store.sql(
        "insert into preferences by name select votes.* replace (md5(preference_id || copy)::uuid as preference_id,"
        " copy + 1 as occurrence) from preferences as votes cross join range(1, 4) as copies (copy)"
    )
    repeated = table(store, sizes="32,128,512", repeats=12)
    fresh = table(store, sizes="32,128,512", repeats=12, per_group=1)
    for many, few in zip(fresh, repeated, strict=True):
        assert (many["n_train"], many["n_prompts"]) == (few["n_train"], 4 * few["n_prompts"])
        assert (many["n_pairs"], many["longest"]) == (few["n_pairs"], few["longest"])
        assert many["accuracy"] > few["accuracy"]
    # a vote that is there four times over teaches what it teaches once
    assert [row["accuracy"] for row in repeated[1:]] == pytest.approx([row["accuracy"] for row in fresh[:2]], abs=0.01)


def test_a_condition_filters_what_is_judged_alone(linear):
    every = table(linear, sizes="256", repeats=1)[0]
    some = reports.run(
        linear, "data-scaling", {"snapshot": "s", "sizes": "256", "repeats": 1}, where="chosen_chars > 25"
    ).table.to_pylist()[0]
    assert 0 < some["n_pairs"] < every["n_pairs"]
    assert [some[name] for name in ("n_train", "n_valid", "n_prompts")] == [256, every["n_valid"], every["n_prompts"]]
    none = reports.run(
        linear, "data-scaling", {"snapshot": "s", "sizes": "256", "repeats": 1}, where="chosen_chars < 0"
    ).table.to_pylist()[0]
    assert (none["n_train"], none["n_pairs"], none["accuracy"], none["gain"]) == (256, 0, None, None)


def test_what_cannot_be_swept_is_refused(known):
    store, _, _ = known
    for wrong, message in (
        ({"sizes": "1"}, "sizes holds 1: give numbers from 2"),
        ({"largest": 1}, "largest is 1: give a whole number from 2"),
        ({"per_group": 0}, "per_group is 0: give a whole number from 1"),
        ({"repeats": 101}, "repeats is 101"),
    ):
        with pytest.raises(ReportError, match=message):
            table(store, **wrong)


def test_lengths_of_placeholders_are_unknown(store):
    rows = {"prompt": [f"p{i // 2}" for i in range(48)], "text": ["x" * (i % 7) + str(i) for i in range(48)],
            "reward": [float(i % 5) for i in range(48)], "dataset": ["de"[i // 2 % 2] for i in range(48)],
            "split": [("train", "test", "test")[i // 2 % 3] for i in range(48)]}  # fmt: skip
    fill(store, rows, [(i, i + 1) for i in range(0, 48, 2)])
    length = [len(text) for text in rows["text"]]
    longest = 0.5 + 0.5 * np.sign([length[i] - length[i + 1] for i in range(0, 48, 2)])
    test, of_d = np.arange(24) % 3 > 0, np.arange(24) % 2 == 0
    for datasets, expected in (("", longest), ("d", np.where(of_d, 0.5, longest))):
        for dataset in datasets:
            withhold(store, dataset)
        assert table(store, repeats=2)[0]["longest"] == pytest.approx(expected[test].mean())
    withhold(store, "e")
    found = table(store, repeats=2)[0]
    assert (found["n_pairs"], found["longest"], found["shortest"], found["random"]) == (16, None, None, 0.5)
