"""The report rm-bench by hand and against an independent computation, on drawn and on the published items."""

import gzip
import json

import numpy as np
import pytest
from benches import give_rewards, ingest_rows
from lab import table

import rmstore
from rmstore import reports
from rmstore.ingest import ingest

STYLES = ("concise", "detailed", "markdown")
FILES = ("chat", "code", "safety-refuse", "safety-response")


def item(number, chosen, rejected, subset="chat", **more):
    return {"id": number, "prompt": f"p{number}", "chosen": chosen, "rejected": rejected, "subset": subset, **more}


def by_number(prompt, text):
    """The reward of a text is the number that it begins with."""
    return float(text.split()[0])


def run(store, head="h", **params):
    return {(row["domain"], row["comparison"]): row for row in table(store, "rm-bench", head=head, **params)}


def accuracies(rows):
    return {key: row["accuracy"] for key, row in rows.items()}


def official(items, reward_of):
    """Accuracy by (domain, comparison); items are (domain, row). The definition, in plain numpy."""
    found = {}
    for domain in sorted({domain for domain, _ in items}):
        hits = [
            [
                [reward_of(row["prompt"], a) > reward_of(row["prompt"], b) for b in row["rejected"]]
                for a in row["chosen"]
            ]
            for one, row in items
            if one == domain
        ]
        matrix = np.mean(np.array(hits, float), axis=0)
        kinds = {
            "hard": matrix[np.triu_indices(3, 1)].mean(), "normal": matrix.diagonal().mean(),
            "easy": matrix[np.tril_indices(3, -1)].mean(),
        }  # fmt: skip
        found |= {(domain, name): value for name, value in kinds.items()}
        found[domain, "mean"] = np.mean(list(kinds.values()))
        found |= {(domain, f"{STYLES[i]} > {STYLES[j]}"): matrix[i, j] for i in range(3) for j in range(3)}
    comparisons = {comparison for _, comparison in found}
    domains = {domain for domain, _ in found} - {"other"}
    return found | {("all", one): np.mean([found[domain, one] for domain in domains]) for one in comparisons}


def test_the_matrix_by_hand(store, tmp_path):
    ingest_rows(store, tmp_path / "a.jsonl", [
        item(1, ["5", "1", "3"], ["2", "3", "4"]),
        item(2, ["0", "0", "0"], ["0", "1 long", "0"]),  # texts that stand there twice, and on both sides
        item(3, ["9", "9 b", "9 c"], ["1", "2", "3"], subset="safety-refuse"),
    ], format="rm-bench")  # fmt: skip
    give_rewards(store, {"h": by_number})
    rows = run(store)
    assert list(rows)[:5] == [("all", "mean"), ("all", "hard"), ("all", "normal"), ("all", "easy"),
                              ("all", "concise > concise")]  # fmt: skip
    assert len(rows) == 3 * 13
    chat = {comparison: row for (domain, comparison), row in rows.items() if domain == "chat"}
    # item 1: 5 beats 2, 3 and 4; 1 beats none; 3 beats 2 and is level with 3. item 2: nothing is strictly better
    assert chat["concise > markdown"]["accuracy"] == chat["concise > concise"]["accuracy"] == 0.5
    assert chat["hard"]["accuracy"] == pytest.approx((2 + 0) / 6)
    assert chat["normal"]["accuracy"] == pytest.approx((1 + 0) / 6)
    assert chat["easy"]["accuracy"] == pytest.approx((1 + 0) / 6)
    assert chat["mean"]["accuracy"] == pytest.approx(4 / 18)
    assert chat["mean"]["tie_rate"] == pytest.approx((1 + 6) / 18)
    assert chat["markdown > detailed"]["tie_rate"] == 0.5
    assert (chat["hard"]["chosen"], chat["concise > markdown"]["chosen"]) == (None, "concise")
    assert chat["concise > markdown"]["rejected"] == "markdown"
    assert chat["mean"]["n"] == 2 and chat["mean"]["n_expected"] == 129 and chat["mean"]["random"] == 0.5
    assert chat["concise > detailed"]["longest"] == 0.0 and chat["concise > detailed"]["shortest"] == 0.5
    assert rows["safety", "mean"]["accuracy"] == 1.0 and rows["safety", "mean"]["low"] is None
    assert rows["all", "mean"]["accuracy"] == pytest.approx((4 / 18 + 1) / 2)
    assert (rows["all", "mean"]["n_domains"], rows["all", "mean"]["n"]) == (2, 3)


