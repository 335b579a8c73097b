"""rm_train and what it stores: known answers, order, splits, weights, ties, errors."""

import json

import numpy as np
import pyarrow as pa
import pytest

import rmstore
from rmstore import head_store
from rmstore.errors import InputError, InvalidNameError, OptionError, UnknownNameError

DIM = 6


def vectors(matrix):
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.astype(np.float32).ravel()), matrix.shape[1])


@pytest.fixture
def direction():
    return np.array([2, -1, 0.5, 0, 1, -2.0])


@pytest.fixture
def pairs(store, direction):
    """600 within-prompt pairs whose chosen side has the higher reward along a known direction."""
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 600, DIM))
    right = (first @ direction > second @ direction)[:, None]
    table = pa.table(
        {
            "chosen": vectors(np.where(right, first, second)),
            "rejected": vectors(np.where(right, second, first)),
            "prompt": [f"p{i // 3}" for i in range(600)],
            "i": np.arange(600),
        }
    )
    store.con.register("pairs", table)
    return store


def one(store, query, params=None):
    return store.sql(query, params).fetchall()[0][0]


def weights(store, reference):
    return head_store.scorer(store, head_store.resolve(store, reference).head_id).head.weights


def test_rm_train(pairs, direction):
    result = one(pairs, "select rm_train('h', chosen, rejected, prompt := prompt) from pairs")
    assert (result["head"], result["version"], result["is_new"]) == ("h", 1, True)
    assert (result["n_used"], result["n_skipped"], result["test_n"]) == (600, 0, 0)
    assert result["train_n"] + result["valid_n"] == 600
    assert 30 < result["valid_n"] < 100
    assert result["valid_accuracy"] > 0.95
    found = weights(pairs, "h")[0]
    assert found @ direction / np.linalg.norm(found) / np.linalg.norm(direction) > 0.99


def test_the_order_of_rows_does_not_matter_and_nothing_is_fitted_twice(pairs):
    first = one(pairs, "select rm_train('h', chosen, rejected, prompt := prompt) from pairs")
    again = one(pairs, "select rm_train('h', chosen, rejected, prompt := prompt) from (from pairs order by i desc)")
    assert not again["is_new"]
    assert again["version"] == first["version"]
    assert again["valid_nll"] == first["valid_nll"]


def test_another_name_gets_a_copy_with_the_same_bytes(pairs):
    one(pairs, "select rm_train('a', chosen, rejected, prompt := prompt) from pairs")
    copied = one(pairs, "select rm_train('b', chosen, rejected, prompt := prompt) from pairs")
    assert (copied["head"], copied["version"], copied["is_new"]) == ("b", 1, False)
    assert len(pairs.sql("select distinct sha256 from head_weights").fetchall()) == 1
    assert pairs.sql("select count(*), count(distinct head_id) from head_metrics").fetchall()[0][1] == 2


def test_a_fresh_store_fits_the_same_bytes(pairs):
    query = (
        "select rm_train('h', chosen, rejected, prompt := prompt, head := $head, members := 2, options := $options)"
        " from pairs"
    )
    for head, options in (("linear", {}), ("mlp", {"epochs": 3}), ("lightgbm", {"trees": 20})):
        values = {"head": head, "options": json.dumps(options)}
        with rmstore.connect() as other:
            table = pairs.sql("from pairs order by hash(i)").to_arrow_table()
            other.con.register("pairs", table)
            one(other, query, values)
            theirs = other.sql("select sha256 from head_weights").fetchall()[0]
        one(pairs, query, values)
        ours = pairs.sql("select sha256 from head_weights order by head_id desc limit 1").fetchall()[0]
        assert ours == theirs, head


def test_one_head_per_group(pairs):
    rows = pairs.sql(
        "select g, rm_train('g/' || g, chosen, rejected) from (select *, i % 3 as g from pairs) group by g order by g"
    ).fetchall()
    assert [(g, r["head"], r["n_used"]) for g, r in rows] == [(0, "g/0", 200), (1, "g/1", 200), (2, "g/2", 200)]
    assert not np.allclose(weights(pairs, "g/0"), weights(pairs, "g/1"))


