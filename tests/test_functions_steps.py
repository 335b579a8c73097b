"""Reasoning steps in SQL: their vectors, probabilities, aggregates and first errors."""

import json
from math import exp, log

import numpy as np
import pytest
from lab import fill, save_head
from stocking import stock
from tracing import fill_traces, stock_traces, until

import rmstore
from rmstore import snapshots
from rmstore.embedding import embed
from rmstore.errors import InputError, UnknownNameError

# toy:3 counts words of one, two, and three or more letters
TRACES = [("q", ["a", "bb bb", "ccc"]), ("q q", ["a a", "ccc ccc"])]
VECTORS = {("q", 1): (2, 0, 0), ("q", 2): (2, 2, 0), ("q", 3): (2, 2, 1), ("q q", 1): (4, 0, 0), ("q q", 2): (4, 0, 2)}
COLUMNS = [
    "prompt_id", "group_id", "response_id", "dataset", "subset", "split", "step_id", "step", "n_steps", "text", "label",
    "labels", "embedding",
]  # fmt: skip


@pytest.fixture(scope="module")
def empty():
    """One empty store for what needs no data: nothing there writes."""
    with rmstore.connect() as opened:
        yield opened


@pytest.fixture
def traces(store):
    stock_traces(store, TRACES, human=[until(3, 2), until(2, -1)], mc=[[0.5, 0.25, 0.0], []])
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint", steps=True)
    return store


def test_rm_steps_has_the_vector_of_the_prompt_with_the_steps_so_far(traces):
    rows = traces.rows(
        "select rm_prompt_text(messages) as prompt, step, n_steps, steps.text, embedding, dataset, subset, split,"
        " steps.group_id = prompts.group_id as is_group from rm_steps('s') as steps join prompts using (prompt_id)"
    )
    assert {(row["prompt"], row["step"]): row["embedding"] for row in rows} == VECTORS
    assert {(row["prompt"], row["step"]): row["text"] for row in rows} == {
        (prompt, number): text for prompt, steps in TRACES for number, text in enumerate(steps, start=1)
    }
    assert {(row["prompt"], row["n_steps"]) for row in rows} == {("q", 3), ("q q", 2)}
    assert {(row["dataset"], row["subset"], row["is_group"]) for row in rows} == {("d", "sub", True)}
    assert {row["split"] for row in rows} <= {"train", "valid", "test"}
    assert traces.con.sql("from rm_steps('s@1')").columns == COLUMNS


def test_rm_steps_the_last_step_has_the_vector_of_the_whole_response(traces):
    rows = traces.rows(
        "select steps.embedding = whole.embedding as same from rm_steps('s') as steps join rm_rows('s') as whole"
        " using (response_id) where step = n_steps"
    )
    assert [row["same"] for row in rows] == [True, True]


def test_rm_steps_labels_by_source_and_where_sources_agree(traces):
    def labels(query, params=None):
        rows = traces.rows(f"select text, label from {query} order by n_steps desc, step", params)
        return [row["label"] for row in rows]

    assert labels("rm_steps('s', source := 'human')") == [1, 0, None, 1, 1]
    assert labels("rm_steps('s', source := $source)", {"source": "mc"}) == [0.5, 0.25, 0, None, None]
    assert labels("rm_steps('s')") == [None, None, 0, 1, 1]
    said = traces.rows("select labels['mc'] as mc, labels['human'] as human from rm_steps('s') where text = 'bb bb'")
    assert said == [{"mc": 0.25, "human": 0}]
    with pytest.raises(UnknownNameError, match="no label source is called 'mcc'\n.*did you mean 'mc'"):
        traces.sql("from rm_steps('s', source := 'mcc')")


def test_rm_steps_a_source_that_says_two_things_of_a_step_counts_by_the_mean(traces):
    traces.sql("insert into step_labels select step_id, 1, 'mc', 0.75 from steps where text = 'bb bb'")
    assert traces.value("select label from rm_steps('s', source := 'mc') where text = 'bb bb'") == 0.5


def test_rm_steps_labels_of_other_data_sets_stay_out(traces):
    stock_traces(traces, TRACES[:1], dataset="other", judge=[until(3, 1)])
    assert traces.value("select count(*) from rm_steps('s')") == 5
    assert traces.value("select count(*) from rm_steps('s') where map_contains(labels, 'judge')") == 0
    embed(traces, ["d", "other"], snapshot="both", encoder="toy:3", steps=True)
    rows = traces.rows("select dataset, map_keys(labels) as sources from rm_steps('both') where text = 'a'")
    assert {row["dataset"]: row["sources"] for row in rows} == {"d": ["human", "mc"], "other": ["judge"]}


