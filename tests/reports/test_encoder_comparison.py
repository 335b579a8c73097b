"""The report encoder-comparison: one encoder sees what votes depend on, the other does not; numbers by hand."""

import numpy as np
import pytest
from spans import paired_share, wilson
from stocking import stock

import rmstore
from rmstore import reports
from rmstore.embedding import embed
from rmstore.errors import OptionError, ReportError, UnknownNameError
from rmstore.reembedding import reembed
from rmstore.reports.rows import same

N = 60
FLIPPED = 5


def taught(store):
    """Two snapshots of prompts with two responses each; votes are for the side with more words of four letters.

    ``toy:8`` (s@2) counts words by length and sees it. ``toy:1`` (s@1) counts words, of which one side has one more,
    by chance. Ten groups have a second vote, five of them the other way round, and the vote of the last is a tie. The
    encoders were timed by hand: 80 and 40 texts a second.
    """
    rng = np.random.default_rng(3)
    rows, votes = [], []
    for i in range(N):
        fours = [int(rng.integers(2, 5)), 0]
        words = 6 + rng.permutation(2)
        rows += [
            (f"prompt {i}", " ".join(["four"] * four + ["as"] * (total - four)))
            for four, total in zip(fours, words.tolist(), strict=True)
        ]
        votes.append((2 * i, 2 * i + 1))
    votes += [(2 * i + 1, 2 * i) if i < FLIPPED else (2 * i, 2 * i + 1) for i in range(10)]
    stock(store, rows, votes=votes)
    store.sql(f'update preferences set prob = 0.5 where "row" = {N}')
    embed(store, "d", snapshot="s", encoder="toy:1", layout="response")
    reembed(store, "s", encoder="toy:8")
    store.sql("update embedding_runs set seconds = n_texts / (case encoder_id when 1 then 80 else 40 end)")


def compare(store, *, where=None, **params):
    given = {"old": "s@1", "new": "s@2", **params}
    return reports.run(store, "encoder-comparison", given, where=where).table.to_pylist()


def by_hand(store, folds, seed, kept="true"):
    """Groups and hits of either encoder, in numpy.

    A head on one number ranks by the sign of its weight, which is that of the sum of the training differences: the
    slope of the likelihood at weight 0. A head that sees the words of four letters is right wherever the vote is. Votes
    are judged where a condition keeps the row of either snapshot.
    """
    votes = store.rows(
        "select group_id::varchar as g, rm_fold(group_id, $k, $seed) as fold, old.chosen_embedding[1] as c, "
        "old.rejected_embedding[1] as r, old.split, new.chosen_embedding[4] > new.rejected_embedding[4] as is_right, "
        f"preference_id in (select preference_id from rm_pairs('s@1') where {kept}) "
        f"and preference_id in (select preference_id from rm_pairs('s@2') where {kept}) as is_judged "
        "from rm_pairs('s@1') as old join rm_pairs('s@2') as new using (preference_id, group_id) "
        "where old.prob > 0.5",
        {"k": folds, "seed": seed},
    )
    fold = np.array([row["fold"] for row in votes])
    difference = np.array([row["c"] - row["r"] for row in votes])
    fits = np.array([row["split"] != "valid" for row in votes])
    learned = np.array([np.sign(difference[fits & (fold != own)].sum()) for own in fold])
    assert learned.all()  # a weight of 0 would be decided by rounding
    old = 0.5 + 0.5 * np.sign(learned * difference)
    judged = np.array([row["is_judged"] for row in votes])
    is_right = np.array([float(row["is_right"]) for row in votes])
    return np.array([row["g"] for row in votes])[judged], old[judged], is_right[judged]


def clustered(groups, values):
    """Mean, variance of the mean when whole groups are drawn, and the number of groups."""
    keys, place = np.unique(groups, return_inverse=True)
    residual = np.bincount(place, values - values.mean())
    count = len(keys)
    return values.mean(), count / (count - 1) * (residual**2).sum() / len(values) ** 2, count


