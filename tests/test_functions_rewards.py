"""rm_rewards, and training on the ids of a snapshot."""

import numpy as np
import pytest

from rmstore import head_store
from rmstore.embedding import embed
from rmstore.errors import InputError, UnknownNameError
from rmstore.recipes import Recipe
from rmstore.snapshot_training import train_snapshot


def row(store, query, params=None):
    return store.sql(query, params).fetchall()[0]


@pytest.fixture
def trained(lab):
    lab.sql("select rm_train('h', chosen_id, rejected_id, snapshot := 'tiny') from preferences")
    return lab


def test_ids_use_the_split_of_the_store_and_leave_test_groups_alone(trained):
    info = head_store.resolve(trained, "h")
    splits = dict(trained.sql("select split, count(*) from rm_pairs('tiny') group by split").fetchall())
    assert info.n_used == splits["train"] + splits["valid"]
    assert head_store.metrics(trained, info.head_id)["test", "accuracy"][1] == splits["test"]
    assert info.within_prompt
    assert (info.encoder_key, info.layout) == row(
        trained, "select encoder_key, layout from snapshots join encoders using (encoder_id)"
    )


def test_ids_and_vectors_train_the_same_head(trained):
    trained.sql(
        "select rm_train('v', chosen_embedding, rejected_embedding, snapshot := 'tiny', prompt := prompt_id,"
        " split := split) from rm_pairs('tiny')"
    )
    ours, theirs = (head_store.resolve(trained, name) for name in ("h", "v"))
    assert ours.n_used == theirs.n_used
    weights = [head_store.scorer(trained, info.head_id).head.weights for info in (ours, theirs)]
    np.testing.assert_allclose(*weights, rtol=0, atol=1e-5)


def test_vectors_with_a_prompt_of_the_store_leave_its_test_groups_alone(trained):
    query = (
        "select rm_train('v', chosen_embedding, rejected_embedding, prompt := {key}) as result from rm_pairs('tiny')"
    )
    splits = dict(trained.sql("select split, count(*) from rm_pairs('tiny') group by split").fetchall())
    for key in ("prompt_id", "group_id", "group_id::varchar"):
        result = row(trained, query.format(key=key))[0]
        assert {split: result[f"{split}_n"] for split in splits} == splits
    seen = trained.sql("select distinct split from rm_rewards('v', 'tiny') where seen_in_training").fetchall()
    assert sorted(seen) == [("train",), ("valid",)]


def test_vectors_that_are_not_those_of_the_snapshot_are_refused(trained):
    with pytest.raises(InputError, match=r"are FLOAT\[3\], but the vectors of tiny@1 have width 8"):
        trained.sql(
            "select rm_train('v', chosen_embedding[1:3]::float[3], rejected_embedding[1:3]::float[3],"
            " snapshot := 'tiny') from rm_pairs('tiny')"
        )


def test_rm_rewards(trained):
    n, n_rows = row(
        trained, "select (select count(*) from rm_rewards('h', 'tiny')), (select count(*) from rm_rows('tiny'))"
    )
    assert n == n_rows
    columns = [column[0] for column in trained.sql("describe from rm_rewards('h', 'tiny')").fetchall()]
    assert columns[-3:] == ["reward", "members", "seen_in_training"]
    assert "embedding" not in columns
    gap = row(
        trained,
        "select max(abs(r.reward - rm_score('h', e.embedding))) from rm_rewards('h', 'tiny') r"
        " join rm_rows('tiny') e using (response_id)",
    )
    assert gap[0] < 1e-6


def test_seen_in_training_follows_the_groups(trained):
    query = """
        select split, bool_and(seen_in_training), bool_or(seen_in_training)
        from rm_rewards('h', 'tiny')
        group by split
        order by split
    """
    rows = trained.sql(query).fetchall()
    assert rows == [("test", False, False), ("train", True, True), ("valid", True, True)]


def test_seen_in_training_is_null_where_the_head_knows_no_groups(lab):
    lab.sql("select rm_train('v', chosen_embedding, rejected_embedding) from rm_pairs('tiny')")
    assert lab.sql("select distinct seen_in_training from rm_rewards('v', 'tiny')").fetchall() == [(None,)]


