"""Two heads side by side: worked by hand, and through the commands."""

import json

import numpy as np
import pytest
from lab import fill, save_head
from spans import paired_share

from rmstore import head_compare, snapshots
from rmstore.embedding import embed
from rmstore.errors import InputError, OptionError, UnknownNameError

ELSEWHERE = ["00000000-0000-0000-0000-000000000001"]
"""Groups of a head that saw none of the prompts here."""


@pytest.fixture
def hand(store):
    """Head h ranks by the reward, head g the other way round, over six votes of three prompts."""
    rewards = {"p": [3, 2, 1], "q": [1, 2], "r": [5, 5]}
    rows = [{"prompt": prompt, "text": f"{prompt}{i}", "reward": float(value)}
            for prompt, values in rewards.items() for i, value in enumerate(values)]  # fmt: skip
    fill(store, rows, [(0, 1), (0, 2), (1, 2), (3, 4), (5, 6), (0, 1, 0.5)])
    save_head(store, snapshots.resolve(store, "s"), ELSEWHERE, name="g", weights=((-1.0,),))
    return store


def test_the_same_pairs_by_hand(hand):
    """h is right 3 of 3, 0 of 1 and half of 1; g 0, 1 and a half: 0.7 and 0.3 of 5, agreement on the tie alone."""
    found = head_compare.compare(hand, "h", "g", split="all").pairs
    assert (found["n_pairs"], found["n_groups"], found["n_seen"]) == (5, 3, 0)
    assert found["accuracy_a"] == pytest.approx(0.7) and found["accuracy_b"] == pytest.approx(0.3)
    assert found["difference"] == pytest.approx(0.4) and found["agreement"] == pytest.approx(0.2)
    assert (found["rank_correlation"], found["n_prompts"]) == (pytest.approx(-1), 2)


def test_the_interval_is_that_of_whole_groups(hand):
    """Totals 3, -1, 0 over n = 3, 1, 1: sandwich variance 3/2 sum (t - 0.4 n)^2 / 25, a difference of shares."""
    found = head_compare.compare(hand, "h", "g", split="all").pairs
    n, total = np.array([3, 1, 1]), np.array([3.0, -1.0, 0.0])
    variance = 1.5 * ((total - 0.4 * n) ** 2).sum() / 25
    assert (found["low"], found["high"]) == pytest.approx(paired_share(0.4, variance, 3))


def test_a_head_and_itself_do_not_differ(hand):
    found = head_compare.compare(hand, "h", "h", split="all")
    assert found.facts == ()
    assert (found.pairs["difference"], found.pairs["agreement"], found.pairs["rank_correlation"]) == (0, 1, 1)


def test_pairs_that_either_head_saw_are_left_out(store):
    rows = [{"prompt": prompt, "text": text, "reward": 1.0} for prompt in "pqr" for text in "ab"]
    groups = fill(store, rows, [(0, 1), (2, 3), (4, 5)], seen=["p"])
    save_head(store, snapshots.resolve(store, "s"), [groups["q"]], name="g")
    found = head_compare.compare(store, "h", "g", split="all").pairs
    assert (found["n_pairs"], found["n_seen"]) == (1, 2)


def test_facts_and_metrics_side_by_side(lab):
    lab.train("a", snapshot="tiny")
    lab.train("b", snapshot="tiny", head="mlp", options={"hidden": [3], "epochs": 2}, seed=5)
    found = head_compare.compare(lab, "a", "b")
    facts = {row["fact"]: (row["a"], row["b"]) for row in found.facts}
    assert facts["kind"] == ("linear", "mlp") and facts["seed"] == (0, 5)
    assert facts["options.epochs"] == (None, 2)
    assert not {"objective", "snapshot", "layout"} & facts.keys()
    rows = {(row["split"], row["metric"]): row for row in found.metrics}
    accuracy = dict(lab.sql("select name, test_accuracy from rm_heads()").fetchall())
    assert (rows["test", "accuracy"]["a"], rows["test", "accuracy"]["b"]) == (accuracy["a"], accuracy["b"])
    assert found.pairs["accuracy_a"] == pytest.approx(accuracy["a"])
    assert found.pairs["difference"] == pytest.approx(accuracy["a"] - accuracy["b"])


def test_heads_of_two_encoders_meet_on_the_responses_of_both_snapshots(lab):
    lab.train("a", snapshot="tiny")
    embed(lab, "tiny", snapshot="wide", encoder="toy:12", layout="joint")
    lab.train("b", snapshot="wide")
    found = lab.compare_heads("a", "b").pairs
    assert (found["snapshot_a"], found["snapshot_b"]) == ("tiny@1", "wide@1")
    assert found["n_pairs"] == lab.value("select count(*) from rm_pairs('tiny') where split = 'test'")
    with pytest.raises(InputError, match="another encoder"):
        lab.compare_heads("a", "b", snapshot="tiny")


def test_what_cannot_be_compared_says_so(lab):
    lab.train("a", snapshot="tiny")
    lab.sql("select rm_train('v', chosen_embedding, rejected_embedding) from rm_pairs('tiny')")
    with pytest.raises(InputError, match="v@1 knows no snapshot"):
        lab.compare_heads("a", "v")
    assert lab.compare_heads("a", "v", snapshot="tiny").pairs["n_pairs"] > 0
    with pytest.raises(OptionError, match="split is 'tset'"):
        lab.compare_heads("a", "a", split="tset")
    with pytest.raises(UnknownNameError):
        lab.compare_heads("a", "zz")


def test_what_a_head_saw_may_be_unknown(store):
    fill(store, [{"prompt": "p", "text": text, "reward": 1.0} for text in "ab"], [(0, 1)], seen=None)
    found = store.compare_heads("h", "h").pairs
    assert (found["n_pairs"], found["n_seen"]) == (1, None)


def test_without_pairs_there_are_no_numbers(store):
    fill(store, [{"prompt": "p", "text": "a"}, {"prompt": "p", "text": "b"}])
    found = store.compare_heads("h", "h").pairs
    assert (found["n_pairs"], found["accuracy_a"], found["difference"], found["low"]) == (0, None, None, None)


def test_commands(cli, tmp_path):
    lines = [{"prompt": f"Q {n}", "chosen": f"dd dd {n}", "rejected": f"b {n}"} for n in range(60)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    cli("init")
    cli("ingest", tmp_path / "pairs.jsonl", "--format", "pairs", "--dataset", "d")
    cli("embed", "d", "--encoder", "toy", "--snapshot", "s")
    for seed in (1, 2):
        cli("train", "h", "--snapshot", "s", "--seed", seed)
    found = json.loads(cli("head", "compare", "h@1", "h@2", "--json").out)
    assert found["pairs"]["agreement"] == 1 and {"fact": "seed", "a": 1, "b": 2} in found["facts"]
    assert "rank_correlation" in cli("head", "compare", "h@1", "h@2", "--split", "all").out
    import rmstore

    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        response = str(store.value("select response_id from rm_rows('s') order by 1"))
    shown = cli("head", "explain", "h@1", "--response", response, "-k", "2")
    assert "contribution" in shown.out and "similarity" in shown.out
    pairs = json.loads(cli("head", "explain", "h", "--response", response, "--json").out)["pairs"]
    assert [row["direction"] for row in pairs][:5] == ["up"] * 5
    assert "has no response 'x'" in cli("head", "explain", "h", "--response", "x").err
