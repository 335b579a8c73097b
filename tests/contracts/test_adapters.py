"""What every adapter promises: stable ids, bad lines named, twice equals once, any type of file gives the same."""

import copy
import hashlib
import uuid

import pytest
from ingesting import content, counts, empty, write

import rmstore
from rmstore.adapters import ADAPTERS
from rmstore.errors import BadRowsError, OptionError
from rmstore.ingest import ingest

JUDGED = {"instruction": "a", "output_1": "b", "generator_1": "r", "annotator": "j", "dataset": "x"}
COMPARED = {"instruction": "a", "input": "", "annotator1": 1, "annotator2": 0, "annotator3": 2}
ASKED = {"passages": [["T", "S.", "U."], ["V", "V\n\nW."]], "gold": "g", "prediction 3": "d", "prediction 4": "e"}
ERRORS = [{"error type": "Irrelevant", "start": 0, "end": 1}]
GOOD = {
    "hh": [
        {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: Go", "note": "n"},
        {
            "chosen": '\n\nHuman: A "b",\nc\n\nAssistant: d\n\nHuman: e\n\nAssistant:',
            "rejected": "\n\nHuman: f\n\nAssistant: ä",
            "note": "",
        },
    ],
    "pairs": [
        {"prompt": "a", "chosen": "b", "rejected": "c", "margin": 1.5, "subset": "x", "split": "val"},
        {"prompt": 'a\r\n"b"', "chosen": "", "rejected": "c,d\n\n", "margin": -2.0, "subset": "", "split": "TEST"},
    ],
    "responses": [
        {"prompt": "a", "response": "b", "policy": "p", "gold": 1.5, "note": "x"},
        {"prompt": "a", "response": "", "policy": "q", "gold": -0.5, "note": "2020-01-01"},
    ],
    "alpaca-eval": [
        {**JUDGED, "output_2": "c", "generator_2": "m", "preference": 1.75},
        {**JUDGED, "output_2": "b", "generator_2": "n", "preference": 1.5},
    ],
    "rewardbench2": [
        {
            "id": "7",
            "prompt": "a",
            "chosen": ["b"],
            "rejected": ["c", "d", "c"],
            "models": ["m", "n", "o", "n"],
            "num_correct": 1,
            "subset": "Focus",
        },
        {
            "id": "tied:3",
            "prompt": "ü?",
            "chosen": ["b", '"c"'],
            "rejected": [""],
            "models": ["m"],
            "num_correct": 2,
            "subset": "Ties",
        },
    ],
    "rm-bench": [
        {"id": 1, "prompt": "a", "chosen": ["b", "c", "d"], "rejected": ["e", "f", '"g"'], "subset": "s"},
        {"id": 2, "prompt": "a", "chosen": ["b"], "rejected": ["e", "ü\n"], "subset": "s"},
    ],
    "llmbar": [
        {"input": "a", "output_1": "b", "output_2": "c", "label": 1},
        {"input": "a", "output_1": "b", "output_2": "d", "label": 2},
    ],
    "ratings": [
        {"prompt": "a", "response": "b", "helpfulness": 3, "correctness": 4, "verbosity": 0.5, "length": 7},
        {"prompt": "a\n\nc", "response": "", "helpfulness": 0, "correctness": 1, "verbosity": 2.0, "length": 8},
    ],
    "qa-feedback": [
        {
            **ASKED,
            "question": "a",
            "prediction 1": "b",
            "prediction 2": "c",
            "preference": [0, 1, 2, 1, 0, 2],
            "feedback": {"errors": ERRORS, "missing-info": [], "corrected-prediction": "f"},
        },
        {
            **ASKED,
            "question": "ü?",
            "prediction 1": "",
            "prediction 2": "d",
            "preference": [1, 1, 1, 2, 2, 2],
            "feedback": {"errors": ERRORS * 2, "missing-info": [], "corrected-prediction": ""},
        },
    ],
    "pandalm": [
        {**COMPARED, "idx": 0, "response1": "b", "response2": "c", "cmp_key": "m_n"},
        {**COMPARED, "idx": 1, "response1": "", "response2": '"d"\n', "cmp_key": "n_o"},
    ],
    "npy": [
        {"file": "5f2a", "prompt_number": 0, "n_responses": 2, "rewards": [0.5, -1.5]},
        {"file": "5f2a", "prompt_number": 1, "n_responses": 1, "rewards": [2.0]},
    ],
    "steps": [
        {"prompt": "a", "steps": ["b", "c\nd", "e"], "mistake_index": 1, "answer": "x", "target": "x"},
        {"prompt": "a", "steps": ["b", '"ü"'], "mistake_index": -1, "answer": "x", "target": "y"},
    ],
}

REQUIRED = {
    "hh": "rejected", "pairs": "rejected", "responses": "response", "alpaca-eval": "output_1", "rm-bench": "chosen",
    "rewardbench2": "chosen", "llmbar": "label", "ratings": "prompt", "qa-feedback": "question",
    "pandalm": "instruction", "steps": "steps", "npy": "file",
}  # fmt: skip

formats = pytest.mark.parametrize("name", list(ADAPTERS))


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


def test_every_adapter_has_a_sample():
    assert set(GOOD) == set(REQUIRED) == set(ADAPTERS)


@formats
def test_describes_itself(name):
    adapter = ADAPTERS[name]
    assert adapter.name == name and adapter.description and adapter.__doc__


@formats
def test_twice_equals_once(name, store, tmp_path):
    path = write(tmp_path / "a.jsonl", GOOD[name])
    first = ingest(store, path, format=name, dataset="d")
    before = counts(store)
    second = ingest(store, path, format=name, dataset="d")
    assert first.files[0].is_new and first.files[0].n_responses > 0
    assert not second.files[0].is_new and "unchanged: 1" in second.notes[0]
    assert counts(store) == before


ENDINGS = ("jsonl.gz", "json.zst", "json", "parquet.gz", "parquet", "csv.gz", "tsv")


@formats
def test_the_same_rows_in_any_other_file_add_only_provenance(name, store, tmp_path):
    ingest(store, write(tmp_path / "a.jsonl", GOOD[name]), format=name, dataset="d")
    before, where = content(store), "from prompt_sources where file_id = $file order by all"
    for number, ending in enumerate(ENDINGS, 2):
        again = ingest(store, write(tmp_path / f"b.{ending}", GOOD[name]), format=name, dataset="d").files[0]
        assert again.is_new, ending
        after = content(store)
        assert {table for table in after if after[table] != before[table]} == {"prompt_sources"}, ending
        # csv writes every value as text, in the metadata too
        columns = 'select prompt_id, "row", subset, split' + ("" if ending[:3] in ("csv", "tsv") else ", metadata")
        assert store.rows(f"{columns} {where}", {"file": number}) == store.rows(f"{columns} {where}", {"file": 1}), (
            ending
        )


@formats
def test_rows_made_records_in_slices_give_the_same(name, store, tmp_path, monkeypatch):
    rows = [*GOOD[name], spoilt(name, "missing"), *GOOD[name]]
    path, aside = write(tmp_path / "a.jsonl", rows), tmp_path / "aside.jsonl"
    whole = ingest(store, path, format=name, dataset="d", on_error="skip", rejects=aside)
    before = content(store)
    empty(store)
    monkeypatch.setattr("rmstore.staging._SLICE", 2)
    assert ingest(store, path, format=name, dataset="d", on_error="skip", rejects=aside).notes == whole.notes
    after = content(store)
    for table in before:
        assert after[table] == before[table], table


def spoilt(name, how):
    row = copy.deepcopy(GOOD[name][0])
    if how == "missing":
        del row[REQUIRED[name]]
    elif how == "null":
        row[REQUIRED[name]] = None
    else:
        row[REQUIRED[name]] = True
    return row


@formats
@pytest.mark.parametrize("how", ["missing", "null", "wrong type"])
def test_a_bad_line_is_named_and_nothing_is_written(name, how, untouched, tmp_path):
    path = write(tmp_path / "a.jsonl", [GOOD[name][0], spoilt(name, how), GOOD[name][1]])
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, path, format=name, dataset="d")
    assert f"{path} line 2: '{REQUIRED[name]}' is " in caught.value.problem