def test_named_splits_are_used_as_they_are(pairs):
    result = one(
        pairs,
        "select rm_train('h', chosen, rejected, prompt := prompt,"
        " split := case when i < 300 then 'train' when i < 400 then 'valid' else 'test' end) from pairs",
    )
    assert (result["train_n"], result["valid_n"], result["test_n"], result["n_used"]) == (300, 100, 200, 400)
    assert result["test_accuracy"] > 0.95


def test_test_rows_leave_no_trace_in_the_fit(pairs):
    marked = "case when i < 400 then null else 'test' end"
    one(pairs, f"select rm_train('a', chosen, rejected, prompt := prompt, split := {marked}) from pairs")
    one(pairs, f"select rm_train('b', chosen, rejected, prompt := prompt, split := {marked}) from pairs where i < 400")
    np.testing.assert_array_equal(weights(pairs, "a"), weights(pairs, "b"))


def test_prob_below_a_half_swaps_the_sides(pairs):
    one(pairs, "select rm_train('a', chosen, rejected, objective := 'soft', prob := 0.9) from pairs")
    swapped = one(pairs, "select rm_train('b', rejected, chosen, objective := 'soft', prob := 0.1) from pairs")
    assert not swapped["is_new"]


def test_weight_two_equals_two_rows(pairs):
    split = "split := 'train', options := {'l2': 0.1}"
    one(pairs, f"select rm_train('a', chosen, rejected, weight := 1 + i % 2, {split}) from pairs")
    one(
        pairs, f"select rm_train('b', chosen, rejected, {split}) from (from pairs union all from pairs where i % 2 = 1)"
    )
    np.testing.assert_allclose(weights(pairs, "a"), weights(pairs, "b"), rtol=0, atol=1e-4)


def test_what_is_no_pair_is_skipped_and_counted(pairs):
    result = one(
        pairs,
        "select rm_train('h', c, r, prob := if(i % 10 = 2, 0.5, 1)) from ("
        " select i, chosen as c, rejected as r from pairs where i % 10 > 1"
        " union all select i, null::float[6], rejected from pairs where i % 10 = 0"
        " union all select i, chosen, chosen from pairs where i % 10 = 1)",
    )
    assert (result["n_used"], result["n_skipped"]) == (420, 180)


def test_ties_count_for_the_soft_objective(pairs):
    query = "select rm_train('h', chosen, rejected, objective := 'soft', prob := if(i % 2 = 0, 0.5, 1)) from pairs"
    assert one(pairs, query)["n_used"] == 600


@pytest.mark.parametrize("term", ["smoothing", "center", "bsr"])
def test_ties_count_for_the_soft_objective_beside_a_term(pairs, term):
    query = (
        "select rm_train('h', chosen, rejected, objective := 'soft', prob := if(i % 2 = 0, 0.5, 1), "
        f"options := {{{term}: 0.1}}) from pairs"
    )
    assert one(pairs, query)["n_used"] == 600


@pytest.mark.parametrize("members", [1, 3])
def test_every_item_is_scored_once_after_a_fit(pairs, monkeypatch, members):
    from rmstore.heads.mlp import MLPHead

    scored, plain = [], MLPHead.members

    def counting(self, items):
        scored.append(len(items))
        return plain(self, items)

    monkeypatch.setattr(MLPHead, "members", counting)
    options = "{hidden: [4], epochs: 1}"
    one(
        pairs,
        f"select rm_train('h', chosen, rejected, head := 'mlp', members := {members}, options := {options}) from pairs",
    )
    distinct = "select count(*) from (select chosen from pairs union select rejected from pairs)"
    assert sum(scored) == one(pairs, distinct)
    assert one(
        pairs, "select avg(rm_score('h', x)) from (select chosen as x from pairs union select rejected from pairs)"
    ) == (pytest.approx(0, abs=0.05))


