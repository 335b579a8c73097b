"""rm_trajectory_rewards: the scores by hand, and the identities that follow from them."""

from math import exp, sqrt

import numpy as np
import pytest
from lab import save_head
from tracing import stock_traces, until

from rmstore import snapshots
from rmstore.embedding import embed
from rmstore.errors import QueryError

# toy:2 counts words of one and of two or more letters; the vectors of the steps, their prompts included
TRACES = [("a", ["bb", "c c"]), ("a a", ["d"])]
VECTORS = {"a": [np.array([1, 1]), np.array([3, 1])], "a a": [np.array([3, 0])]}


def cosine(a, b):
    return float(a @ b / sqrt((a @ a) * (b @ b)))


def fused(*scores, weights=(1, 1, 1)):
    there = [(score, weight * exp(score)) for score, weight in zip(scores, weights, strict=True) if score is not None]
    return sum(score * weight for score, weight in there) / sum(weight for _, weight in there)


ALIGN = [cosine(VECTORS["a"][0], VECTORS["a"][1]), 1.0]
# the one step of another prompt is the only negative, however often it is drawn
COH = 1 / (1 + exp((cosine(VECTORS["a a"][0], VECTORS["a"][0]) - ALIGN[0]) / 0.1))


@pytest.fixture
def traces(store):
    stock_traces(store, TRACES, judge=[until(2, 2), until(1, -1)], mc=[[None, None], [0.5]])
    embed(store, "d", snapshot="s", encoder="toy:2", layout="joint", steps=True)
    return store


def rewards(store, options=""):
    rows = store.rows(
        "select messages[1].content as prompt, traced.* exclude (prompt_id) from"
        f" rm_trajectory_rewards('s', source := 'judge'{options}) as traced join prompts using (prompt_id)"
    )
    return {row["prompt"]: row for row in rows}


def test_the_scores_by_hand(traces):
    row = rewards(traces)["a"]
    assert [(step["step"], step["qual"]) for step in row["steps"]] == [(1, 1.0), (2, 0.0)]
    assert [step["align"] for step in row["steps"]] == pytest.approx(ALIGN)
    assert row["steps"][0]["coh"] is None
    assert row["steps"][1]["coh"] == pytest.approx(COH, rel=1e-5)
    steps = [fused(ALIGN[0], 1.0, None), fused(1.0, 0.0, COH)]
    assert [step["reward"] for step in row["steps"]] == pytest.approx(steps, rel=1e-5)
    assert row["step_reward"] == row["reward"] == pytest.approx(sum(steps) / 2, rel=1e-5)
    assert (row["n_steps"], row["dataset"], row["trajectory_reward"]) == (2, "d", None)


def test_a_single_step_has_no_coherence_and_the_others_are_renormalised(traces):
    row = rewards(traces)["a a"]
    assert row["steps"] == [{"step": 1, "align": pytest.approx(1), "qual": 1, "coh": None, "reward": pytest.approx(1)}]
    without = traces.rows("from rm_trajectory_rewards('s', source := 'mc') where n_steps = 2")[0]["steps"]
    assert [step["qual"] for step in without] == [None, None]
    assert [step["reward"] for step in without] == pytest.approx([ALIGN[0], fused(1.0, None, COH)], rel=1e-5)


@pytest.mark.parametrize("weights", [[1, 1, 1], [5, 1, 0.1], [0, 0, 3]])
def test_equal_scores_are_the_reward_whatever_the_weights(store, weights):
    for score in (0.0, 0.3, -1.0, 1.0):
        fusion = "select _rm_fused([$s, $s, $s]::double[], $w::double[])"
        assert store.value(fusion, {"s": score, "w": weights}) == pytest.approx(score)


def test_weights_leave_scores_out(traces):
    only = rewards(traces, ", weights := [0, 1, 0]")["a"]
    assert [step["reward"] for step in only["steps"]] == [1, 0]
    assert rewards(traces, ", weights := [0, 0, 1]")["a"]["steps"][0]["reward"] is None
    two = rewards(traces, ", weights := [2, 1, 0]")["a"]["steps"][0]["reward"]
    assert two == pytest.approx(fused(ALIGN[0], 1.0, None, weights=(2, 1, 0)))


def test_alpha_weighs_what_the_head_says_of_the_whole(traces):
    save_head(traces, snapshots.resolve(traces, "s"), (), weights=((1.0, 2.0),), objective="logistic")
    traces.sql('update heads set inputs = json(\'[{"name": "", "width": 2}]\')')
    alone = {prompt: row["reward"] for prompt, row in rewards(traces).items()}
    for alpha, given in ((1.0, ""), (0.5, ", alpha := 0.5"), (0.0, ", alpha := 0")):
        found = rewards(traces, f", head := 'h'{given}")
        for prompt, row in found.items():
            whole = 1 / (1 + exp(-float(VECTORS[prompt][-1] @ [1, 2])))
            assert row["trajectory_reward"] == pytest.approx(whole)
            assert row["reward"] == pytest.approx(alone[prompt] + alpha * whole)
    with pytest.raises(QueryError, match="alpha is 0.5 but there is no head"):
        rewards(traces, ", alpha := 0.5")
    assert {prompt: row["reward"] for prompt, row in rewards(traces, ", alpha := 0").items()} == alone


def test_a_next_step_unlike_its_predecessor_is_less_coherent(store):
    alike, unlike = ["bb bb"] * 4, ["bb bb", "c c c c c c c c c c c c", "bb bb", "bb bb"]
    stock_traces(store, [("bb", alike), ("bb bb", unlike), ("c c c", ["c"]), ("c bb", ["c", "bb"])])
    embed(store, "d", snapshot="s", encoder="toy:2", layout="joint", steps=True)
    coh = {
        row["prompt"]: [step["coh"] for step in row["steps"]][1:]
        for row in store.rows(
            "select messages[1].content as prompt, steps from rm_trajectory_rewards('s') join prompts using (prompt_id)"
        )
    }
    assert all(0 < value < 1 for values in coh.values() for value in values)
    assert coh["bb bb"][0] < 0.5 < min(coh["bb"])
    again = "select list(steps order by response_id) from rm_trajectory_rewards('s', seed := {})"
    assert store.value(again.format(1)) == store.value(again.format(1)) != store.value(again.format(2))


def test_without_another_prompt_there_is_no_negative(store):
    stock_traces(store, [("a", ["bb", "c"])])
    embed(store, "d", snapshot="s", encoder="toy:2", layout="joint", steps=True)
    row = store.rows("from rm_trajectory_rewards('s')")[0]
    assert [step["coh"] for step in row["steps"]] == [None, None]
    assert row["step_reward"] == pytest.approx(np.mean([step["align"] for step in row["steps"]]))


def test_no_step_is_compared_with_all_others(traces):
    plan = traces.con.sql("explain (format json) from rm_trajectory_rewards('s')").fetchall()[0][1]
    assert not [bad for bad in ("NL_JOIN", "NESTED_LOOP") if bad in plan]


def test_coherence_of_a_step_like_all_others_is_a_half(store):
    stock_traces(store, [("a", ["b", "c"]), ("d d", ["e", "f"])])
    embed(store, "d", snapshot="s", encoder="toy:2", layout="joint", steps=True)
    steps = [step for row in store.rows("from rm_trajectory_rewards('s')") for step in row["steps"]]
    assert [step["coh"] for step in steps if step["coh"] is not None] == [pytest.approx(0.5)] * 2
    assert {step["qual"] for step in steps} == {None}
