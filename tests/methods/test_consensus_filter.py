"""rm_consensus_filter: by hand, and the share of errors that two independent labellers leave."""

import numpy as np
import pytest
from tracing import stock_traces, until

import rmstore

STEPS = ["a", "b", "c"]


def kept(store, query="rm_consensus_filter('d')"):
    rows = store.rows(
        "select messages[1].content as prompt, kept.step, n_steps, first_error, label,"
        " kept.response_id = steps.response_id as is_its"
        f" from {query} as kept join steps using (step_id)"
        " join responses on responses.response_id = steps.response_id join prompts using (prompt_id)"
    )
    assert all(row.pop("is_its") and row.pop("n_steps") == 3 for row in rows)
    return sorted(tuple(row.values()) for row in rows)


def test_solutions_are_kept_where_both_sources_name_one_step_or_none(store):
    verdicts = {"both at 2": (2, 2), "none": (-1, -1), "apart": (1, 2), "one": (-1, 3), "first": (1, 1)}
    stock_traces(
        store, [(prompt, STEPS) for prompt in verdicts],
        mc=[until(3, mc) for mc, _ in verdicts.values()], judge=[until(3, judge) for _, judge in verdicts.values()],
    )  # fmt: skip
    assert kept(store) == [
        ("both at 2", 1, 2, 1, ), ("both at 2", 2, 2, 0), ("first", 1, 1, 0),
        ("none", 1, -1, 1), ("none", 2, -1, 1), ("none", 3, -1, 1),
    ]  # fmt: skip
    assert kept(store) == kept(store, "rm_consensus_filter('d', first := 'judge', second := 'mc')")


def test_soft_labels_are_wrong_at_the_threshold_and_hard_when_kept(store):
    stock_traces(store, [("q", STEPS)], mc=[[0.875, 0.125, 0.0]], judge=[until(3, 3)])
    assert kept(store) == [("q", 1, 3, 1), ("q", 2, 3, 1), ("q", 3, 3, 0)]
    assert kept(store, "rm_consensus_filter('d', threshold := 0.125)") == []


def test_what_is_not_labelled_by_both_to_an_end_is_not_kept(store):
    stock_traces(
        store, [("only mc", STEPS), ("mc ends early", STEPS), ("judge ends early", STEPS)],
        mc=[until(3, -1), [1, 1, None], until(3, -1)], judge=[[None] * 3, until(3, -1), [None, None, 1]],
    )  # fmt: skip
    assert kept(store) == []


def test_other_data_sets_and_sources_have_no_say(store):
    stock_traces(store, [("q", STEPS)], mc=[until(3, 1)], human=[until(3, 1)])
    stock_traces(store, [("q", STEPS)], dataset="other", judge=[until(3, 1)])
    assert kept(store) == []
    assert kept(store, "rm_consensus_filter('d', second := 'human')") == [("q", 1, 1, 0)]


@pytest.mark.parametrize(("q", "positions"), [(0.5, 4), (0.3, 2)])
def test_independent_errors_survive_with_probability_one_in_their_number(q, positions):
    """Of T wrong answers, drawn with probability q each, both sources name the same with probability q^2 / T."""
    n, draw = 4000, np.random.default_rng(positions)
    truth = draw.integers(0, positions + 1, n)  # steps 1 .. T, and T + 1 answers with "none" as 0

    def says():
        wrong = (truth + draw.integers(1, positions + 1, n)) % (positions + 1)
        return np.where(draw.random(n) < q, wrong, truth)

    mc, judge = says(), says()
    steps = [str(step) for step in range(positions)]
    with rmstore.connect() as store:
        stock_traces(
            store, [(f"q{i}", steps) for i in range(n)],
            mc=[until(positions, int(error) or -1) for error in mc],
            judge=[until(positions, int(error) or -1) for error in judge],
        )  # fmt: skip
        found = dict(
            store.sql(
                "select substr(messages[1].content, 2)::integer, any_value(first_error) from rm_consensus_filter('d')"
                " join responses using (response_id) join prompts using (prompt_id) group by 1"
            ).fetchall()
        )
    assert found.keys() == set(np.flatnonzero(mc == judge))
    both_wrong, both_right = q**2 / positions, (1 - q) ** 2
    share, rate = len(found) / n, np.mean([max(error, 0) != truth[i] for i, error in found.items()])
    expected = both_wrong / (both_wrong + both_right)
    assert share == pytest.approx(both_wrong + both_right, abs=4 * np.sqrt(share * (1 - share) / n))
    assert rate == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / len(found)))
    assert rate < q
