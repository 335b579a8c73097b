"""The report label-noise: identities of simulated votes, and accuracies worked out anew."""

import numpy as np
import pytest
from lab import fill, withhold
from stocking import stock

import rmstore
from rmstore import reports
from rmstore.embedding import embed
from rmstore.errors import OptionError, ReportError, UnknownNameError
from rmstore.reports import rows as report_rows

PROMPTS, CANDIDATES = 300, 8
EXPECTED = {0.1: (0.472, 0.6907), 0.5: (0.369, 0.6401), 1: (0.275, 0.540), 5: (0.076, 0.1786), 10: (0.039, 0.0923)}
"""Quality -> share of wrong labels and irreducible NLL, for standard normal gold."""


@pytest.fixture(scope="module")
def rated():
    """Normal gold that rewards know up to noise; a vote per two neighbours, for the higher gold."""
    draw = np.random.default_rng(0)
    gold = draw.normal(size=PROMPTS * CANDIDATES)
    n = len(gold)
    rows = {"prompt": [f"p{i // CANDIDATES}" for i in range(n)], "text": ["t" * (1 + i % 5) + str(i) for i in range(n)],
            "reward": (gold + draw.normal(size=n)).tolist(), "gold": gold.tolist(),
            "split": [("train", "valid", "test")[i // CANDIDATES % 3] for i in range(n)]}  # fmt: skip
    with rmstore.connect() as store:
        votes = [(i, i + 1) if gold[i] > gold[i + 1] else (i + 1, i) for i in range(0, n, 2)]
        fill(store, rows, votes)
        yield store, rows


def table(store, **params):
    return reports.run(store, "label-noise", {"snapshot": "s", **params}).table.to_pylist()


def test_labels_of_a_noisy_annotator_are_as_wrong_as_they_should_be(rated):
    store, _ = rated
    rows = {row["level"]: row for row in table(store, attribute="gold", levels="0.1,0.5,1,5,10,-1", repeats=2)}
    assert list(rows) == [-1, *EXPECTED]
    for quality, (error, loss) in EXPECTED.items():
        row = rows[quality]
        spread = 4 * np.sqrt(error * (1 - error) / row["n_train"])
        assert row["wrong"] == pytest.approx(error, abs=spread)
        assert 1 - row["label_accuracy"] == pytest.approx(error, abs=0.01)
        assert row["label_nll"] == pytest.approx(loss, abs=0.01)
    assert (rows[-1]["wrong"], rows[-1]["label_accuracy"], rows[-1]["label_nll"]) == (0, 1, 0)


def test_votes_turned_round_are_the_share_that_was_asked_for(rated):
    store, _ = rated
    rows = table(store)
    assert [row["level"] for row in rows] == [0, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4]
    for row in rows:
        level, n = row["level"], PROMPTS // 3 * 2 * CANDIDATES // 2
        assert (row["n_train"], row["n_pairs"], row["n_groups"]) == (n, n // 2, PROMPTS // 3)
        assert row["wrong"] == pytest.approx(level, abs=4 * np.sqrt(level / (3 * n)))
        assert row["label_accuracy"] == pytest.approx(1 - level)
        entropy = -level * np.log(level) - (1 - level) * np.log(1 - level) if level else 0
        assert row["label_nll"] == pytest.approx(entropy)
        assert row["gold"] is None and row["n_prompts"] == 0
    assert [row["wrong"] for row in rows] == sorted(row["wrong"] for row in rows)


def test_a_head_of_one_number_by_hand(rated):
    """The head ranks by the sign of its weight, which stays positive until most labels are wrong."""
    store, rows = rated
    reward, gold, lengths = np.array(rows["reward"]), np.array(rows["gold"]), np.array([len(t) for t in rows["text"]])
    first = np.arange(0, len(reward), 2)
    test = np.array(rows["split"])[first] == "test"
    higher = np.where(gold[first] > gold[first + 1], first, first + 1)
    lower = np.where(gold[first] > gold[first + 1], first + 1, first)
    accuracy = (reward[higher] > reward[lower])[test].mean()
    longest = (0.5 + 0.5 * np.sign(lengths[higher] - lengths[lower]))[test].mean()
    kept, turned = table(store, levels="0,1", repeats=2)
    assert kept["accuracy"] == pytest.approx(accuracy)
    assert turned["accuracy"] == pytest.approx(1 - accuracy)
    assert (kept["longest"], kept["shortest"], kept["random"]) == pytest.approx((longest, 1 - longest, 0.5))
    assert kept["low"] < accuracy < kept["high"] and kept["accuracy_sd"] == 0
    once = table(store, levels="0", repeats=1)[0]
    assert (once["low"], once["high"]) == pytest.approx((kept["low"], kept["high"]))  # a repeat is no new vote
    assert kept["nll"] < np.log(2) < turned["nll"]


def test_gold_of_the_pick_by_hand(rated):
    store, rows = rated
    reward, gold = (np.array(rows[name]).reshape(PROMPTS, CANDIDATES) for name in ("reward", "gold"))
    test = np.arange(PROMPTS) % 3 == 2
    reward, gold = reward[test], gold[test]
    row = table(store, attribute="gold", levels="-1", repeats=2)[0]
    assert row["n_prompts"] == PROMPTS // 3
    assert row["gold"] == pytest.approx(gold[np.arange(len(gold)), reward.argmax(axis=1)].mean())
    assert row["gold_random"] == pytest.approx(gold.mean())
    assert row["gold_oracle"] == pytest.approx(gold.max(axis=1).mean())
    assert row["gold_low"] < row["gold"] < row["gold_high"]
    two = table(store, attribute="gold", levels="-1", repeats=1, candidates=2)[0]
    assert two["gold_oracle"] < row["gold_oracle"] and two["accuracy_sd"] is None


def test_noise_costs_accuracy_and_a_seed_repeats(tmp_path):
    """Eight numbers, of which the head must find the direction: wrong labels make it worse."""
    with rmstore.connect(tmp_path / "s.duckdb") as store:
        draw = np.random.default_rng(1)
        words = ("a", "on", "the", "rain", "river", "bridge", "morning", "darkness")
        rows = [(f"p {i // 2}", " ".join(draw.choice(words, 5))) for i in range(400)]
        votes = [(i, i + 1) if len(rows[i][1]) > len(rows[i + 1][1]) else (i + 1, i) for i in range(0, 400, 2)]
        stock(store, rows, votes=votes)
        embed(store, "d", snapshot="s", encoder="toy:8", layout="response")
        first = table(store, levels="0,0.2,0.45", pairs=120)
    with rmstore.connect(tmp_path / "s.duckdb", read_only=True) as reader:
        again = table(reader, levels="0,0.2,0.45", pairs=120)
        other = table(reader, levels="0,0.2,0.45", pairs=120, seed=9)
    for row, twin in zip(first, again, strict=True):
        assert [key for key in row if not report_rows.same(row[key], twin[key])] == []
    assert first[0]["accuracy"] > first[2]["accuracy"] + 0.03
    assert first[0]["n_train"] == 120
    assert [row["wrong"] for row in other] != [row["wrong"] for row in first]


def test_nothing_to_learn_from_or_to_judge(store):
    rows = [{"prompt": f"p{i // 2}", "text": f"t{i}", "reward": i % 3, "split": "train"} for i in range(20)]
    fill(store, rows, [(i, i + 1) for i in range(0, 20, 2)])
    row = table(store, levels="0.2")[0]
    assert (row["n_train"], row["n_pairs"], row["accuracy"], row["nll"], row["random"]) == (10, 0, None, None, None)
    store.sql("update prompt_sources set split = 'test'")
    assert table(store) == []


def test_what_cannot_be_swept_is_refused(rated):
    store, _ = rated
    for wrong, message in (
        ({"levels": "0,x"}, "levels holds x: give numbers from 0 to 1"),
        ({"levels": "2"}, "levels holds 2"),
        ({"levels": ""}, "levels holds nothing"),
        ({"repeats": 0}, "repeats is 0: give a whole number from 1 to 100"),
        ({"pairs": 1}, "pairs is 1"),
        ({"candidates": 1, "attribute": "gold"}, "candidates is 1"),
    ):
        with pytest.raises(ReportError, match=message):
            table(store, **wrong)
    with pytest.raises(UnknownNameError, match="no attribute is called 'golt'"):
        table(store, attribute="golt")
    with pytest.raises(OptionError, match="no option"):
        table(store, options='{"l3": 1}')


def two_sets():
    """Ninety prompts with two responses each, half of them in either data set; gold is the reward, votes follow it."""
    draw = np.random.default_rng(4)
    n = 180
    reward = draw.normal(size=n)
    rows = {"prompt": [f"p{i // 2}" for i in range(n)], "text": [f"{i}" + "x" * draw.integers(0, 9) for i in range(n)],
            "reward": reward.tolist(), "gold": reward.tolist(), "dataset": ["de"[i // 2 % 2] for i in range(n)],
            "split": [("train", "valid", "test")[i // 2 % 3] for i in range(n)]}  # fmt: skip
    votes = [(i, i + 1) if reward[i] > reward[i + 1] else (i + 1, i) for i in range(0, n, 2)]
    gaps = [len(rows["text"][chosen]) - len(rows["text"][rejected]) for chosen, rejected in votes]
    return rows, votes, 0.5 + 0.5 * np.sign(gaps)


@pytest.mark.parametrize("params", [{"levels": "0.2"}, {"attribute": "gold", "levels": "-1"}])
def test_a_condition_chooses_what_is_learned_from_and_judged(store, params):
    rows, votes, _ = two_sets()
    fill(store, rows, votes)
    given = {"snapshot": "s", **params}
    (chosen,) = reports.run(store, "label-noise", given, where="dataset = 'd'").table.to_pylist()
    (named,), (every,) = table(store, dataset="d", **params), table(store, **params)
    assert [key for key in chosen if not report_rows.same(chosen[key], named[key])] == []
    assert (chosen["n_train"], chosen["n_pairs"]) == (every["n_train"] / 2, every["n_pairs"] / 2) == (30, 15)
    assert chosen["n_prompts"] == every["n_prompts"] / 2


def test_lengths_of_placeholders_are_unknown(store):
    rows, votes, longest = two_sets()
    fill(store, rows, votes)
    test, of_d = np.arange(90) % 3 == 2, np.arange(90) % 2 == 0
    assert table(store, levels="0")[0]["longest"] == pytest.approx(longest[test].mean())
    withhold(store, "d")
    found = table(store, levels="0")[0]
    assert found["longest"] == pytest.approx(np.where(of_d, 0.5, longest)[test].mean()) == 1 - found["shortest"]
    withhold(store, "e")
    found = table(store, levels="0")[0]
    assert (found["longest"], found["shortest"], found["random"]) == (None, None, 0.5)