@pytest.mark.parametrize(("folds", "seed"), [(5, 0), (3, 2)])
def test_accuracies_and_their_difference_by_hand(store, folds, seed):
    taught(store)
    old, new = compare(store, folds=folds, seed=seed)
    groups, old_hits, new_hits = by_hand(store, folds, seed)
    assert (new["n_pairs"], new["n_groups"]) == (old["n_pairs"], old["n_groups"]) == (N + 10 - 1, N - 1)
    assert new["accuracy"] == pytest.approx((N + 9 - FLIPPED) / (N + 9)) == pytest.approx(new_hits.mean())
    for side, hits in ((old, old_hits), (new, new_hits)):
        mean, variance, count = clustered(groups, hits)
        assert side["accuracy"] == pytest.approx(mean)
        assert (side["low"], side["high"]) == pytest.approx(wilson(mean, variance, count, len(hits)))
    gain, variance, count = clustered(groups, new_hits - old_hits)
    assert new["difference"] == pytest.approx(gain) == pytest.approx(new["accuracy"] - old["accuracy"])
    assert (new["difference_low"], new["difference_high"]) == pytest.approx(paired_share(gain, variance, count))
    assert new["z"] == pytest.approx(gain / np.sqrt(variance))
    assert new["z"] > 3
    assert [old[name] for name in ("difference", "difference_low", "difference_high", "z")] == [None] * 4


def test_speed_and_size_by_hand(store):
    taught(store)
    old, new = compare(store, folds=2)
    about = ("snapshot", "encoder", "layout", "dim", "precision", "texts_per_second", "bytes_per_vector")
    assert [old[name] for name in about] == ["s@1", "toy:1", "response", 1, "f32", 80.0, 4]
    assert [new[name] for name in about] == ["s@2", "toy:8", "response", 8, "f32", 40.0, 32]
    n_texts = store.value("select count(distinct text) from responses")  # an answer to two prompts is one text
    assert (old["n_bytes"], new["n_bytes"]) == (4 * n_texts, 32 * n_texts)
    reembed(store, "s@1", encoder="toy:8", layout="prompt||response")
    store.sql("delete from embedding_runs where encoder_id = 1")
    old, new = compare(store, new="s@3", folds=2)
    assert (new["layout"], new["n_bytes"], new["n_pairs"]) == ("prompt||response", 32 * (n_texts + N), N + 9)
    assert old["texts_per_second"] is None


def test_a_second_run_gives_the_same_and_stores_no_head(store):
    taught(store)
    first = compare(store, folds=2)
    assert same(compare(store, folds=2), first)
    assert store.rows("from rm_heads()") == []
    assert store.value("select count(*) from head_weights") == 0


def test_the_heads_are_those_that_rm_train_fits(store):
    """One encoder of eight numbers, so that a head is more than a sign: its hits are those of stored heads by fold."""
    taught(store)
    compare(store, folds=3, seed=4)
    hits = {
        row["preference_id"]: row["hit"]
        for row in store.rows(
            "select preference_id, hit from _rm_out_of_fold('s@2', 's@1', 'all', null, null, 'linear', 3, 4)"
        )
    }
    store.sql(
        "select held.fold, rm_train('fold-' || held.fold, chosen_id, rejected_id, snapshot := 's@2', "
        "prompt := prompt_id, prob := prob, weight := weight, split := if(split = 'valid', 'valid', 'train'), "
        "seed := 4) as fit from rm_pairs('s@2') join range(3) as held(fold) "
        "on rm_fold(group_id, 3, 4) <> held.fold where prob > 0.5 group by held.fold"
    ).fetchall()
    stored = store.rows(
        "select preference_id, 0.5 + 0.5 * sign(rm_score('fold-' || rm_fold(group_id, 3, 4), chosen_embedding) "
        "- rm_score('fold-' || rm_fold(group_id, 3, 4), rejected_embedding)) as hit "
        "from rm_pairs('s@2') where prob > 0.5"
    )
    assert hits == {row["preference_id"]: row["hit"] for row in stored}