def test_length_wins_what_is_easy_and_loses_what_is_hard(store, tmp_path):
    rows = [item(i, ["a" * (i + 1), "b" * 50, "c" * 90], ["d" * (i + 1), "e" * 50, "f" * 90]) for i in range(9)]
    ingest_rows(store, tmp_path / "a.jsonl", rows, format="rm-bench")
    give_rewards(store, {"long": lambda prompt, text: len(text), "constant": lambda prompt, text: 1})
    found = run(store, "long")
    for domain in ("all", "chat"):
        assert [found[domain, one]["accuracy"] for one in ("hard", "normal", "easy")] == [0.0, 0.0, 1.0]
        assert [found[domain, one]["longest"] for one in ("hard", "normal", "easy")] == [0.0, 0.0, 1.0]
        assert [found[domain, one]["shortest"] for one in ("hard", "normal", "easy")] == [1.0, 0.0, 0.0]
        assert found[domain, "normal"]["tie_rate"] == 1.0
    constant = run(store, "constant")
    assert set(accuracies(constant).values()) == {0.0}
    assert {row["tie_rate"] for row in constant.values()} == {1.0}


def test_domains_come_from_the_column_or_the_subset(store, tmp_path):
    lists = (["1", "2", "3"], ["0", "0 b", "0 c"])
    ingest_rows(store, tmp_path / "a.jsonl", [
        item(1, *lists, subset="alpacaeval"), item(2, *lists, subset="bigcode/humanevalpack"),
        item(3, *lists, subset="xstest-should-respond"), item(4, *lists, subset="x", domain="math"),
        item(5, *lists, subset="x", domain="safety-response"), item(6, *lists[::-1], subset="poetry"),
        item(7, ["1"], ["0"]),  # no three styles
    ], format="rm-bench")  # fmt: skip
    give_rewards(store, {"h": by_number})
    rows = run(store)
    means = {domain: (row["n"], row["accuracy"]) for (domain, one), row in rows.items() if one == "mean"}
    assert means == {"all": (5, 1.0), "chat": (1, 1.0), "code": (1, 1.0), "math": (1, 1.0), "safety": (2, 1.0),
                     "other": (1, 0.0)}  # fmt: skip
    assert rows["all", "mean"]["n_domains"] == 4


def test_seen_and_unfinished_items_are_left_out_and_a_condition_chooses(store, tmp_path):
    good, bad = (["1", "2", "3"], ["0", "0 b", "0 c"]), (["0", "0 b", "0 c"], ["1", "2", "3"])
    rows = [item(1, *good), item(2, *bad), item(3, ["7", "8", "9"], ["1", "1 b", "1 c"]), item(4, *good, subset="code")]
    ingest_rows(store, tmp_path / "a.jsonl", rows, format="rm-bench")
    give_rewards(store, {"h": by_number}, seen={"p2", "p4"}, where=lambda prompt, text: text != "9")
    found = run(store)
    assert (found["chat", "mean"]["n"], found["chat", "mean"]["n_seen"], found["chat", "mean"]["accuracy"]) == (
        1,
        1,
        1.0,
    )
    assert (found["code", "mean"]["n"], found["code", "mean"]["n_seen"], found["code", "mean"]["accuracy"]) == (
        0,
        1,
        None,
    )
    assert (found["all", "mean"]["n_domains"], found["all", "mean"]["accuracy"]) == (1, 1.0)
    assert run(store, subset="code")["code", "hard"]["n_seen"] == 1
    result = reports.run(store, "rm-bench", {"head": "h"}, where="subset = 'code'")
    assert {row["domain"] for row in result.table.to_pylist()} == {"code"}
    assert table(store, "rm-bench", dataset="bench", subset="chat")[0]["n"] == 1


