"""The report leaderboard: ranks and differences by hand, heads of every kind, and those that do not fit."""

import numpy as np
import pytest
from lab import fill, save_head, withhold
from spans import paired_share

from rmstore import reports, snapshots
from rmstore.errors import OptionError

ROWS = [
    {"prompt": f"p{number}", "text": text, "reward": reward, "dataset": "d" if number < 4 else "e"}
    for number in range(6)
    for text, reward in (("long", 1.0), ("no", -1.0))
]
VOTES = [(0, 1), (2, 3), (4, 5), (7, 6), (8, 9), (11, 10)]
"""The first side has the higher reward in four of six votes: three of four in d, one of two in e."""


def board(store, **params):
    return reports.run(store, "leaderboard", {"snapshot": "s", **params}).table.to_pylist()


def filled(store):
    """h is the reward, turned its negative and flat gives all the same; h saw p0 and p4."""
    fill(store, ROWS, VOTES, seen=["p0", "p4"])
    info = snapshots.resolve(store, "s")
    groups = ["00000000-0000-0000-0000-000000000001"]
    save_head(store, info, groups, name="turned", weights=((-1.0,),), temperature=2.0)
    save_head(store, info, (), name="flat", weights=((0.0,),))
    return info


def test_ranks_by_hand(store):
    filled(store)
    rows = board(store)
    listed = [(row["dataset"], row["rank"], row["head"], row["n_pairs"], row["n_seen"]) for row in rows]
    assert listed == [
        ("all", 1, "flat@1", 6, None), ("all", 1, "h@1", 4, 2), ("all", 3, "turned@1", 6, 0),
        ("d", 1, "h@1", 3, 1), ("d", 2, "flat@1", 4, None), ("d", 3, "turned@1", 4, 0),
        ("e", 1, "flat@1", 2, None), ("e", 1, "turned@1", 2, 0), ("e", 3, "h@1", 1, 1),
    ]  # fmt: skip
    accuracy = {(row["dataset"], row["head"]): row["accuracy"] for row in rows}
    assert accuracy == pytest.approx({
        ("all", "h@1"): 2 / 4, ("all", "flat@1"): 0.5, ("all", "turned@1"): 2 / 6,
        ("d", "h@1"): 2 / 3, ("d", "flat@1"): 0.5, ("d", "turned@1"): 1 / 4,
        ("e", "h@1"): 0, ("e", "flat@1"): 0.5, ("e", "turned@1"): 1 / 2,
    })  # fmt: skip
    first = {(row["dataset"], row["head"]): row for row in rows}
    softplus = np.logaddexp(0, [-2.0, 2.0])
    assert first["d", "h@1"]["nll"] == pytest.approx((2 * softplus[0] + softplus[1]) / 3)
    assert first["d", "turned@1"]["nll"] == pytest.approx(
        (3 * np.logaddexp(0, 1.0) + np.logaddexp(0, -1.0)) / 4  # margins of 2 on a temperature of 2
    )
    assert (first["d", "h@1"]["longest"], first["d", "h@1"]["shortest"]) == pytest.approx((2 / 3, 1 / 3))
    assert first["d", "turned@1"]["longest"] == pytest.approx(3 / 4)
    assert {row["reason"] for row in rows} == {None} and {row["random"] for row in rows} == {0.5}


def test_a_head_that_saw_most_votes_is_not_ranked_by_the_few_others(store):
    info = filled(store)
    groups = [row["group_id"] for row in store.rows("select distinct group_id::varchar as group_id from prompts")]
    kept = store.value("select group_id::varchar from rm_pairs('s') where dataset = 'd' order by all limit 1")
    save_head(store, info, [group for group in groups if group != kept], name="learned")
    rows = [row for row in board(store) if row["head"] == "learned@1" and row["dataset"] == "all"]
    assert [(row["rank"], row["n_pairs"] < 3) for row in rows] == [(None, True)]
    assert rows[0]["reason"] == "not ranked: it saw the rest of the 6 votes in training"
    assert rows[0]["accuracy"] is not None and rows[0]["n_pairs"] > 0


def test_the_difference_is_paired_over_votes_that_neither_saw(store):
    filled(store)
    rows = {(row["dataset"], row["head"]): row for row in board(store)}
    row = rows["d", "turned@1"]
    gaps = np.array([0 - 1, 0 - 1, 1 - 0])  # p1, p2, p3; h saw p0
    span = paired_share(gaps.mean(), gaps.var(ddof=1) / 3, 3)
    assert (row["n_common"], row["difference"]) == (3, pytest.approx(gaps.mean()))
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(span)
    assert row["is_apart"] is False
    assert [rows["d", "h@1"][name] for name in ("n_common", "difference", "is_apart")] == [None] * 3
    assert rows["e", "h@1"]["difference_low"] is None  # a single group has no interval


def test_heads_that_differ_are_told_apart(store):
    draw = np.random.default_rng(0)
    reward = draw.normal(size=800)
    fill(store, {"prompt": [f"p{i // 2}" for i in range(800)], "text": [f"t{i}" for i in range(800)],
                 "reward": reward}, [(i, i + 1) if (reward[i] > reward[i + 1]) != (i == 0) else (i + 1, i)
                                     for i in range(0, 800, 2)])  # fmt: skip
    save_head(store, snapshots.resolve(store, "s"), (), name="turned", weights=((-1.0,),))
    best, worst = board(store, dataset="d")[:2]
    assert (best["head"], best["accuracy"], worst["accuracy"], worst["is_apart"]) == ("h@1", 0.9975, 0.0025, True)


