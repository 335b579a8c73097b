"""Formats with ratings or several votes per pair: ratings, qa-feedback and pandalm, by tiny files or literal rows."""

import json
from pathlib import Path

import pytest
from ingesting import content, counts, empty, write

import rmstore
from rmstore.errors import BadFileError, BadRowsError, OptionError
from rmstore.ingest import ingest

DATA = Path(__file__).parent / "data"
VOTES = """
    select c.text as chosen, r.text as rejected, prob, annotator, source
    from preferences
    join responses as c on chosen_id = c.response_id
    join responses as r on rejected_id = r.response_id
    order by "row", annotator, chosen, rejected
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


def turns(store):
    return [
        [(turn["role"], turn["content"]) for turn in row["messages"]]
        for row in store.rows("select messages from prompts order by messages::varchar")
    ]


def ratings(store):
    rows = store.rows("select text, attribute, annotator, value from ratings join responses using (response_id)")
    return {(row["text"], row["attribute"]): row["value"] for row in rows}


def metadata(store):
    return [
        json.loads(row["metadata"] or "{}") for row in store.rows('select metadata from prompt_sources order by "row"')
    ]


def votes(store, *columns):
    return [tuple(vote[column] for column in columns) for vote in store.rows(VOTES)]


# ratings


def test_ultrafeedback_ratings_are_texts_and_not_available_is_no_rating(store):
    options = {"subset_column": "source"}
    ingest(store, DATA / "ultrafeedback.jsonl", format="ratings", dataset="d", options=options)
    assert ratings(store) == {
        ("Red.", "helpfulness"): 4, ("Red.", "instruction_following"): 5, ("Red.", "truthfulness"): 3,
        ("Red.", "overall_score"): 6.5, ("Red.", "fine-grained_score"): 4,
        ("", "helpfulness"): 1, ("", "honesty"): 2, ("", "instruction_following"): 1,
        ("", "fine-grained_score"): pytest.approx(4 / 3),
    }  # fmt: skip
    made = store.rows("select policy, subset from generations order by policy")
    assert made == [{"policy": "alpaca-7b", "subset": "evol_instruct"}, {"policy": "bard", "subset": "evol_instruct"}]
    assert turns(store) == [[("user", "Name a colour.")]]
    kept = metadata(store)[0]
    assert set(kept) == {"completions", "correct_answers", "incorrect_answers", "models"}
    first = kept["completions"][0]
    assert set(first) == {"annotations", "critique", "custom_system_prompt", "principle"}
    assert first["annotations"]["honesty"]["Rationale"] == "No claim."


def test_helpsteer_rows_rate_by_columns_and_a_missing_one_is_no_rating(store):
    result = ingest(store, DATA / "helpsteer.jsonl", format="ratings", dataset="d")
    assert result.notes == ("empty responses, or of white space alone: 1",)
    assert {key[1]: value for key, value in ratings(store).items() if key[0] == " "} == {
        "helpfulness": 0, "coherence": 3, "complexity": 1,
    }  # fmt: skip
    assert len(ratings(store)) == 8
    assert [("user", "Hi\n<extra_id_1>Assistant\nHello.\n<extra_id_1>User\nBye")] in turns(store)
    assert metadata(store) == [{}, {}]


def test_helpsteer_csv_gives_the_same_ratings(store, tmp_path):
    rows = [json.loads(line) for line in (DATA / "helpsteer.jsonl").read_text().splitlines()]
    filled = [{**rows[0], **row, "correctness": row["correctness"] or ""} for row in rows]
    ingest(store, write(tmp_path / "a.csv", filled), format="ratings", dataset="d")
    assert ratings(store)[" ", "coherence"] == 3 and (" ", "correctness") not in ratings(store)
    assert ratings(store)["Bye.", "correctness"] == 4


def test_unieval_context_is_a_system_turn_and_equal_texts_keep_both_ratings(store):
    result = ingest(store, DATA / "unieval.json", format="ratings", dataset="d")
    assert turns(store) == [[("system", "nobody asked .\n"), ("user", "hi \n how are you ? \n\n")]]
    assert counts(store)["responses"] == 1 and counts(store)["generations"] == 2
    values = [
        (row["attribute"], row["value"])
        for row in store.rows("select attribute, value from ratings order by attribute, value")
    ]
    assert values == [("overall", 2.3333333333), ("understandability", 0), ("understandability", 1)]
    assert result.notes == ("ratings that repeat another rating of the same file, stored once: 1",)


def test_unieval_csv_holds_the_scores_as_json(store, tmp_path):
    ingest(store, DATA / "unieval.json", format="ratings", dataset="d")
    before = content(store)
    rows = json.loads((DATA / "unieval.json").read_text())
    ingest(store, write(tmp_path / "a.csv", rows), format="ratings", dataset="d")
    assert {table for table, rows in content(store).items() if rows != before[table]} == {"prompt_sources"}


def test_numbers_that_are_no_attributes_stay_in_the_metadata_unless_named(store, tmp_path):
    path = write(tmp_path / "a.jsonl", [{"prompt": "q", "response": "a", "helpfulness": 1, "warmth": 0.5}])
    ingest(store, path, format="ratings", dataset="d")
    assert ratings(store) == {("a", "helpfulness"): 1} and metadata(store) == [{"warmth": 0.5}]
    ingest(store, path, format="ratings", dataset="e", options={"attributes": ["warmth"]})
    assert ratings(store) == {("a", "helpfulness"): 1, ("a", "warmth"): 0.5}
    assert {"helpfulness": 1} in metadata(store)


@pytest.mark.parametrize("value", ["helpfulness", ["prompt"], [3]])
def test_attributes_must_be_a_list_of_other_columns(value, untouched):
    with pytest.raises(OptionError, match="attributes of the format 'ratings' is"):
        ingest(untouched, DATA / "helpsteer.jsonl", format="ratings", dataset="d", options={"attributes": value})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"helpfulness": "high"}, "'helpfulness' is not a number"),
        ({"helpfulness": float("inf")}, "a rating is not finite"),
        ({"helpfulness": [1]}, "'helpfulness' is not a number"),
        ({"scores": [1]}, "'scores' is not an object"),
        ({"scores": {"fluency": {"Rating": "five"}}}, "'fluency' is not a number"),
        ({"scores": {}}, "it has no ratings"),
        ({"response": 3, "helpfulness": 1}, "'response' is not a text"),
        ({"response": None, "helpfulness": 1}, "'response' is missing"),
        ({"completions": []}, "'completions' is an empty list"),
        ({"completions": ["a"]}, "a response is not an object"),
        ({"completions": "a"}, "'completions' is a text, not a list"),
        ({"prompt": None, "source": 3, "helpfulness": 1}, "'source' is neither a text nor a list"),
    ],
)
def test_ratings_that_cannot_be_read_are_refused(row, reason, untouched, tmp_path):
    path = write(tmp_path / "a.jsonl", [{"prompt": "q", "response": "a", **row}])
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, path, format="ratings", dataset="d")
    assert f"line 1: {reason}" in caught.value.problem


# qa-feedback


def test_qa_feedback_prompts_are_passages_then_the_question(store):
    ingest(store, DATA / "qa_feedback.json", format="qa-feedback", dataset="d")
    passages = "Moon\n\nTwo people landed. Ann was first.\n\nAnn\nShe flew."
    assert turns(store) == [
        [("system", passages), ("user", "Who was first?")], [("user", "Who was last?")],
    ]  # fmt: skip


def test_qa_feedback_comparisons_ties_and_origins(store):
    result = ingest(store, DATA / "qa_feedback.json", format="qa-feedback", dataset="d")
    assert result.notes == (
        "empty responses, or of white space alone: 1",
        "ties: 4",
        "corrected predictions that are empty, left out: 1",
    )
    first = """
        select c.text as chosen, r.text as rejected, prob
        from preferences
        join responses as c on chosen_id = c.response_id join responses as r on rejected_id = r.response_id
        where "row" = 1 and prob = 1
    """
    bob = "Bob was. Bob was. It rained."
    assert {(row["chosen"], row["rejected"]) for row in store.rows(first)} == {
        ("Ann.", bob), ("Ann was.", bob), ("Ann.", ""), ("Ann was.", ""), (bob, ""),
    }  # fmt: skip
    origins = "select origin, count(*) as n from generations group by origin order by origin"
    assert [tuple(row.values()) for row in store.rows(origins)] == [("augmented", 1), ("reference", 2), ("sampled", 8)]


def test_qa_feedback_errors_of_the_first_prediction_are_counted_downwards(store):
    ingest(store, DATA / "qa_feedback.json", format="qa-feedback", dataset="d")
    found = ratings(store)
    assert {key[0] for key in found} == {"Bob was. Bob was. It rained.", "Nobody."}
    assert {key[1]: value for key, value in found.items() if key[0] != "Nobody."} == {
        "wrong-grounding": -2, "redundant": -1, "irrelevant": -1, "unverifiable": 0, "incoherent": 0,
        "missing-info": -1,
    }  # fmt: skip
    assert {value for key, value in found.items() if key[0] == "Nobody."} == {0}
    kept = metadata(store)[0]
    assert set(kept) == {"feedback"} and set(kept["feedback"]) == {"errors", "missing-info"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"preference": [1, 2]}, "'preference' has 2 comparisons, not 6"),
        ({"preference": [1, 2, 3, 0, 0, 0]}, "'preference' holds something other than 0, 1 and 2"),
        ({"passages": ["Moon"]}, "a passage is not a list of texts"),
        ({"feedback": {"errors": [{"start": 0}]}}, "an error has no type"),
        ({"prediction 3": None}, "'prediction 3' is null"),
    ],
)
def test_qa_feedback_refuses_what_cannot_be_read(change, reason, untouched, tmp_path):
    row = {**json.loads((DATA / "qa_feedback.json").read_text())[0], **change}
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, write(tmp_path / "a.jsonl", [row]), format="qa-feedback", dataset="d")
    assert f"line 1: {reason}" in caught.value.problem


def test_qa_feedback_without_feedback_has_no_ratings(store, tmp_path):
    row = json.loads((DATA / "qa_feedback.json").read_text())[0]
    del row["feedback"], row["gold"]
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="qa-feedback", dataset="d")
    assert (counts(store)["ratings"], counts(store)["responses"]) == (0, 4)


# pandalm


def test_pandalm_three_annotators_give_three_votes(store):
    result = ingest(store, DATA / "pandalm_testset.json", format="pandalm", dataset="d")
    assert result.notes == (
        "empty responses, or of white space alone: 1",
        "ties: 1",
        "pairs with a response that is no text, taken as JSON writes it: 1",
    )
    found = votes(store, "chosen", "rejected", "prob", "annotator")
    assert found[:2] == [("true", "True.", 1, "annotator1"), ("True.", "true", 1, "annotator2")]
    assert (found[2][2:], set(found[2][:2])) == ((0.5, "annotator3"), {"true", "True."})
    assert found[3:] == [("A text.", "", 1, f"annotator{n}") for n in (1, 2, 3)]
    assert turns(store) == [[("user", "Verify.\n\n1 < 2")], [("user", "Write.")]]
    made = store.rows("select policy, text from generations join responses using (response_id) order by all")
    assert [tuple(row.values()) for row in made] == [
        ("bloom-7b", "true"), ("llama-7b", "A text."), ("llama-7b", "True."), ("opt-7b", ""),
    ]  # fmt: skip
    assert metadata(store) == [{"idx": 7, "motivation_app": "Wolfram alpha"}, {"idx": 8, "motivation_app": "Notion"}]


def test_pandalm_verdicts_join_the_pairs_of_the_test_set_by_idx(store):
    ingest(store, DATA / "pandalm_testset.json", format="pandalm", dataset="d")
    before = content(store)
    options = {"test_set": str(DATA / "pandalm_testset.json")}
    result = ingest(store, DATA / "pandalm_verdicts.json", format="pandalm", dataset="d", options=options)
    assert result.files[0].n_preferences == 1
    assert "verdicts that are garbage, kept as metadata alone: 1" in result.notes
    judged = [vote for vote in votes(store, "prob", "annotator", "source", "chosen", "rejected") if vote[2] == "judge"]
    assert [(*vote[:3], set(vote[3:])) for vote in judged] == [(0.5, "gpt", "judge", {"true", "True."})]
    after = content(store)
    assert {table for table in after if after[table] != before[table]} == {"prompt_sources", "preferences"}
    kept = 'select metadata from prompt_sources where file_id = 2 order by "row"'
    assert [json.loads(row["metadata"]).get("gpt_result") for row in store.rows(kept)] == ["garbage", None]
    again = ingest(store, DATA / "pandalm_verdicts.json", format="pandalm", dataset="d", options=options)
    assert not again.files[0].is_new and content(store) == after


def test_pandalm_verdicts_are_read_again_once_the_test_set_has_changed(store, tmp_path):
    pairs = json.loads((DATA / "pandalm_testset.json").read_text())
    options = {"test_set": str(write(tmp_path / "set.json", pairs))}
    path = write(tmp_path / "a.jsonl", [{"idx": 7, "gpt_result": "0"}])
    ingest(store, path, format="pandalm", dataset="d", options=options)
    write(tmp_path / "set.json", [{**pairs[0], "response1": "Yes."}])
    again = ingest(store, path, format="pandalm", dataset="d", options=options).files[0]
    assert (again.is_new, again.n_responses, again.n_preferences) == (True, 1, 1)
    assert [vote[0] for vote in votes(store, "prob")] == [0.5, 0.5]


def test_pandalm_verdicts_alone_bring_their_pairs(store, tmp_path):
    """A test set that is jsonl beside verdicts that are csv, and no pair of it ingested before."""
    rows = json.loads((DATA / "pandalm_testset.json").read_text())
    options = {"test_set": str(write(tmp_path / "set.jsonl", rows))}
    path = write(tmp_path / "a.csv", [{"idx": 8, "pandalm_result": 2}, {"idx": 7, "pandalm_result": 1}])
    ingest(store, path, format="pandalm", dataset="d", options=options)
    assert votes(store, "chosen", "rejected", "annotator") == [("", "A text.", "pandalm"), ("true", "True.", "pandalm")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"idx": 9, "gpt_result": "1"}, "the test set has 0 pairs with idx 9"),
        ({"idx": 7, "gpt_result": "3"}, "'gpt_result' is 3, not 0, 1, 2, Tie or garbage"),
        ({"idx": 7, "gpt_result": None}, "'gpt_result' is empty, not 0, 1, 2, Tie or garbage"),
        ({"idx": 7}, "it has 0 columns that end in _result, not one"),
        ({"gpt_result": "1"}, "'idx' is missing"),
    ],
)
def test_pandalm_verdicts_that_cannot_be_read_are_refused(row, reason, untouched, tmp_path):
    options = {"test_set": str(DATA / "pandalm_testset.json")}
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, write(tmp_path / "a.jsonl", [row]), format="pandalm", dataset="d", options=options)
    assert f"line 1: {reason}" in caught.value.problem


@pytest.mark.parametrize(("change", "said"), [({"annotator2": 3}, "3"), ({"annotator2": ""}, "empty")])
def test_pandalm_votes_are_0_1_or_2(change, said, untouched, tmp_path):
    row = {**json.loads((DATA / "pandalm_testset.json").read_text())[0], **change}
    with pytest.raises(BadRowsError, match=f"line 1: 'annotator2' is {said}, not 0, 1 or 2"):
        ingest(untouched, write(tmp_path / "a.jsonl", [row]), format="pandalm", dataset="d")


def test_pandalm_a_test_set_must_be_one_file_that_is_there(untouched, tmp_path):
    for given, error in ((3, OptionError), (str(DATA / "pandalm_*.json"), OptionError), ("none.json", BadFileError)):
        with pytest.raises(error):
            ingest(
                untouched, DATA / "pandalm_verdicts.json", format="pandalm", dataset="d", options={"test_set": given}
            )