@formats
def test_skipping_keeps_the_good_rows_and_puts_the_bad_ones_aside(name, store, tmp_path):
    path = write(tmp_path / "a.jsonl", [GOOD[name][0], spoilt(name, "missing"), GOOD[name][1]])
    aside = tmp_path / "aside.jsonl"
    result = ingest(store, path, format=name, dataset="d", on_error="skip", rejects=aside).files[0]
    assert (result.n_rows, result.n_rejected, result.rejected_file) == (3, 1, aside)
    assert len(aside.read_text().splitlines()) == 1
    with rmstore.connect() as clean:
        ingest(clean, write(tmp_path / "b.jsonl", GOOD[name]), format=name, dataset="d")
        for table in ("prompts", "responses", "generations", "ratings", "steps", "step_labels"):
            assert content(store)[table] == content(clean)[table]


@formats
def test_metadata_keeps_what_is_not_stored_elsewhere(name, store, tmp_path):
    rows = [{**row, "unheard of": {"deep": [1, None, "ü"]}, "a/b~c": None} for row in GOOD[name]]
    ingest(store, write(tmp_path / "a.jsonl", rows), format=name, dataset="d")
    kept = {row["m"] for row in store.rows("select metadata -> '/unheard of' as m from prompt_sources")}
    assert kept == {'{"deep":[1,null,"ü"]}'}
    assert store.value(
        "select count(*) from prompt_sources where json_type(metadata, '/a~1b~0c') = 'NULL'"
    ) == store.value("select count(*) from prompt_sources")