def test_votes_of_one_split_that_both_have(store):
    taught(store)
    for split in ("train", "valid", "test"):
        groups, old_hits, new_hits = by_hand(store, 3, 0, f"split = '{split}'")
        old, new = compare(store, folds=3, split=split)
        assert 0 < old["n_pairs"] == len(groups) < N + 9
        assert (old["accuracy"], new["accuracy"]) == pytest.approx((old_hits.mean(), new_hits.mean()))
    embed(store, "d", snapshot="few", encoder="toy:8", layout="response", where="prompt < 'prompt 3'")
    few = compare(store, new="few", folds=3)
    n_few = store.value("select count(*) from rm_pairs('few') where prob > 0.5")
    assert [row["n_pairs"] for row in few] == [n_few, n_few]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"where": "chosen_chars % 2 = 0 or prob = 0.5"}, "chosen_chars % 2 = 0"),
        (
            {"where": "chosen_embedding[1] < 7"},
            "chosen_embedding[1] < 7",
        ),  # other votes of one encoder than of the other
        ({"subset": "odd"}, "subset = 'odd'"),
        ({"dataset": "e"}, "dataset = 'e'"),
        (
            {"dataset": "e", "subset": "odd", "split": "train", "where": "chosen_chars % 2 = 0"},
            "dataset = 'e' and subset = 'odd' and split = 'train' and chosen_chars % 2 = 0",
        ),
    ],
)
def test_what_is_kept_is_judged_by_the_heads_of_all_votes(store, given, kept):
    taught(store)
    stock(store, [("of another set", "x")], dataset="e")
    store.sql("""update preferences set subset = 'odd' where "row" % 2 = 1""")
    store.sql("""update preferences set dataset_id = 2 where "row" % 3 > 0""")
    store.sql("update snapshots set datasets = ['d', 'e']")
    groups, old_hits, new_hits = by_hand(store, 3, 0, kept)
    old, new = compare(store, folds=3, **given)
    assert 5 < old["n_pairs"] == new["n_pairs"] == len(groups) < N + 9
    assert (old["accuracy"], new["accuracy"]) == pytest.approx((old_hits.mean(), new_hits.mean()))
    assert new["difference"] == pytest.approx((new_hits - old_hits).mean())


def test_a_condition_that_keeps_nothing_leaves_no_accuracy(store):
    taught(store)
    found = reports.run(store, "encoder-comparison", {"old": "s@1", "new": "s@2", "folds": 2}, where="chosen_chars < 0")
    assert [(row["n_pairs"], row["accuracy"]) for row in found.table.to_pylist()] == [(0, None), (0, None)]
    assert "--where 'chosen_chars < 0' keeps none of the 70 rows of rm_pairs" in found.provenance["notes"]


def test_snapshots_without_a_common_vote_have_no_accuracy(store):
    taught(store)
    stock(store, [("alone", "x"), ("alone", "y y")], dataset="e")
    embed(store, "e", snapshot="e", encoder="toy:8", layout="response")
    old, new = compare(store, new="e")
    assert (old["n_pairs"], new["n_pairs"], new["accuracy"], new["z"], old["bytes_per_vector"]) == (0, 0, None, None, 4)


def test_what_cannot_be_compared_is_refused(store):
    taught(store)
    with pytest.raises(UnknownNameError, match="no head kind is called 'neural'"):
        compare(store, head="neural")
    with pytest.raises(ReportError, match="folds is 1: give 2 or more"):
        compare(store, folds=1)
    with pytest.raises(OptionError, match="split is 'all of it'"):
        compare(store, split="all of it")


def test_a_snapshot_beside_itself_is_refused_before_anything_is_trained(store):
    taught(store)
    reads = []
    with store.trace(reads.append), pytest.raises(ReportError, match="old and new are both s@2: give another snapshot"):
        compare(store, old="s@2", new="s")
    assert not [query for query in reads if "training_ids" in query]


def test_a_read_only_store_is_enough(tmp_path):
    with rmstore.connect(tmp_path / "s.duckdb") as written:
        taught(written)
        expected = compare(written, folds=2)
    with rmstore.connect(tmp_path / "s.duckdb", read_only=True) as reader:
        assert compare(reader, folds=2) == expected
