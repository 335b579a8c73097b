"""Head versions: references, deployment, dropping, scoring through SQL."""

import numpy as np
import pyarrow as pa
import pytest

from rmstore import head_store
from rmstore.errors import InputError, InvalidNameError, RmstoreError, StoreError, UnknownNameError


@pytest.fixture
def heads(store):
    """Three versions of a head, trained on different pairs, and a table of vectors."""
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((400, 2, 3)).astype(np.float32)
    store.con.register(
        "pairs",
        pa.table(
            {
                "chosen": pa.FixedSizeListArray.from_arrays(pa.array(rows[:, 0].ravel()), 3),
                "rejected": pa.FixedSizeListArray.from_arrays(pa.array(rows[:, 1].ravel()), 3),
                "i": np.arange(400),
            }
        ),
    )
    for low in (0, 100, 200):
        store.sql("select rm_train('h', chosen, rejected) from pairs where i >= $low", {"low": low})
    return store


def version(store, text):
    return head_store.resolve(store, text).version


def test_references(heads):
    assert (version(heads, "h"), version(heads, "h@latest"), version(heads, "h@2")) == (3, 3, 2)
    nll = dict(heads.sql("select version, valid_nll from rm_heads()").fetchall())
    assert version(heads, "h@best") == min(nll, key=nll.get)


def test_tags_move_and_numbers_cannot_be_tags(heads):
    head_store.tag(heads, "h@1", "paper")
    head_store.tag(heads, "h@2", "paper")
    assert version(heads, "h@paper") == 2
    with pytest.raises(InvalidNameError):
        head_store.tag(heads, "h@1", "best")


@pytest.mark.parametrize("text", ["x", "h@9", "h@nobody"])
def test_unknown_references_come_with_a_suggestion(heads, text):
    with pytest.raises(UnknownNameError, match=f"no head is called '{text}'\n  hint: "):
        head_store.resolve(heads, text)


def test_a_dropped_version_keeps_its_number(heads):
    head_store.drop(heads, "h@3")
    assert version(heads, "h") == 2
    with pytest.raises(UnknownNameError):
        head_store.resolve(heads, "h@3")
    assert heads.sql("select count(*) from head_weights").fetchall()[0] == (2,)
    result = heads.sql("select rm_train('h', chosen, rejected) from pairs where i >= 200").fetchall()[0][0]
    assert (result["version"], result["is_new"]) == (4, True)


def test_best_without_validation_says_what_exists(heads):
    heads.sql("select rm_train('small', chosen, rejected, split := 'train') from pairs where i < 5")
    with pytest.raises(RmstoreError, match="no version of head 'small' has a validation NLL"):
        head_store.resolve(heads, "small@best")


def test_damaged_bytes_are_noticed(heads):
    heads.sql("update rm.main.head_weights set bytes = '\\x00'::blob where head_id = 1")
    with pytest.raises(StoreError, match="do not match their checksum"):
        heads.sql("select rm_score('h@1', chosen) from pairs")


def test_rm_score(heads):
    rows = heads.sql("select rm_score('h@1', chosen), chosen from pairs order by i limit 3").fetchall()
    scorer = head_store.scorer(heads, 1)
    expected = scorer.head.score(np.array([row[1] for row in rows], np.float32)) - np.float32(scorer.reference_mean)
    np.testing.assert_allclose([row[0] for row in rows], expected, rtol=1e-6)
    assert heads.sql("select typeof(rm_score('h', chosen)) from pairs limit 1").fetchall()[0] == ("FLOAT",)


def test_rm_score_takes_references_from_parameters_and_columns(heads):
    by_column = heads.sql("select rm_score('h@' || (1 + i % 3), chosen) from pairs order by i").fetchall()
    for k in range(3):
        query = "select rm_score($head, chosen) from pairs order by i"
        fixed = heads.sql(query, {"head": f"h@{k + 1}"}).fetchall()
        assert by_column[k::3] == fixed[k::3]


def test_rm_score_of_null_is_null(heads):
    query = (
        "select rm_score('h', e) is null, rm_score('h', null) from (select i, chosen as e from pairs where i = 1"
        " union all select 0, null::float[3]) order by i"
    )
    assert heads.sql(query).fetchall() == [(True, None), (False, None)]


def test_a_query_sees_the_version_that_is_newest_when_it_starts(heads):
    query = "select sum(rm_score('h', chosen)) from pairs"
    before = heads.sql(query).fetchall()[0]
    heads.sql("select rm_train('h', rejected, chosen) from pairs")
    assert heads.sql(query).fetchall()[0] != before


def test_rm_score_errors_name_head_and_width(heads):
    with pytest.raises(InputError, match="input of 'h@3' has width 2, but the head takes FLOAT\\[3\\]"):
        heads.sql("select rm_score('h', chosen[1:2]::float[2]) from pairs")
    with pytest.raises(UnknownNameError, match="did you mean 'h'"):
        heads.sql("select rm_score('hh', chosen) from pairs")


def test_rm_score_members(heads):
    heads.sql("select rm_train('m', chosen, rejected, members := 4) from pairs")
    row = heads.sql(
        "select rm_score_members('m', chosen), typeof(rm_score_members('m', chosen)) from pairs"
    ).fetchall()[0]
    assert len(row[0]) == 4
    assert row[1] == "FLOAT[]"


def test_rm_win_prob(heads):
    rows = heads.sql(
        "select rm_win_prob('h', chosen, rejected), rm_score('h', chosen) - rm_score('h', rejected) from pairs limit 5"
    ).fetchall()
    temperature = head_store.resolve(heads, "h").temperature
    for prob, gap in rows:
        assert prob == pytest.approx(1 / (1 + np.exp(-gap / temperature)), abs=1e-6)


def test_rm_heads(heads):
    rows = heads.sql("select name, version, kind, objective, members, n_used, is_deployed from rm_heads()").fetchall()
    assert rows == [("h", k, "linear", "bt", 1, n, False) for k, n in ((1, 400), (2, 300), (3, 200))]