def test_rm_steps_refuses_what_is_not_embedded_or_has_no_steps(store):
    stock_traces(store, TRACES, human=[until(3, 2), until(2, -1)])
    stock(store, [("x", "no steps")], dataset="plain")
    embed(store, "d", snapshot="s", encoder="toy:3", layout="prompt||response", where="policy is null")
    with pytest.raises(InputError, match="5 of 5 steps of snapshot 's@1' are not embedded") as caught:
        store.sql("select count(*) from rm_steps('s')")
    assert caught.value.hint == (
        "rmstore embed d --snapshot s --encoder toy:3 --layout 'prompt||response' --where 'policy is null' --steps"
    )
    embed(store, "plain", snapshot="p", encoder="toy:3")
    with pytest.raises(InputError, match="no response of snapshot 'p@1' has reasoning steps"):
        store.sql("from rm_steps('p')")
    with pytest.raises(UnknownNameError, match="no snapshot is called 't'"):
        store.sql("from rm_steps('t')")
    with pytest.raises(InputError, match="the snapshot is NULL"):
        store.sql("from rm_steps(null)")


def test_rm_steps_reads_no_vector_unless_asked_for(traces):
    def plan(query):
        return traces.con.sql(f"explain (format json) {query}").fetchall()[0][1]

    counting = plan("select label, count(*) from rm_steps('s') group by all")
    assert '"embedding"' not in counting
    assert '"embedding"' in plan("select max(embedding[1]) from rm_steps('s')")
    assert not [bad for bad in ("NL_JOIN", "NESTED_LOOP", "CROSS_PRODUCT") if bad in counting]


def test_rm_step_prob_is_the_sigmoid_of_the_score_over_the_temperature(store):
    fill(store, [{"text": "a"}], temperature=2.0, objective="logistic")
    rows = store.rows(
        "select x[1] as x, rm_step_prob('h', x) as prob from (values ([0]::float[1]), ([3]), ([-3]), (null)) as t(x)"
    )
    assert {row["x"]: row["prob"] for row in rows} == {
        0: 0.5, 3: pytest.approx(1 / (1 + exp(-1.5))), -3: pytest.approx(1 / (1 + exp(1.5))), None: None,
    }  # fmt: skip
    assert store.value("select rm_step_prob('h', null::float[1])") is None
    assert store.value("select rm_step_prob(null, [1]::float[1])") is None
    assert store.value("select typeof(rm_step_prob('h', [1]::float[1]))") == "DOUBLE"
    with pytest.raises(UnknownNameError):
        store.sql("select rm_step_prob('g', [1]::float[1])")


def test_rm_step_prob_wants_a_head_whose_scores_are_log_odds(store):
    fill(store, [{"text": "a"}])
    with pytest.raises(InputError, match="trained with the objective 'bt', so its scores are no log-odds"):
        store.sql("select rm_step_prob('h', [1]::float[1])")


def test_rm_step_prob_resolves_each_head_of_a_column(store):
    fill(store, [{"text": "a"}], objective="logistic")
    save_head(store, snapshots.resolve(store, "s"), (), name="twice", weights=((2.0,),), objective="logistic")
    rows = store.rows(
        "select head, rm_step_prob(head, [1]::float[1]) as p from (values ('h'), ('twice'), (null)) t(head)"
    )
    assert {row["head"]: row["p"] for row in rows} == {
        "h": pytest.approx(1 / (1 + exp(-1))), "twice": pytest.approx(1 / (1 + exp(-2))), None: None,
    }  # fmt: skip


