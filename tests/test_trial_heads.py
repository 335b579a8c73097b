"""Heads that a report trains for itself: those of rm_train, without a trace."""

import os
import signal
import threading

import numpy as np
import pytest
from stocking import stock

import rmstore
from rmstore import reports
from rmstore.embedding import embed
from rmstore.errors import InputError, Interrupted, OptionError, UnknownNameError

MARKED = """
    create or replace temp table marked as
    select chosen_id, rejected_id, prob, 1 + "row" % 3 as weight, chosen_chars, prompt_id,
           if("row" % 5 = 0, 'valid', 'train') as part, chosen_chars % 4 = 0 as is_turned
    from rm_pairs('tiny') where prob > 0.5
"""
TRIALS = """
    select trial, response_id::varchar as response_id, reward, temperature
    from _rm_trial_rewards(
        'tiny@1',
        (select list({'chosen_id': chosen_id, 'rejected_id': rejected_id, 'prob': prob, 'weight': weight,
                      'marks': [_rm_trial_mark(part, false), 0, _rm_trial_mark(part, is_turned)]}) from marked),
        (select list(distinct response_id) from rm_rows('tiny')), [3, 3, 4], $head, $objective, $options)
    order by trial, response_id
"""
STORED = """
    select rm_train($name, if(is_turned and $turned, rejected_id, chosen_id),
                    if(is_turned and $turned, chosen_id, rejected_id), head := $head, snapshot := 'tiny@1',
                    prob := prob, weight := weight, split := part, seed := $seed, options := $options::json)
    from marked
"""


def rows_of(store, query, params=None):
    """Rows as dicts from the root connection, which sees temporary tables."""
    return store.sql(query, params).to_arrow_table().to_pylist()


def trials(store, head="linear", objective="bt", options=None):
    return rows_of(store, TRIALS, {"head": head, "objective": objective, "options": options})


@pytest.mark.parametrize(
    ("head", "options"),
    [
        ("linear", None),
        ("mlp", '{"hidden": [8], "epochs": 3}'),
        ("lightgbm", '{"trees": 5, "min_leaf": 2}'),
        ("prototype", '{"epochs": 2}'),
    ],
)
def test_a_trial_head_is_that_of_rm_train(lab, head, options):
    lab.sql(MARKED)
    found = trials(lab, head, options=options)
    assert {row["trial"] for row in found} == {1, 3}  # the second trial has no votes
    for trial, seed, turned in ((1, 3, False), (3, 4, True)):
        given = {"name": "stored", "head": head, "options": options, "seed": seed, "turned": turned}
        lab.sql(STORED, given).fetchall()
        scored = {
            row["id"]: row["reward"]
            for row in lab.rows(
                "select distinct response_id::varchar as id, rm_score('stored', embedding) as reward "
                "from rm_rows('tiny')"
            )
        }
        mine = {row["response_id"]: row["reward"] for row in found if row["trial"] == trial}
        assert mine == pytest.approx(scored, rel=1e-5, abs=1e-6)
        assert np.std(list(mine.values())) > 0
        temperature = lab.value("select temperature from heads order by version desc limit 1")
        assert {row["temperature"] for row in found if row["trial"] == trial} == {temperature}  # to the last bit


def test_nothing_is_stored_and_nothing_held(lab):
    lab.sql(MARKED)
    tables = [row["name"] for row in lab.rows("select table_name as name from duckdb_tables() where not temporary")]
    counts = {name: lab.value(f"select count(*) from rm.main.{name}") for name in tables}
    trials(lab)
    with pytest.raises(UnknownNameError, match="no head kind is called 'linnear'"):
        trials(lab, "linnear")
    assert not [key for key in lab.cache if key[0] == "scorer"]
    assert counts == {name: lab.value(f"select count(*) from rm.main.{name}") for name in tables}
    assert lab.rows("from rm_heads()") == []


def test_the_order_of_votes_and_responses_leaves_no_trace(lab):
    lab.sql(MARKED)
    first = trials(lab)
    lab.sql("create or replace temp table marked as select * from marked order by md5(chosen_id::varchar)")
    assert trials(lab) == first == trials(lab)


def test_rewards_stay_with_their_responses_where_the_list_of_them_is_computed_twice(lab):
    lab.sql(MARKED)
    shuffled = TRIALS.replace(
        "(select list(distinct response_id) from", "(select list(response_id order by random()) from"
    )
    assert shuffled != TRIALS
    given = {"head": "linear", "objective": "bt", "options": None}
    assert {tuple(row.items()) for row in rows_of(lab, shuffled, given)} == {tuple(row.items()) for row in trials(lab)}