def draw(rng):
    """Items whose prompts and texts repeat: within a side, across sides, across items and across domains."""
    subsets = ("chat", "code", "math", "safety-refuse", "safety-response")
    rows = []
    for number in range(300):
        chosen, rejected = ([f"{'x' * rng.integers(0, 3)}{rng.integers(0, 6)}" for _ in STYLES] for _ in "ab")
        rows.append({**item(number, chosen, rejected, str(rng.choice(subsets))), "prompt": f"p{rng.integers(0, 60)}"})
    return [*rows, rows[0], {**rows[1], "id": 999}]


def drawn_rewards(rng):
    known = {}

    def reward_of(prompt, text):
        return known.setdefault((prompt, text), float(rng.integers(-2, 3)) / 3)

    return reward_of


def test_equals_an_independent_computation(store, tmp_path):
    rng = np.random.default_rng(5)
    rows, reward_of = draw(rng), drawn_rewards(rng)
    ingest_rows(store, tmp_path / "a.jsonl", rows, format="rm-bench")
    give_rewards(store, {"h": reward_of})
    found = run(store)
    items = [(row["subset"].split("-")[0], row) for row in rows]
    assert accuracies(found) == pytest.approx(official(items, reward_of), abs=1e-9)
    lengths = official(items, lambda prompt, text: len(text))
    assert {key: row["longest"] for key, row in found.items()} == pytest.approx(lengths, abs=1e-9)
    assert found["all", "mean"]["n"] == 302
    assert all(row["low"] < row["accuracy"] < row["high"] for row in found.values())


@pytest.fixture(scope="module")
def published(real_data):
    """A store with the published files, their rows with domains, and a head of drawn rewards."""
    reward_of = drawn_rewards(np.random.default_rng(7))
    items = []
    for name in FILES:
        with gzip.open(real_data / "rm-bench" / f"{name}_filtered.json.gz", "rt", encoding="utf-8") as stream:
            items += [(name.split("-")[0], row) for row in json.load(stream)]
    with rmstore.connect() as opened:
        ingest(opened, str(real_data / "rm-bench" / "*.json.gz"), format="rm-bench", dataset="rm-bench")
        give_rewards(opened, {"h": reward_of, "long": lambda prompt, text: len(text)})
        yield opened, items, reward_of


def test_published_items_equal_an_independent_computation(published):
    store, items, reward_of = published
    found = run(store)
    assert accuracies(found) == pytest.approx(official(items, reward_of), abs=1e-9)
    counts = {domain: row["n"] for (domain, one), row in found.items() if one == "mean"}
    assert counts == {"all": 798, "chat": 129, "code": 228, "safety": 441}
    expected = {domain: row["n_expected"] for (domain, one), row in found.items() if one == "mean"}
    assert expected == {"all": None, "chat": 129, "code": 228, "safety": 441}


def test_length_on_the_published_items_is_its_own_baseline(published):
    store, items, _ = published
    found = run(store, "long")
    assert accuracies(found) == pytest.approx(official(items, lambda prompt, text: len(text)), abs=1e-9)
    assert {key: row["longest"] for key, row in found.items()} == pytest.approx(accuracies(found), abs=1e-12)
    assert found["all", "hard"]["accuracy"] < 0.2 and found["all", "easy"]["accuracy"] > 0.8


def test_a_head_is_compared_with_another_item_by_item(published):
    rows = reports.run(published[0], "rm-bench", {"head": "long"}, compare="h").table.to_pylist()
    long, drawn = run(published[0], "long"), run(published[0])
    assert len(rows) == len(long) and {row["n_unpaired"] for row in rows} == {0}
    for row in rows:
        key = row["domain"], row["comparison"]
        difference = long[key]["accuracy"] - drawn[key]["accuracy"]
        assert row["difference"] == pytest.approx(difference, abs=1e-9)
        assert row["low"] < difference < row["high"]
