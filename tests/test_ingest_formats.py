"""The oddities of each format, one tiny file or a literal row each."""

import json
from math import log
from pathlib import Path

import pytest
from ingesting import counts, empty, write

import rmstore
from rmstore.errors import BadRowsError, OptionError
from rmstore.ingest import ingest

DATA = Path(__file__).parent / "data"


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


VOTES = """
    select c.text as chosen, r.text as rejected, prob, source, annotator
    from preferences
    join responses as c on chosen_id = c.response_id
    join responses as r on rejected_id = r.response_id
    order by "row", chosen, rejected
"""


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


def prompts(store):
    return [row["messages"] for row in store.rows("select messages from prompts order by messages::varchar")]


def texts(store):
    return {row["text"] for row in store.rows("select text from responses")}


def ratings(store):
    rows = store.rows("select text, attribute, annotator, value from ratings join responses using (response_id)")
    return {(row["text"], row["attribute"], row["annotator"]): row["value"] for row in rows}


def metadata(store):
    return [
        json.loads(row["metadata"] or "{}") for row in store.rows('select metadata from prompt_sources order by "row"')
    ]


# hh


def test_hh_prompts_of_a_pair_may_differ(store):
    result = ingest(store, DATA / "hh_differing_prompts.jsonl", format="hh", dataset="d")
    assert result.notes == ("rows whose responses have different prompts: 1",)
    assert prompts(store) == [[user("How are you today?")], [user("How are you?")]]
    assert texts(store) == {" Fine.", " Well."}


def test_hh_responses_may_be_empty_and_keep_their_space(store):
    result = ingest(store, DATA / "hh_empty_response.jsonl", format="hh", dataset="d")
    assert "empty responses, or of white space alone: 2" in result.notes
    assert texts(store) == {" ", " No.", " Ok.", ""}


def test_hh_human_inside_a_line_does_not_split(store):
    ingest(store, DATA / "hh_inline_human.jsonl", format="hh", dataset="d")
    inside = "Human: hello\nAssistant: hi\n\nHuman:no space"
    assert prompts(store) == [[user("Write a dialogue."), assistant(inside), user("Shorter.")]]
    assert texts(store) == {"  Human: a", " No"}


def test_hh_a_transcript_can_be_put_together_again(store):
    ingest(store, DATA / "hh_inline_human.jsonl", format="hh", dataset="d")
    speakers = {"user": "\n\nHuman: ", "assistant": "\n\nAssistant: "}
    rebuilt = {
        "".join(speakers[turn["role"]] + turn["content"] for turn in row["messages"]) + "\n\nAssistant:" + row["text"]
        for row in store.rows("select messages, text from responses join prompts using (prompt_id)")
    }
    original = json.loads((DATA / "hh_inline_human.jsonl").read_text(encoding="utf-8"))
    assert rebuilt == {original["chosen"], original["rejected"]}


def test_hh_text_before_the_first_turn_is_a_system_turn(store, tmp_path):
    row = {
        "chosen": "Be kind.\n\nHuman: Hi\n\nAssistant: Yo",
        "rejected": "\n\nAssistant: Hm\n\nHuman: Hi\n\nAssistant: Yo",
    }
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="hh", dataset="d")
    assert prompts(store) == [[assistant("Hm"), user("Hi")], [system("Be kind."), user("Hi")]]


def test_hh_without_an_assistant_turn_or_a_prompt_is_refused(untouched, tmp_path):
    with pytest.raises(BadRowsError, match="line 2: 'chosen' has no assistant turn"):
        ingest(untouched, DATA / "hh_no_assistant.jsonl", format="hh", dataset="d")
    row = {"chosen": "\n\nHuman: Hi\n\nAssistant: Yo", "rejected": "\n\nAssistant: Yo"}
    with pytest.raises(BadRowsError, match="line 1: it has no prompt"):
        ingest(untouched, write(tmp_path / "a.jsonl", [row]), format="hh", dataset="d")