def test_equal_vectors_have_equal_rewards(lab):
    lab.sql(MARKED)
    rewards = {row["response_id"]: row["reward"] for row in trials(lab) if row["trial"] == 1}
    alike = {}
    for row in lab.rows(
        "select distinct response_id::varchar as id, embedding::varchar as vector from rm_rows('tiny')"
    ):
        alike.setdefault(row["vector"], set()).add(rewards[row["id"]])
    assert all(len(values) == 1 for values in alike.values())


def test_what_cannot_be_tried_is_refused(lab):
    lab.sql(MARKED)
    with pytest.raises(OptionError, match="'squared' does not learn from pairs"):
        trials(lab, objective="squared")
    with pytest.raises(OptionError, match="start is 'h@1'"):
        trials(lab, options='{"start": "h@1"}')
    with pytest.raises(OptionError, match="options is 'l2'"):
        trials(lab, options="l2")
    call = (
        "from _rm_trial_rewards('tiny@1', (select list(marked) from marked), [{}]::uuid[], [0], 'linear', 'bt', null)"
    )
    lab.sql("create or replace temp table marked as select *, [1, 1]::utinyint[] as marks from marked")
    with pytest.raises(InputError, match=r"votes have \[2\] marks for 1 trials"):
        rows_of(lab, call.format(""))
    lab.sql("create or replace temp table marked as select * replace ([1]::utinyint[] as marks) from marked")
    assert rows_of(lab, call.format("")) == []
    with pytest.raises(InputError, match="1 of 1 judged responses are no members of tiny@1"):
        rows_of(lab, call.format("'00000000-0000-0000-0000-000000000001'"))
    lab.sql("create or replace temp table marked as from marked limit 1")
    with pytest.raises(InputError, match="too few rows: 1 to train on"):
        rows_of(lab, call.format(""))
    lab.sql("create or replace temp table marked as from marked limit 0")
    assert rows_of(lab, call.format("")) == []


def test_rewards_of_two_sides_to_margins(store):
    """By hand; a vote with a side that a head gave nothing is left out, columns beside stay, NULL too."""
    found = store.rows("""
        with votes as (
            from (values (1, 'a', 'b', 0.5e0), (2, 'b', 'c', null), (3, 'a', 'a', 0.7e0))
                as votes(vote, chosen_id, rejected_id, prob)
        ),
        said as materialized (
            from (values (1, 'a', 3::float), (1, 'b', 1), (1, 'c', 6), (2, 'a', 1), (2, 'b', 1))
                as said(head, response_id, reward)
        )
        from _rm_margins('votes', 'said') order by head, vote
    """)
    assert [(row["head"], row["vote"], row["prob"], row["margin"]) for row in found] == [
        (1, 1, 0.5, 2.0),
        (1, 2, None, -5.0),
        (1, 3, 0.7, 0.0),
        (2, 1, 0.5, 0.0),
        (2, 3, 0.7, 0.0),
    ]


def test_a_read_only_store_is_enough(tmp_path):
    with rmstore.connect(tmp_path / "s.duckdb") as written:
        rows = [(f"prompt {i}", text) for i in range(4) for text in ("a longer answer", "no")]
        stock(written, rows, votes=[(2 * i, 2 * i + 1) for i in range(4)])
        embed(written, "d", snapshot="s", encoder="toy:8", layout="response")
    with rmstore.connect(tmp_path / "s.duckdb", read_only=True) as reader:
        reader.make_macros("report_macros")
        found = reader.rows(
            "select reward from _rm_trial_rewards('s', (select list({'chosen_id': chosen_id, 'prob': prob, "
            "'rejected_id': rejected_id, 'weight': weight, 'marks': [1::utinyint]}) from rm_pairs('s')), "
            "(select list(chosen_id order by chosen_id) || list(rejected_id order by chosen_id) from rm_pairs('s')), "
            "[0], 'linear', 'bt', null)"
        )
    rewards = [row["reward"] for row in found]
    assert min(rewards[:4]) > max(rewards[4:])


def test_ctrl_c_stops_a_sweep_and_leaves_the_store_usable(lab):
    lab.sql(MARKED)
    started = []

    def interrupt(query):
        if "training_ids" in query and not started:  # the sweep reads its votes
            started.append(True)
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    endless = {"snapshot": "tiny", "head": "mlp", "options": '{"epochs": 1000000, "patience": 1000000}'}
    with lab.trace(interrupt), pytest.raises(Interrupted):
        reports.run(lab, "label-noise", endless)
    assert started and not lab.stop.is_set()
    assert trials(lab)
