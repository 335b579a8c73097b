"""Step-labelled traces: text, steps and labels of each way to write them."""

import json
from pathlib import Path

import pytest
from ingesting import content, counts, empty, write

import rmstore
from rmstore.errors import BadRowsError, OptionError
from rmstore.ingest import ingest

DATA = Path(__file__).parent / "data"
STEPS = """
    select responses.text as response, step, steps.text as text, label, source
    from steps
    join responses using (response_id)
    left join step_labels using (step_id)
    order by response, step, source
"""


@pytest.fixture(scope="module")
def shared():
    """The store of all tests of this file."""
    with rmstore.connect() as opened:
        yield opened


@pytest.fixture
def store(shared):
    """A store without rows."""
    yield shared
    empty(shared)


@pytest.fixture(scope="module")
def untouched():
    """A store that stays empty, whatever a test tries with it."""
    with rmstore.connect() as opened:
        yield opened
        assert set(counts(opened).values()) == {0}


def labels(store):
    """Return the label of each step by the first line of its response."""
    found = {}
    for row in store.rows(STEPS):
        found.setdefault(row["response"].split("\n")[0], []).append(row["label"])
    return found


def test_mistakes_label_the_steps_up_to_the_first_one(store):
    result = ingest(store, DATA / "mistakes.jsonl", format="steps", dataset="d")
    assert result.files[0].n_steps == 7 and result.notes == ()
    assert labels(store) == {
        "b is 2, a is 1.": [1, 0, None], "c is 3.": [1, 1], "e is 5.": [0, None],
    }  # fmt: skip
    rows = store.rows(STEPS)
    assert rows[0]["response"] == "b is 2, a is 1.\nSo b < a.\nThe answer is b a."
    assert [(row["step"], row["text"], row["source"]) for row in rows[3:5]] == [
        (1, "c is 3.", "human"), (2, "The answer is c d.", "human"),
    ]  # fmt: skip
    assert store.value("select n_steps from dataset_files") == 7
    assert store.value("select count(*) from preferences") == 0


def test_right_answers_are_gold_and_no_answer_is_no_rating(store):
    ingest(store, DATA / "mistakes.jsonl", format="steps", dataset="d")
    rated = store.rows("select left(text, 1) as t, attribute, value from ratings join responses using (response_id)")
    assert {tuple(row.values()) for row in rated} == {("b", "gold", 0.0), ("c", "gold", 1.0)}
    kept = json.loads(store.value('select metadata from prompt_sources where "row" = 1'))
    assert kept == {"answer": "b a", "target": "a b"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"labels": [1, 0.25, None]}, [1, 0.25, None]),
        ({"labels": [True, False, None]}, [1, 0, None]),
        ({"labels": [1, 1, 1], "mistake_index": None}, [1, 1, 1]),
        ({"label": 0}, [0, None, None]),
        ({"label": -1}, [1, 1, 1]),
        ({"mistake_index": 2}, [1, 1, 0]),
        ({"mistake_index": None}, [1, 1, 1]),
        ({"labels": None}, [None, None, None]),
        ({}, [None, None, None]),
    ],
)
@pytest.mark.parametrize("name", ["prompt", "input", "question", "problem"])
def test_every_way_to_label_steps(name, row, expected, store, tmp_path):
    path = write(tmp_path / "a.jsonl", [{name: "q", "steps": ["a", "b", "c"], **row}])
    ingest(store, path, format="steps", dataset="d")
    assert labels(store) == {"a": expected}
    assert store.value("select messages[1].content from prompts") == "q"
    assert store.value("select metadata from prompt_sources") is None


def test_csv_holds_steps_and_labels_as_json(store, tmp_path):
    path = write(tmp_path / "a.csv", [{"prompt": "q", "steps": ["a", "b"], "labels": [1, None], "model": "m"}])
    ingest(store, path, format="steps", dataset="d")
    assert labels(store) == {"a": [1, None]}
    assert store.value("select policy from generations") == "m"