def test_rm_step_rewards(store):
    fill_traces(
        store,
        [
            {"prompt": "new", "logits": [2, -1], "labels": until(2, 2)},
            {"prompt": "old", "logits": [0], "labels": [1.0]},
        ],
        seen=["old"],
    )
    rows = store.rows(
        "select n_steps, step, label, reward, prob, seen_in_training from rm_step_rewards('h', 's') order by all desc"
    )
    assert [tuple(row.values()) for row in rows] == [
        (2, 2, 0, -1, pytest.approx(1 / (1 + exp(1))), False),
        (2, 1, 1, 2, pytest.approx(1 / (1 + exp(-2))), False),
        (1, 1, 1, 0, 0.5, True),
    ]
    assert store.con.sql("from rm_step_rewards('h', 's', source := 'human')").columns == [
        *COLUMNS[:-1], "reward", "prob", "seen_in_training",
    ]  # fmt: skip
    store.sql("update encoders set encoder_key = 'another'")
    with pytest.raises(InputError, match="was trained on another encoder"):
        store.sql("from rm_step_rewards('h', 's')")
    with pytest.raises(InputError, match="the head is NULL"):
        store.sql("from rm_step_rewards(null, 's')")


def test_rm_step_rewards_of_a_head_that_also_takes_the_number_of_the_step(store):
    fill_traces(store, [{"prompt": "q", "logits": [0.5, 0.5], "labels": until(2, -1)}])
    info = snapshots.resolve(store, "s")
    save_head(store, info, (), name="late", weights=((1.0, 10.0),), objective="logistic")
    fields = [{"name": "e", "width": 1}, {"name": "step", "width": 1, "is_scalar": True}]
    store.sql("update heads set inputs = $fields where name = 'late'", {"fields": json.dumps(fields)})
    rows = store.rows("select step, reward from rm_step_rewards('late', 's') order by step")
    assert [tuple(row.values()) for row in rows] == [(1, 10.5), (2, 20.5)]
    store.sql("update heads set inputs = replace(inputs::varchar, 'step', 'log_len') where name = 'late'")
    with pytest.raises(InputError, match="give one vector and 'step', not 'log_len'"):
        store.sql("from rm_step_rewards('late', 's')")


AGGREGATES = {
    "rm_steps_min": 0.2,
    "rm_steps_prod": 0.9 * 0.2 * 0.5,
    "rm_steps_mean": 1.6 / 3,
    "rm_steps_max": 0.9,
    "rm_steps_last": 0.5,
    "rm_steps_log_sum": log(0.9 * 0.2 * 0.5),
    "rm_steps_mean_log": (0.9 * 0.2 * 0.5) ** (1 / 3),
}
SAMPLE = "select [sin(i * j)**2 for j in range(1, 2 + i % 9)] as p from range(1, 300) as numbers(i)"


def call(store, name, p):
    return store.value(f"select {name}($p::double[])", {"p": p})


@pytest.mark.parametrize("name", AGGREGATES)
def test_rm_steps_aggregates_by_hand(empty, name):
    assert call(empty, name, [0.9, 0.2, 0.5]) == pytest.approx(AGGREGATES[name])
    assert call(empty, name, [0.9, 0.2, None, 0.5]) == pytest.approx(AGGREGATES[name])
    assert empty.value(f"select typeof({name}([0.5]::float[]))") == "DOUBLE"
    assert empty.value(f"select {name}([])") is empty.value(f"select {name}(null::double[])") is None


@pytest.mark.parametrize("name", AGGREGATES)
def test_rm_steps_aggregates_clamp_at_a_millionth(empty, name):
    change = log if name == "rm_steps_log_sum" else float
    assert call(empty, name, [0.0]) == pytest.approx(change(1e-6))
    assert call(empty, name, [1.0]) == pytest.approx(change(1 - 1e-6), rel=1e-12)


def test_rm_steps_min_and_all_others_agree_on_a_single_step(empty):
    calls = ", ".join(f"{name}([p])" for name in AGGREGATES if name != "rm_steps_log_sum")
    rows = empty.sql(f"select p, {calls} from (select i / 7 as p from range(1, 7) as numbers(i))").fetchall()
    assert all(row == pytest.approx((row[0],) * len(row)) for row in rows)


def test_rm_steps_max_is_at_least_the_mean_and_that_the_geometric_one(empty):
    rows = empty.sql(
        "select rm_steps_min(p) <= rm_steps_mean_log(p) * (1 + 1e-12), rm_steps_mean(p) <= rm_steps_max(p),"
        f" rm_steps_mean_log(p) <= rm_steps_mean(p) * (1 + 1e-12) from ({SAMPLE})"
    ).fetchall()
    assert len(rows) == 299 and {value for row in rows for value in row} == {True}