def test_rows_without_a_prompt_beside_others_are_refused(pairs):
    query = "select rm_train('h', {}, rejected, prompt := if(i % 2 = 0, i, null)) from pairs"
    with pytest.raises(InputError, match="prompt is NULL or empty in 300 of 600 rows"):
        pairs.sql(query.format("chosen"))
    assert one(pairs, query.format("[chosen][1 + i % 2]"))["n_used"] == 300


def test_side_features_are_named_and_standardised(pairs):
    query = (
        "select rm_train('h', {e: chosen, log_len: 100 + 0.5 * i}, {log_len: 100 - 0.5 * i, e: rejected}) from pairs"
    )
    assert one(pairs, query)["n_used"] == 600
    field = head_store.resolve(pairs, "h").inputs[1]
    assert (field["name"], field["is_scalar"]) == ("log_len", True)
    assert field["shift"] == pytest.approx(100, abs=15)
    with pytest.raises(InputError, match="takes {e: FLOAT\\[6\\], log_len: DOUBLE}"):
        pairs.sql("select rm_score('h', chosen) from pairs")
    with pytest.raises(InputError, match="no field 'log_len'"):
        pairs.sql("select rm_score('h', {e: chosen}) from pairs")


def test_validation_keeps_shared_vectors_together_and_says_so(pairs):
    result = one(pairs, "select rm_train('h', chosen, rejected) from pairs")
    assert "share a vector" in result["notes"][0]


def test_siamese_chances_add_up_to_one(pairs):
    one(pairs, "select rm_train('h', chosen, rejected, head := 'mlp', options := {'epochs': 2}) from pairs")
    worst = one(
        pairs,
        "select max(abs(rm_win_prob('h', chosen, rejected) + rm_win_prob('h', rejected, chosen) - 1)) from pairs",
    )
    assert worst < 1e-12


def test_rewards_have_mean_zero_on_the_reference_set(pairs):
    one(pairs, "select rm_train('h', chosen, rejected, members := 3, split := 'train') from pairs")
    mean = one(
        pairs, "select avg(rm_score('h', e)) from (select chosen e from pairs union all select rejected from pairs)"
    )
    assert mean == pytest.approx(0, abs=1e-6)
    spread = pairs.sql(
        "with m as (select unnest(rm_score_members('h', e)) as m, generate_subscripts(rm_score_members('h', e), 1) as k"
        " from (select chosen e from pairs union all select rejected from pairs))"
        " select k, avg(m), stddev_pop(m) from m group by k order by k"
    ).fetchall()
    assert [(k, round(mean, 5), round(sd, 5)) for k, mean, sd in spread] == [(1, 0, 1), (2, 0, 1), (3, 0, 1)]