def test_where_every_group_differs_alike_nobody_knows_whether_heads_are_apart(store):
    fill(store, {"prompt": list("aabb"), "text": list("wxyz"), "reward": [2.0, 1.0, 5.0, 3.0]}, [(0, 1), (2, 3)])
    save_head(store, snapshots.resolve(store, "s"), (), name="turned", weights=((-1.0,),))
    worst = board(store, dataset="d")[1]
    assert (worst["difference"], worst["difference_low"], worst["is_apart"]) == (-1, None, None)


@pytest.mark.parametrize("withheld", [(), ("d",), ("d", "e")])
def test_the_totals_are_those_of_accuracy(store, withheld):
    filled(store)
    for dataset in withheld:
        withhold(store, dataset)
    for row in board(store, split="all"):
        rows = reports.run(store, "accuracy", {"head": row["head"], "snapshot": "s", "split": "all"}).table.to_pylist()
        total = next(
            one for one in rows if (one["dataset"], one["subset"], one["split"]) == (row["dataset"], "all", "all")
        )
        for name in ("n_pairs", "n_groups", "n_seen", "accuracy", "low", "high", "longest", "shortest"):
            expected = total[name] if total[name] is None else pytest.approx(total[name], rel=1e-9)
            assert row[name] == expected, name
        assert (row["longest"] is None) == (row["dataset"] in withheld or len(withheld) == 2)


def test_versions_and_heads_that_do_not_fit(store):
    info = filled(store)
    save_head(store, info, (), name="h", weights=((-1.0,), (0.5,)))
    save_head(store, info, (), name="ratings", weights=((2.0,),), objective="squared")
    store.sql("insert into head_tags values ('h', 'deployed', 1, now()::timestamp)")
    assert {row["head"] for row in board(store)} == {"h@1", "turned@1", "flat@1", "ratings@1"}
    every = {row["head"]: row for row in board(store, versions="all") if row["dataset"] == "all"}
    assert set(every) == {"h@1", "h@2", "turned@1", "flat@1", "ratings@1"}
    assert every["ratings@1"]["nll"] is None and every["ratings@1"]["accuracy"] == pytest.approx(4 / 6)
    store.sql("update heads set layout = 'response' where name = 'flat'")
    store.sql("update heads set encoder_key = 'another' where name = 'turned'")
    wide = '[{"name": "", "width": 3, "is_scalar": false, "shift": 0.0, "scale": 1.0}]'
    store.sql("update heads set inputs = $wide where name = 'ratings'", {"wide": wide})
    rows = {row["head"]: row for row in board(store) if row["dataset"] == "all"}
    assert "was trained on layout 'response'" in rows["flat@1"]["reason"]
    assert "was trained on another encoder" in rows["turned@1"]["reason"]
    assert "takes vectors of width 3" in rows["ratings@1"]["reason"]
    for name in ("flat@1", "turned@1", "ratings@1"):
        assert (rows[name]["rank"], rows[name]["n_pairs"], rows[name]["accuracy"]) == (None, 0, None)
    assert rows["h@1"]["rank"] == 1
    with pytest.raises(OptionError, match="versions is 'some'"):
        board(store, versions="some")


def test_side_features_members_and_subsets(lab):
    for name, extra in (
        ("plain", "chosen_id, rejected_id, snapshot := 'tiny'"),
        ("members", "chosen_id, rejected_id, snapshot := 'tiny', members := 3"),
        ("length", "{'e': chosen_embedding, 'log_len': ln(chosen_chars)}, "
                   "{'e': rejected_embedding, 'log_len': ln(rejected_chars)}, snapshot := 'tiny', prompt := prompt_id"),
    ):  # fmt: skip
        lab.sql(f"select rm_train('{name}', {extra}) from rm_pairs('tiny') where split <> 'test'").fetchall()
    rows = reports.run(lab, "leaderboard", {"snapshot": "tiny"}).table.to_pylist()
    assert {row["head"] for row in rows} == {"plain@1", "members@1", "length@1"}
    for row in rows:
        assert row["reason"] is None and row["n_seen"] == 0 and row["rank"] >= 1
        total = reports.run(lab, "accuracy", {"head": row["head"], "snapshot": "tiny"}).table.to_pylist()[-1]
        assert row["accuracy"] == pytest.approx(total["accuracy"])
    even = reports.run(lab, "leaderboard", {"snapshot": "tiny", "subset": "even"}).table.to_pylist()
    assert 0 < even[0]["n_pairs"] < rows[0]["n_pairs"]


def test_no_heads_and_no_votes(store):
    filled(store)
    rows = board(store, split="valid")
    assert [(row["dataset"], row["n_pairs"], row["accuracy"], row["rank"]) for row in rows] == [
        ("all", 0, None, None)
    ] * 3
    store.sql("update heads set dropped_at = now()::timestamp")
    assert board(store) == []