def test_rm_steps_prod_is_at_most_the_lowest(empty):
    assert empty.sql(f"select distinct rm_steps_prod(p) <= rm_steps_min(p) from ({SAMPLE})").fetchall() == [(True,)]


def test_rm_steps_mean_log_is_free_of_the_number_of_steps(empty):
    twice = "select {0}(list_concat(p, p)) as long, {0}(p) as short from ({1})"
    long, short = empty.sql(twice.format("rm_steps_mean_log", SAMPLE)).fetchnumpy().values()
    np.testing.assert_allclose(long, short)
    long, short = empty.sql(twice.format("rm_steps_log_sum", SAMPLE)).fetchnumpy().values()
    np.testing.assert_allclose(long, 2 * short)


@pytest.mark.parametrize("order", ["list_reverse", "list_sort"])
def test_rm_steps_last_alone_sees_the_order_of_the_steps(empty, order):
    for name in AGGREGATES:
        changed = empty.value(f"select count_if(abs({name}(p) - {name}({order}(p))) > 1e-9) from ({SAMPLE})")
        assert (changed > 150) == (name == "rm_steps_last"), name
        assert changed == 0 or name == "rm_steps_last"


def test_rm_steps_mean_and_last_alone_see_a_sure_step_at_the_end(empty):
    moved = {
        name
        for name in AGGREGATES
        if name != "rm_steps_max"  # it is the sure step then
        and call(empty, name, [0.9, 0.2, 0.5, 1.0]) != pytest.approx(AGGREGATES[name], rel=1e-5)
    }
    assert moved == {"rm_steps_mean", "rm_steps_mean_log", "rm_steps_last"}


def test_rm_steps_log_sum_ranks_as_the_product_does(empty):
    rows = empty.sql(f"select rm_steps_prod(p), rm_steps_log_sum(p) from ({SAMPLE})").fetchnumpy()
    prod, log_sum = rows.values()
    assert np.array_equal(np.argsort(prod, kind="stable"), np.argsort(log_sum, kind="stable"))
    assert call(empty, "rm_steps_log_sum", [0.0] * 100) == pytest.approx(100 * log(1e-6))  # the product underflows


def test_rm_first_error(empty):
    rows = empty.rows(
        "select rm_first_error(p) as error, rm_first_error(p, threshold := 0.3) as strict from (values"
        " ([0.9, 0.4, 0.2]), ([0.5, 0.6, 0.7]), ([0.1]), ([0.9, null, 0.2]), ([]), (null)) as t(p)"
    )
    assert [tuple(row.values()) for row in rows] == [(2, 3), (-1, -1), (1, 1), (3, 3), (-1, -1), (None, None)]


def test_rm_steps_min_is_last(empty):
    rows = empty.rows(
        "select rm_steps_min_is_last(p) as answer from (values ([0.9, 0.4, 0.2]), ([0.2, 0.4]), ([0.5, 0.5]), ([0.1]),"
        " ([]), (null)) as t(p)"
    )
    assert [row["answer"] for row in rows] == [True, False, False, True, None, None]


def processbench(store, pairs):
    values = ", ".join(f"({predicted}, {labelled})" for predicted, labelled in pairs)
    return store.value(f"select rm_processbench(predicted, labelled) from (values {values}) as t(predicted, labelled)")


def test_rm_processbench_by_hand(empty):
    # with an error: one of three found; without: one of two; F1 = 2 (1/3)(1/2) / (5/6)
    found = processbench(empty, [(1, 1), (2, 1), (-1, 3), (-1, -1), (4, -1), ("null", 1), (2, "null")])
    expected = {"n_err": 3, "n_ok": 2, "acc_err": 1 / 3, "acc_ok": 1 / 2, "f1": 0.4}
    assert found == pytest.approx(expected)


def test_rm_processbench_of_never_and_always_right(empty):
    truth = [1, 2, 5, -1, -1]
    never = processbench(empty, [(-1, labelled) for labelled in truth])
    assert (never["acc_ok"], never["acc_err"], never["f1"]) == (1, 0, 0)
    assert processbench(empty, [(labelled, labelled) for labelled in truth])["f1"] == 1
    assert processbench(empty, [(9, labelled) for labelled in truth])["f1"] == 0
    one_kind = processbench(empty, [(1, 1), (2, 2)])
    assert (one_kind["acc_err"], one_kind["acc_ok"], one_kind["f1"]) == (1, None, None)