# pairs


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "chosen": "b", "rejected": "c"},
        {"prompt": [user("q")], "chosen": "b", "rejected": "c"},
        {"prompt": [user("q")], "chosen": [assistant("b")], "rejected": [assistant("c")]},
        {"prompt": "q", "chosen": [assistant("b")], "rejected": "c"},
        {"prompt": "q", "chosen": [user("q"), assistant("b")], "rejected": [user("q"), assistant("c")]},
        {"chosen": [user("q"), assistant("b")], "rejected": [user("q"), assistant("c")]},
        {"prompt": None, "chosen": [user("q"), assistant("b")], "rejected": [user("q"), assistant("c")]},
    ],
)
def test_pairs_text_and_chat_are_the_same_pair(row, store, tmp_path):
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="pairs", dataset="d")
    assert prompts(store) == [[user("q")]]
    assert [(vote["chosen"], vote["rejected"]) for vote in store.rows(VOTES)] == [("b", "c")]
    assert metadata(store) == [{}]


def test_pairs_keep_system_turns_and_several_turns(store, tmp_path):
    talk = [system("s"), user("1"), assistant("2"), user("3")]
    row = {"chosen": [*talk, assistant("b")], "rejected": [*talk, assistant("c")]}
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="pairs", dataset="d")
    assert prompts(store) == [talk]


def test_pairs_chat_sides_may_have_prompts_of_their_own(store, tmp_path):
    row = {"chosen": [user("q"), assistant("b")], "rejected": [user("p"), assistant("b")]}
    result = ingest(store, write(tmp_path / "a.jsonl", [row]), format="pairs", dataset="d")
    assert "rows whose responses have different prompts: 1" in result.notes
    assert counts(store)["prompt_sources"] == 2


def test_pairs_what_a_message_holds_beyond_its_content_stays_in_the_metadata(store, tmp_path):
    side = [{**user("q"), "name": "ann"}, assistant("b")]
    row = {"prompt": "other", "chosen": side, "rejected": [user("q"), assistant("c")], "source": "evol"}
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="pairs", dataset="d")
    assert metadata(store) == [{"prompt": "other", "chosen": side, "source": "evol"}]
    assert store.value("select source from preferences") == "human"


def test_pairs_take_the_columns_of_trl_and_rewardbench(store, tmp_path):
    row = {
        "id": 7, "prompt": "q", "chosen": "b", "rejected": "c", "chosen_model": "m", "rejected_model": 3,
        "subset": "chat", "margin": 0.5, "weight": 2, "annotator": "ann", "source": "judge", "score_chosen": 4,
        "score_rejected": "1.5",
        "chosen_logp": -3.5,
    }  # fmt: skip
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="pairs", dataset="d")
    vote = store.rows("select prob, margin, weight, annotator, source, subset from preferences")[0]
    assert tuple(vote.values()) == (1.0, 0.5, 2.0, "ann", "judge", "chat")
    found = {(row["policy"], row["logp"], row["subset"], row["origin"]) for row in store.rows("from generations")}
    assert found == {("m", -3.5, "chat", "sampled"), ("3", None, "chat", "sampled")}
    assert ratings(store) == {("b", "score", "ann"): 4.0, ("c", "score", "ann"): 1.5}
    assert metadata(store) == [{"id": 7}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"chosen": [], "rejected": "c"}, "'chosen' is an empty list"),
        ({"chosen": ["x"], "rejected": "c"}, "'chosen' has a message without a role"),
        ({"chosen": [{"role": "assistant"}], "rejected": "c"}, "'chosen' has a message whose content is not a text"),
        (
            {"chosen": "b", "rejected": [{"role": "assistant", "content": ["c"]}]},
            "'rejected' has a message whose content is not a text",
        ),
        ({"chosen": [user("q")], "rejected": "c"}, "'chosen' ends with a turn of 'user'"),
        ({"prompt": [], "chosen": "b", "rejected": "c"}, "'prompt' is an empty list"),
        (
            {"prompt": None, "chosen": [assistant("b")], "rejected": [user("q"), assistant("c")]},
            "'prompt' is missing, and a side has no turn before the response",
        ),
    ],
)  # fmt: skip
def test_pairs_refuse_broken_chats(row, reason, untouched, tmp_path):
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, write(tmp_path / "a.jsonl", [{"prompt": "q", **row}]), format="pairs", dataset="d")
    assert f"line 1: {reason}" in caught.value.problem


# responses


