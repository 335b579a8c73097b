"""Reports by folds: each pair is judged by a head that never saw its group, the same as training the folds by hand."""

import numpy as np
import pytest
from lab import fill
from stocking import stock

from rmstore import reports
from rmstore.embedding import embed
from rmstore.errors import InputError, OptionError, ReportError

K = 3
BY_HAND = """
with trained as (
    select fold, rm_train('fold-' || fold, chosen_id, rejected_id, snapshot := 's', prompt := prompt_id,
                          split := case split when 'valid' then 'valid' else 'train' end,
                          options := {'l2': 0.01}) as head
    from rm_pairs('s'), range(3) as folds(fold)
    where rm_fold(group_id, 3) <> fold
    group by fold
)
select head.head || '@' || head.version as head, head.n_used as n_used from trained order by head
"""


def taught(store, n=60, seed=0):
    """Stock prompts with two responses each, of which the longer words win, mostly; embed them as word counts."""
    rng = np.random.default_rng(seed)
    words = [[" ".join("abc"[:length] for length in rng.integers(1, 4, 6)) + f" {'x' * 9}{i}{side}" for side in "lr"]
             for i in range(n)]  # fmt: skip
    votes = []
    for i, (left, right) in enumerate(words):
        gap = len(left) - len(right) + rng.normal(scale=2)
        votes.append((2 * i, 2 * i + 1) if gap > 0 else (2 * i + 1, 2 * i))
    stock(store, [(f"prompt {i}", text) for i, pair in enumerate(words) for text in pair], votes=votes)
    embed(store, "d", snapshot="s", encoder="toy:3", layout="response")
    store.sql("select rm_train('h', chosen_id, rejected_id, snapshot := 's', prompt := prompt_id, "
              "options := {'l2': 0.01}) from rm_pairs('s')")  # fmt: skip


def test_folds_equal_heads_trained_by_hand(store):
    taught(store)
    result = reports.run(store, "accuracy", {"head": "h"}, folds=K)
    total = result.table.to_pylist()[-1]
    assert (total["dataset"], total["split"], total["n_pairs"], total["n_seen"]) == ("all", "all", 60, 0)
    heads = store.rows(BY_HAND)
    hits = [
        store.value(
            "select sum(0.5 + 0.5 * sign(rm_score($head, chosen_embedding) - rm_score($head, rejected_embedding))) "
            "from rm_pairs('s') where rm_fold(group_id, 3) = $fold",
            {"head": row["head"], "fold": fold},
        )
        for fold, row in enumerate(heads)
    ]
    assert total["accuracy"] * 60 == pytest.approx(sum(hits))
    assert 0.5 < total["accuracy"] < 1
    assert result.provenance["folds"]["n_used"] == [row["n_used"] for row in heads]
    assert result.provenance["folds"]["recipe"]["options"]["l2"] == 0.01


def test_nothing_is_left_behind(store):
    taught(store, n=30)
    before = dict(store.cache)
    reports.run(store, "accuracy", {"head": "h"}, folds=K)
    assert [row["name"] for row in store.rows("select name from rm_heads()")] == ["h"]
    assert set(store.cache) - set(before) <= {("scorer", 1)}
    seen = reports.run(store, "accuracy", {"head": "h", "split": "all"}).table.to_pylist()[-1]
    assert seen["n_seen"] > 0, "rm_rewards means the stored head again"


def test_labels_without_a_pattern_are_not_learned(store):
    rng = np.random.default_rng(1)
    rows = {"prompt": [f"p{i // 2}" for i in range(200)], "text": [f"t{i}" for i in range(200)],
            "reward": rng.normal(size=200)}  # fmt: skip
    fill(store, rows, [(2 * i, 2 * i + 1) for i in range(100)])
    total = reports.run(store, "accuracy", {"head": "h"}, folds=5).table.to_pylist()[-1]
    assert total["n_pairs"] == 100 and total["low"] < 0.5 < total["high"]


def test_votes_between_folds_are_left_out_and_counted(store):
    taught(store, n=40)
    store.sql("insert into preferences by name select uuid() as preference_id, any_value(p.chosen_id) as chosen_id, "
              "q.chosen_id as rejected_id, 1 as prob, 1 as weight, 'human' as source, 1 as dataset_id, 1 as file_id, "
              "1 as \"row\", 1 as occurrence from rm_pairs('s') p join rm_pairs('s') q "
              "on rm_fold(p.group_id, 3) = 0 and rm_fold(q.group_id, 3) = 1 group by q.chosen_id")  # fmt: skip
    between = store.value("select count(*) from preferences") - 40
    result = reports.run(store, "accuracy", {"head": "h"}, folds=K)
    assert between > 5 and result.table.to_pylist()[-1]["n_pairs"] == 40
    assert result.provenance["notes"][1] == f"{between} votes are left out: their sides lie in different folds"
    assert sum(result.provenance["folds"]["n_used"]) == 2 * 40 + between  # each lies outside one fold alone


def test_side_features_are_trained_and_scored(store):
    taught(store, n=30)
    store.sql("select rm_train('long', {e: chosen_embedding, log_len: ln(chosen_chars)}, {e: rejected_embedding, "
              "log_len: ln(rejected_chars)}, prompt := prompt_id) from rm_pairs('s')")  # fmt: skip
    result = reports.run(store, "accuracy", {"head": "long", "snapshot": "s"}, folds=2)
    assert result.provenance["folds"]["recipe"]["features"] == ["log_len"]
    assert result.table.to_pylist()[-1]["n_pairs"] == 30


def test_bon_runs_by_folds(store):
    taught(store, n=30)
    store.sql("insert into ratings select uuid(), response_id, 1, 'gold', null, length(text) from responses")
    rows = reports.run(store, "bon", {"head": "h"}, folds=K).table.to_pylist()
    assert [(row["n"], row["n_prompts"], row["n_seen"]) for row in rows] == [(1, 30, 0), (2, 30, 0)]
    assert rows[1]["gold"] > rows[0]["gold"]


def test_what_cannot_run_by_folds_says_so(store):
    taught(store, n=30)
    with pytest.raises(ReportError, match="'calibration' does not run by folds\n  hint: these do: accuracy, bon"):
        reports.run(store, "calibration", {"head": "h"}, folds=5)
    with pytest.raises(ReportError, match="folds is 5, but this run has no head.*\n  hint: give one head and one snap"):
        reports.run(store, "winrate", folds=5)
    with pytest.raises(OptionError, match="folds is 1"):
        reports.run(store, "accuracy", {"head": "h"}, folds=1)
    with pytest.raises(OptionError, match="folds is 100000, but the votes of s@1 have 30 groups"):
        reports.run(store, "accuracy", {"head": "h"}, folds=100_000)
    store.sql("delete from preferences where rm_fold((select group_id from responses join prompts using (prompt_id) "
              "where response_id = chosen_id), 2) = 0")  # fmt: skip
    with pytest.raises(InputError, match="no pairs"):
        reports.run(store, "accuracy", {"head": "h"}, folds=2)