@formats
def test_columns_for_subset_and_split_can_be_chosen(name, store, tmp_path):
    rows = [{**row, "topic": "sea", "part": part} for row, part in zip(GOOD[name], ("dev", "training"), strict=True)]
    options = {"subset_column": "topic", "split_column": "part"}
    ingest(store, write(tmp_path / "a.jsonl", rows), format=name, dataset="d", options=options)
    seen = {(row["subset"], row["split"]) for row in store.rows("select subset, split from prompt_sources")}
    assert seen == {("sea", "valid"), ("sea", "train")}
    assert {row["subset"] for row in store.rows("select subset from generations")} == {"sea"}


@formats
def test_unknown_options_are_refused_with_a_suggestion(name):
    with pytest.raises(OptionError, match="did you mean 'subset_column'"):
        ADAPTERS[name]({"subset_colum": "x"})
    with pytest.raises(OptionError, match="split_column"):
        ADAPTERS[name]({"split_column": 3})


def an_id(kind, *fields):
    body = "".join("-" if field is None else f"{len(field.encode())}:{field}" for field in fields)
    return str(uuid.UUID(hashlib.sha256(f"rmstore/1/{kind}/{body}".encode()).hexdigest()[:32]))


def test_ids_follow_the_published_rule(store, tmp_path):
    row = {"prompt": "ä", "chosen": "b", "rejected": "c", "margin": 1.5, "chosen_model": "m", "score_chosen": 0.1}
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="pairs", dataset="d")
    prompt = an_id("prompt", "user", "ä")
    chosen, rejected = an_id("response", prompt, "b"), an_id("response", prompt, "c")
    by_m = an_id("generation", chosen, "d", None, "m", None, "sampled")
    by_none = an_id("generation", rejected, "d", None, None, None, "sampled")
    vote = an_id("preference", by_m, by_none, "d", None, "human", "1.0", "1.5", None, "1")
    rating = an_id("rating", chosen, "d", "score", None, "0.1")
    found = store.rows(
        "select prompt_id, group_id, chosen_id, rejected_id, preference_id, rating_id "
        "from prompts, preferences, ratings"
    )[0]
    expected = (prompt, an_id("group", "ä"), chosen, rejected, vote, rating)
    assert tuple(str(value) for value in found.values()) == expected
    assert {str(row["generation_id"]) for row in store.rows("from generations")} == {by_m, by_none}


def test_ids_of_steps_follow_the_published_rule(store, tmp_path):
    row = {"prompt": "ä", "steps": ["b", "c"], "mistake_index": 1}
    ingest(store, write(tmp_path / "a.jsonl", [row]), format="steps", dataset="d")
    response = an_id("response", an_id("prompt", "user", "ä"), "b\nc")
    found = store.rows("select step_id, response_id, step, text, label from steps join step_labels using (step_id)")
    assert sorted(tuple(str(value) for value in line.values()) for line in found) == sorted(
        (an_id("step", response, str(step), text), response, str(step), text, label)
        for step, text, label in ((1, "b", "1.0"), (2, "c", "0.0"))
    )


def test_ids_of_literals_never_change(store, tmp_path):
    ingest(store, write(tmp_path / "a.jsonl", GOOD["pairs"][:1]), format="pairs", dataset="d")
    found = store.rows("select prompt_id, group_id, chosen_id, rejected_id, preference_id from prompts, preferences")[0]
    assert [str(value) for value in found.values()] == [
        "1a1d19f4-a44d-bb81-cfca-44bb4e89d46b",
        "fcf3791b-5c70-7172-fc69-5e4530a4c003",
        "6f1a3056-b555-d3f5-3abb-6f60cab1e93f",
        "71f7c661-f7a7-5ccc-5715-4bbb749e47cc",
        "6de3e502-4aa0-4ac4-e98d-db30b5cbd2a7",
    ]