def test_responses_flat_rows_give_ratings_from_numeric_columns(store):
    ingest(store, DATA / "responses_flat.jsonl", format="responses", dataset="d", options={"subset_column": "topic"})
    found = ratings(store)
    assert found["It is wet.", "gold", None] == 0.5 and found["", "gold", None] == -1.0
    assert {key[1] for key in found} == {"gold", "helpful", "harmless", "correct", "verbosity"}
    assert {(row["policy"], row["subset"]) for row in store.rows("from generations")} == {
        ("small", "nature"), ("large", "nature"),
    }  # fmt: skip
    assert metadata(store) == [{}, {}]


def test_responses_columns_of_ratings_can_be_named(store):
    options = {"attributes": ["helpful"]}
    ingest(store, DATA / "responses_flat.jsonl", format="responses", dataset="d", options=options)
    assert {key[1] for key in ratings(store)} == {"gold", "helpful"}
    assert metadata(store)[0] == {"topic": "nature", "harmless": 0.25, "correct": 1, "verbosity": 2}


@pytest.mark.parametrize("value", ["helpful", ["prompt"], [3]])
def test_responses_attributes_must_be_a_list_of_other_columns(value, untouched):
    with pytest.raises(OptionError, match="attributes of the format 'responses' is"):
        ingest(untouched, DATA / "responses_flat.jsonl", format="responses", dataset="d", options={"attributes": value})


def test_responses_csv_has_no_types_so_ratings_are_named(store, tmp_path):
    rows = [{"prompt": "q", "response": "a", "gold": "1.5", "helpful": "2", "n": "3"}, {"prompt": "q", "response": "b", "gold": "", "helpful": "", "n": ""}]  # fmt: skip  # noqa: E501
    path = write(tmp_path / "a.csv", rows)
    ingest(store, path, format="responses", dataset="d", options={"attributes": ["helpful"]})
    assert ratings(store) == {("a", "gold", None): 1.5, ("a", "helpful", None): 2.0}
    assert metadata(store)[0] == {"n": "3"}


def test_responses_lists_give_many_responses_per_prompt(store):
    ingest(store, DATA / "responses_many.jsonl", format="responses", dataset="d")
    assert ratings(store) == {
        ("1", "gold", None): 0.1, ("2", "gold", None): 0.9, ("a", "gold", None): 1.0, ("b", "short", None): 1.0,
    }  # fmt: skip
    policies = "select policy, count(*) as n from generations group by all order by policy nulls last"
    assert [tuple(row.values()) for row in store.rows(policies)] == [("m", 1), ("p", 2), (None, 1)]
    assert metadata(store) == [{}, {"responses": [{"note": "first"}, {}]}]
    assert counts(store)["preferences"] == 0


def test_responses_take_other_names_and_leave_identifiers_alone(store, tmp_path):
    row = {
        "instruction": "q",
        "output": "a",
        "generator": "g",
        "reward": 2,
        "score": 3,
        "id": 4,
        "task_id": 5,
        "x": 6,
        "ok": True,
    }
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="responses", dataset="d")
    assert ratings(store) == {("a", "gold", None): 2.0, ("a", "score", None): 3.0, ("a", "x", None): 6.0}
    assert metadata(store) == [{"id": 4, "task_id": 5, "ok": True}]
    assert store.value("select policy from generations") == "g"


def test_responses_generations_keep_what_is_known_of_them(store, tmp_path):
    row = {"prompt": [system("s"), user("q")], "response": "a", "logp": -2.5, "n_tokens": 7, "origin": "crossed",
           "variant": "v", "annotator": "ann", "ratings": {"a/b": 1}}  # fmt: skip
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="responses", dataset="d")
    made = store.rows("select logp, n_tokens, origin, variant from generations")[0]
    assert tuple(made.values()) == (-2.5, 7, "crossed", "v")
    assert ratings(store) == {("a", "a/b", "ann"): 1.0}
    assert prompts(store) == [[system("s"), user("q")]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": None, "response": "a"}, "'prompt' is missing"),
        ({"response": True}, "'response' is not a text"),
        ({"responses": []}, "'responses' is an empty list"),
        ({"responses": "a"}, "'responses' is a text, not a list"),
        ({"responses": ["a", 3]}, "a response is neither a text nor an object"),
        ({"responses": [{"note": "a"}]}, "'response' is missing"),
        ({"responses": ["a", "b"], "gold": [1]}, "'gold' has 1 numbers for 2 responses"),
        ({"response": "a", "gold": "high"}, "'gold' is not a number"),
        ({"response": "a", "gold": float("nan")}, "a rating is not finite"),
        ({"response": "a", "ratings": [1]}, "'ratings' is not an object"),
        ({"response": "a", "ratings": {"x": "y"}}, "'x' is not a number"),
    ],
)  # fmt: skip
def test_responses_refuse_what_cannot_be_read(row, reason, untouched, tmp_path):
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, write(tmp_path / "a.jsonl", [{"prompt": "q", **row}]), format="responses", dataset="d")
    assert f"line 1: {reason}" in caught.value.problem