def test_several_sources_may_label_the_same_steps(store, tmp_path):
    rows = [{"prompt": "q", "steps": ["a", "b"], "labels": [1, 0]}]
    path = write(tmp_path / "a.jsonl", rows)
    ingest(store, path, format="steps", dataset="d")
    ingest(store, path, format="steps", dataset="d", source_kind="judge")
    ingest(store, path, format="steps", dataset="d", source_kind="judge", options={"label_source": "mc"})
    ingest(store, path, format="steps", dataset="e")
    found = store.rows("select dataset_id, source, count(*) as n from step_labels group by all order by all")
    assert [tuple(row.values()) for row in found] == [(1, "human", 2), (1, "judge", 2), (1, "mc", 2), (2, "human", 2)]
    assert counts(store)["steps"] == 2


def test_the_same_trace_twice_is_stored_once(store, tmp_path):
    row = {"prompt": "q", "steps": ["a", "a"], "labels": [1, 0]}
    ingest(store, write(tmp_path / "a.jsonl", [row, row]), format="steps", dataset="d")
    before = content(store)
    assert (counts(store)["steps"], counts(store)["step_labels"]) == (2, 2)
    ingest(store, write(tmp_path / "b.jsonl", [row]), format="steps", dataset="d")
    assert {table for table, rows in content(store).items() if rows != before[table]} == {"prompt_sources"}


def test_a_text_is_cut_into_steps_in_one_way_and_the_other_is_told(store, tmp_path):
    one, other = (
        {"prompt": "q", "steps": steps, "labels": [1] * len(steps)} for steps in (["a\nb", "c"], ["a", "b\nc"])
    )
    first = ingest(store, write(tmp_path / "a.jsonl", [one, other]), format="steps", dataset="d")
    before = content(store)
    second = ingest(store, write(tmp_path / "b.jsonl", [other]), format="steps", dataset="d")
    note = "responses that are there cut into other steps, which were kept, and these steps left out: 1"
    assert first.notes == second.notes == (note,)
    assert [row["text"] for row in store.rows(STEPS)] == ["a\nb", "c"]
    assert content(store)["step_labels"] == before["step_labels"]
    assert all(finding.n == 0 for finding in store.doctor(everything=True))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"steps": []}, "'steps' is an empty list"),
        ({"steps": ["a", 3]}, "a step is not a text"),
        ({"steps": ["a", None]}, "a step is not a text"),
        ({"labels": [1]}, "'labels' has 1 labels for 2 steps"),
        ({"labels": [1, -1]}, "'labels' holds -1; a label is from 0 to 1, or null"),
        ({"labels": [1, "1"]}, "'labels' holds \"1\"; a label is from 0 to 1, or null"),
        ({"labels": [1, 0], "mistake_index": 1}, "'labels' and 'mistake_index' are both given"),
        ({"mistake_index": 2}, "'mistake_index' is 2, and the steps are counted from 0 to 1"),
        ({"mistake_index": 0.5}, "'mistake_index' is 0.5, and the steps are counted from 0 to 1"),
        ({"mistake_index": "first"}, "'mistake_index' is a text, not a number"),
        ({"prompt": None}, "'prompt' is missing"),
        ({"prompt": None, "question": 3}, "'question' is not a text"),
    ],
)
def test_traces_that_cannot_be_read_are_refused(row, reason, untouched, tmp_path):
    with pytest.raises(BadRowsError) as caught:
        ingest(
            untouched, write(tmp_path / "a.jsonl", [{"prompt": "q", "steps": ["a", "b"], **row}]),
            format="steps", dataset="d",
        )  # fmt: skip
    assert f"line 1: {reason}" in caught.value.problem


def test_the_source_of_labels_is_a_name(untouched):
    with pytest.raises(OptionError, match="label_source of the format 'steps' is 3"):
        ingest(untouched, DATA / "mistakes.jsonl", format="steps", dataset="d", options={"label_source": 3})