def test_the_training_query_is_kept(pairs):
    query = "select rm_train('h', chosen, rejected) from pairs where i < 500"
    one(pairs, query)
    kept = head_store.resolve(pairs, "h").training_sql  # DuckDB 1.5 writes keywords and brackets its own way
    assert kept.lower().replace("(i < 500)", "i < 500") == query


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ("'a b', chosen, rejected", InvalidNameError, "'a b' is not a name"),
        ("null, chosen, rejected", InputError, "name of the head is NULL"),
        ("'h', chosen, chosen", InputError, "600 of an item with itself"),
        ("'h', chosen, null::float[6]", InputError, "none of the 600 pairs has both vectors"),
        ("'h', chosen, rejected, prob := 0.5", InputError, "600 ties"),
        ("'h', chosen, rejected, prob := 1.5", InputError, "prob is 1.5"),
        ("'h', chosen, rejected, weight := -1", InputError, "weight is -1.0"),
        ("'h', chosen, rejected, weight := 0", InputError, "weights of all"),
        ("'h', chosen, rejected, margin := 'inf'::double", InputError, "margin is inf"),
        ("'h', chosen, rejected, split := 'trian'", InputError, "split is 'trian'"),
        (
            "'h', chosen, rejected, split := if(i = 0, 'train', 'test')",
            InputError,
            "too few rows: 1 to train on, 0 for validation, 599 for test",
        ),
        ("'h', chosen, rejected, head := 'linaer'", UnknownNameError, "did you mean 'linear'"),
        ("'h', chosen, rejected, objective := 'btt'", UnknownNameError, "did you mean 'bt'"),
        ("'h', chosen, rejected, options := {'l2x': 1}", OptionError, "'l2x'"),
        ("'h', chosen, rejected, options := [1]", OptionError, "options is"),
        ("'h', chosen, rejected, members := 0", OptionError, "members is 0"),
        ("'h', chosen, rejected, members := 2.5", OptionError, "members is 2.5"),
        ("'h', chosen, rejected, seed := -1", OptionError, "seed is -1"),
        ("'h', chosen, rejected, seed := 'a'", OptionError, "seed is a"),
        ("'h', chosen, rejected, seed := 99999999999999999999", OptionError, "seed is 99999999999999999999"),
        ("'h', chosen, rejected, weight := 'much'", InputError, "weight is 'much'"),
        ("'h', chosen, rejected, margin := [1]", InputError, "margin is [1]"),
        ("'h', chosen, rejected, merge := 'sum'", OptionError, "merge is 'sum'"),
        ("'h', chosen, rejected, snapshot := 'hh'", UnknownNameError, "no snapshot is called 'hh'"),
        ("'h', chosen, rejected, snapshot := 5", OptionError, "snapshot is 5, which is not a text"),
        ("'h', chosen, rejected, head := 1.5", OptionError, "head is 1.5, which is not a text"),
        ("5, chosen, rejected", OptionError, "name is 5, which is not a text"),
        ("'h', chosen, chosen", InputError, "check what the query gives on both sides"),
        ("'h', uuid(), rejected", InputError, "give two ids with snapshot, or two vectors"),
        ("'h', chosen, prompt", InputError, "give two ids with snapshot, or two vectors"),
        ("'h', uuid(), uuid()", InputError, "no snapshot says which vectors"),
        ("'h', chosen, rejected[1:3]::float[3]", InputError, "but rejected is FLOAT[3]"),
        ("'h', i, i", InputError, "not a vector"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_its_value(pairs, arguments, error, message):
    with pytest.raises(error) as problem:
        pairs.sql(f"select rm_train({arguments}) from pairs")
    assert message in str(problem.value)
    assert pairs.sql("from rm_heads()").fetchall() == []


def test_a_setting_of_null_is_its_default(pairs):
    plain = one(pairs, "select rm_train('h', chosen, rejected) from pairs")
    nothing = ", ".join(
        f"{name} := null"
        for name in ("head", "objective", "snapshot", "prompt", "weight", "margin", "prob", "split", "members", "merge",
                     "seed", "options")
    )  # fmt: skip
    again = one(pairs, f"select rm_train('h', chosen, rejected, {nothing}) from pairs")
    assert (again["version"], again["is_new"]) == (plain["version"], False)


def test_no_rows_and_nan_are_refused(pairs):
    with pytest.raises(InputError, match="no pairs to train on"):
        pairs.sql("select rm_train('h', chosen, rejected) from pairs where i < 0")
    with pytest.raises(InputError, match="holds nan"):
        pairs.sql("select rm_train('h', chosen, list_transform(rejected, lambda x: 'nan'::float)::float[6]) from pairs")


def test_an_interrupt_during_the_fit_stores_nothing(pairs):
    from rmstore.errors import Interrupted
    from rmstore.training import Recipe, train

    table = pairs.sql("select chosen, rejected, null as prompt, null as weight, null as margin, null as prob,"
                      " null as split from pairs").to_arrow_table()  # fmt: skip
    columns = [pa.nulls(len(table)) if i > 1 else column.combine_chunks() for i, column in enumerate(table.columns)]
    rows = pa.StructArray.from_arrays(columns, names=table.column_names)

    def press(done, total, note):
        pairs.stop.set()

    with pytest.raises(Interrupted):
        train(pairs, "h", rows, Recipe(head="mlp"), progress=press)
    pairs.stop.clear()
    assert pairs.sql("select count(*) from heads").fetchall()[0] == (0,)