# alpaca-eval


def test_alpaca_identical_outputs_are_one_response_of_two_generations(store):
    result = ingest(store, DATA / "alpaca_same_outputs.json", format="alpaca-eval", dataset="d")
    assert result.notes == ("votes between identical responses: 1", "ties: 1")
    found = counts(store)
    assert (found["responses"], found["generations"], found["preferences"]) == (1, 2, 1)
    assert metadata(store) == [{"raw_completion": None, "price_per_example": None, "time_per_example": None}]


def test_alpaca_keys_may_be_missing_or_more_and_the_reference_is_stored_once(store):
    ingest(store, DATA / "alpaca_missing_keys.json", format="alpaca-eval", dataset="d")
    origins = "select origin, count(*) as n from generations group by all order by origin"
    assert [tuple(row.values()) for row in store.rows(origins)] == [("reference", 1), ("sampled", 3)]
    votes = [tuple(vote.values()) for vote in store.rows(VOTES)]
    assert votes == [
        ("Blue.", "Red.", 0.75, "judge", "gpt"),
        ("Blue.", "", 1.0, "judge", "gpt"),
        ("Pick me!", "Blue.", 1.0, "judge", "gpt"),
    ]  # fmt: skip
    found = ratings(store)
    assert found["Red.", "win_prob", "gpt"] == 0.25 and found["Red.", "gold", "gpt"] == pytest.approx(log(1 / 3))
    assert found["Pick me!", "gold", "gpt"] == pytest.approx(log(1e6 - 1)) == -found["", "gold", "gpt"]
    assert ("Blue.", "gold", "gpt") not in found
    assert metadata(store)[2] == {"datasplit": "eval", "raw_completion": {"tokens": ["m", None]}}
    assert {row["subset"] for row in store.rows("from prompt_sources")} == {"helpful_base"}


@pytest.mark.parametrize(
    ("value", "reason"), [(2.5, "'preference' is 2.5, not between 1 and 2"), (None, "'preference' is null")]
)
def test_alpaca_preferences_lie_between_1_and_2(value, reason, untouched, tmp_path):
    row = json.loads((DATA / "alpaca_same_outputs.json").read_text())[0]
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, write(tmp_path / "a.json", [{**row, "preference": value}]), format="alpaca-eval", dataset="d")
    assert f"record 1: {reason}" in caught.value.problem


# rm-bench


def test_rm_bench_lists_become_nine_votes_by_style_and_repeated_texts_one_response(store):
    result = ingest(store, DATA / "rm_bench_repeated_text.json", format="rm-bench", dataset="d").files[0]
    assert (result.n_rows, result.n_prompts, result.n_preferences) == (2, 1, 9 + 2)
    styles = "select text, variant from generations join responses using (response_id) order by all"
    found = [tuple(row.values()) for row in store.rows(styles)]
    assert found.count(("4", "concise")) == found.count(("4", "detailed")) == found.count(("4", None)) == 1
    assert ("**5**", "markdown") in found and ("6", None) in found
    assert {row["source"] for row in store.rows("from preferences")} == {"constructed"}
    assert {row["subset"] for row in store.rows("from preferences")} == {"alpacaeval"}
    kept = metadata(store)
    lists = [[kept_row.pop("chosen_ids"), kept_row.pop("rejected_ids")] for kept_row in kept]
    assert kept == [{"id": 8, "error_key": "sum", "error": "off by one"}, {"id": 9, "language": "en"}]
    texts = {str(row["response_id"]): row["text"] for row in store.rows("from responses")}
    rows = json.loads((DATA / "rm_bench_repeated_text.json").read_text())
    assert [[[texts[one] for one in side] for side in sides] for sides in lists] == [
        [row["chosen"], row["rejected"]] for row in rows
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"chosen": []}, "'chosen' is an empty list"),
        ({"rejected": []}, "'rejected' is an empty list"),
        ({"chosen": ["a", None]}, "a response is not a text"),
        ({"chosen": "a"}, "'chosen' is a text, not a list"),
    ],
)
def test_rm_bench_refuses_what_is_no_list_of_texts(row, reason, untouched, tmp_path):
    good = {"prompt": "q", "chosen": ["a"], "rejected": ["b"]}
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, write(tmp_path / "a.jsonl", [{**good, **row}]), format="rm-bench", dataset="d")
    assert f"line 1: {reason}" in caught.value.problem