def test_another_layout_or_encoder_is_refused(trained):
    embed(trained, "tiny", snapshot="alone", encoder="toy", layout="response")
    with pytest.raises(InputError, match="trained on layout 'joint', but alone@1 has 'response'"):
        trained.sql("from rm_rewards('h', 'alone')")
    embed(trained, "tiny", snapshot="wide", encoder="toy:12", layout="joint")
    with pytest.raises(InputError, match="trained on another encoder"):
        trained.sql("from rm_rewards('h', 'wide')")


def test_unknown_head_and_snapshot_are_named(trained):
    with pytest.raises(UnknownNameError, match="no head is called 'nobody'"):
        trained.sql("from rm_rewards('nobody', 'tiny')")
    with pytest.raises(UnknownNameError, match="no snapshot is called 'tiny@7'"):
        trained.sql("from rm_rewards('h', $s)", {"s": "tiny@7"})


def test_train_snapshot_with_a_side_feature(lab):
    result = train_snapshot(lab, "long", snapshot="tiny", features=["log_len"])
    assert [field["name"] for field in result.info.inputs] == ["e", "log_len"]
    assert "struct_pack" in result.info.training_sql
    gap = row(
        lab,
        "select max(abs(r.reward - rm_score('long', {e: e.embedding, log_len: ln(e.n_chars)})))"
        " from rm_rewards('long', 'tiny') r join rm_rows('tiny') e using (response_id)",
    )
    assert gap[0] < 1e-6
    with pytest.raises(UnknownNameError, match="no side feature is called 'log_leng'"):
        train_snapshot(lab, "long", snapshot="tiny", features=["log_leng"])


def test_train_snapshot_with_a_condition(lab):
    result = train_snapshot(lab, "odd", snapshot="tiny", where="subset = 'odd'", recipe=Recipe(seed=3))
    assert result.info.n_used + result.metrics["test", "accuracy"][1] == 45
    with pytest.raises(InputError, match="not one expression|does not parse"):
        train_snapshot(lab, "odd", snapshot="tiny", where="true; drop table heads")
    with pytest.raises(InputError, match="(?s)--where 'policy = 1' cannot be used: .*it may name .*subset"):
        train_snapshot(lab, "odd", snapshot="tiny", where="policy = 1")
    with pytest.raises(InputError, match="'weight' is a value of type DOUBLE, not a condition"):
        train_snapshot(lab, "odd", snapshot="tiny", where="weight")
    with pytest.raises(InputError, match="(?s)'subset::integer = 1' cannot be used: Could not convert.*it may name"):
        train_snapshot(lab, "odd", snapshot="tiny", where="subset::integer = 1")
    with pytest.raises(InputError, match="nothing of tiny@1 passes --where 'weight < 0'"):
        train_snapshot(lab, "odd", snapshot="tiny", where="weight < 0")


def test_folds_are_one_group_by(lab):
    rows = lab.sql(
        "select fold, rm_train('cv/' || fold, chosen_id, rejected_id, snapshot := 'tiny',"
        "  split := if(rm_fold(group_id, k := 3) = fold, 'test', null)) as r"
        " from rm_pairs('tiny'), range(3) folds(fold) group by fold order by fold"
    ).fetchall()
    assert sum(result["test_n"] for _, result in rows) == 90
    assert all(result["n_used"] + result["test_n"] == 90 for _, result in rows)


def test_ids_outside_the_snapshot_are_counted(lab):
    result = row(
        lab,
        "select rm_train('h', if(\"row\" < 11, uuid(), chosen_id), rejected_id, snapshot := 'tiny') from preferences",
    )
    assert result[0]["n_skipped"] == 10
    assert "10 rows name a response outside tiny@1" in result[0]["notes"]
    with pytest.raises(InputError, match="none of the 90 pairs has both vectors"):
        lab.sql("select rm_train('h', uuid(), rejected_id, snapshot := 'tiny') from preferences")


def test_vectors_do_not_say_whether_a_pair_lies_within_one_prompt(lab):
    lab.sql("select rm_train('v', chosen_embedding, rejected_embedding, prompt := prompt_id) from rm_pairs('tiny')")
    assert head_store.resolve(lab, "v").within_prompt is None