# rewardbench2

ITEM = {"id": "1", "prompt": "q", "chosen": ["a"], "rejected": ["b", "b", "c"], "subset": "Math"}


def test_rewardbench2_items_become_votes_of_every_chosen_against_every_rejected(store, tmp_path):
    rows = [
        {**ITEM, "models": ["m", "n", "n", "o"], "total_completions": 4, "additional_metadata": {"k": 1}},
        {**ITEM, "id": "tied:4", "subset": "Ties", "chosen": ["a", "d"], "models": ["p"]},
    ]
    result = ingest(store, write(tmp_path / "a.jsonl", rows), format="rewardbench2", dataset="d").files[0]
    assert (result.n_rows, result.n_prompts, result.n_responses, result.n_preferences) == (2, 1, 4, 3 + 6)
    policies = "select subset, text, policy from generations join responses using (response_id) order by all"
    assert [tuple(row.values()) for row in store.rows(policies)] == [
        ("Math", "a", "m"), ("Math", "b", "n"), ("Math", "c", "o"),
        ("Ties", "a", "p"), ("Ties", "b", "p"), ("Ties", "c", "p"), ("Ties", "d", "p"),
    ]  # fmt: skip
    kept = metadata(store)
    assert [len(row.pop("rejected_ids")) for row in kept] == [3, 3]
    assert [len(row.pop("chosen_ids")) for row in kept] == [1, 2]
    assert kept == [{"id": "1", "total_completions": 4, "additional_metadata": {"k": 1}}, {"id": "tied:4"}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"rejected": []}, "'rejected' is an empty list"),
        ({"chosen": ["a", 1]}, "a response is not a text"),
        ({"models": ["m", "n"]}, "'models' names 2 for 4 responses"),
        ({"subset": "Ties"}, "the 'id' of a row of Ties is '1', not ref:… or tied:…"),
        ({"id": None}, "'id' is null"),
    ],
)
def test_rewardbench2_refuses_what_its_report_could_not_read(row, reason, untouched, tmp_path):
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, write(tmp_path / "a.jsonl", [{**ITEM, **row}]), format="rewardbench2", dataset="d")
    assert f"line 1: {reason}" in caught.value.problem


# llmbar


def test_llmbar_identical_and_blank_outputs_keep_their_label(store):
    result = ingest(
        store, DATA / "llmbar_same_outputs.json", format="llmbar", dataset="d", subset="Processed/LLMEval^2"
    )
    assert result.notes == ("empty responses, or of white space alone: 1", "votes between identical responses: 1")
    votes = [(vote["chosen"], vote["rejected"], vote["source"]) for vote in store.rows(VOTES)]
    assert votes == [("123", "123", "human"), (" \n", "Nothing.", "human")]
    assert {row["subset"] for row in store.rows("from preferences")} == {"Processed/LLMEval^2"}


@pytest.mark.parametrize("label", [0, 3, 1.5])
def test_llmbar_labels_are_1_or_2(label, untouched, tmp_path):
    row = {"input": "q", "output_1": "a", "output_2": "b", "label": label}
    with pytest.raises(BadRowsError, match=f"line 1: 'label' is {label}, not 1 or 2"):
        ingest(untouched, write(tmp_path / "a.jsonl", [row]), format="llmbar", dataset="d")
