"""Ingest as a whole: what is new goes in once, all or nothing, and every oddity is said."""

import json
import signal
import subprocess
import sys

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingesting import content, counts, write

import rmstore
from rmstore.errors import (
    BadFileError,
    BadRowsError,
    Interrupted,
    InvalidNameError,
    OptionError,
    StoreError,
    UnknownNameError,
)
from rmstore.ingest import ingest

ROW = {"prompt": "a", "chosen": "b", "rejected": "c"}


@pytest.fixture(scope="module")
def untouched():
    """A store that stays empty, whatever a test tries with it."""
    with rmstore.connect() as opened:
        yield opened
        assert set(counts(opened).values()) == {0}


def pairs(path, *rows):
    return write(path, [{**ROW, **row} for row in rows])


def test_counts_what_was_new(store, tmp_path):
    first = ingest(store, pairs(tmp_path / "a.jsonl", {}, {"chosen": "d"}), format="pairs", dataset="d").files[0]
    assert (first.n_rows, first.n_prompts, first.n_responses, first.n_preferences) == (2, 1, 3, 2)
    second = ingest(store, pairs(tmp_path / "b.jsonl", {}, {"chosen": "e"}), format="pairs", dataset="d").files[0]
    assert (second.n_rows, second.n_prompts, second.n_responses, second.n_preferences) == (2, 0, 1, 1)
    facts = store.rows(
        "select path, n_rows, n_responses, n_preferences, n_rejected from dataset_files order by file_id"
    )
    assert [tuple(row.values()) for row in facts] == [(first.path, 2, 3, 2, 0), (second.path, 2, 1, 1, 0)]


def test_two_data_sets_share_content_and_keep_their_own_provenance(store, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {})
    ingest(store, path, format="pairs", dataset="one", license="MIT")
    ingest(store, path, format="pairs", dataset="two")
    found = counts(store)
    assert (found["prompts"], found["responses"], found["generations"], found["preferences"]) == (1, 2, 4, 2)
    licences = {row["name"]: row["license"] for row in store.rows("from datasets")}
    assert licences == {"one": "MIT", "two": None}


def test_a_licence_can_be_given_later(store, tmp_path):
    ingest(store, pairs(tmp_path / "a.jsonl", {}), format="pairs", dataset="d")
    ingest(store, pairs(tmp_path / "b.jsonl", {"chosen": "x"}), format="pairs", dataset="d", license="MIT")
    assert store.rows("select name, license from datasets") == [{"name": "d", "license": "MIT"}]


def test_the_same_file_with_other_options_is_read_again(store, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {})
    ingest(store, path, format="pairs", dataset="d")
    again = ingest(store, path, format="pairs", dataset="d", subset="s").files[0]
    assert again.is_new
    assert {row["subset"] for row in store.rows("from preferences")} == {None, "s"}
    assert not ingest(store, path, format="pairs", dataset="d", subset="s").files[0].is_new


def test_given_subset_split_and_source_beat_the_columns_which_stay_as_metadata(store, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {"subset": "x", "split": "nonsense", "source": "judge"})
    ingest(store, path, format="pairs", dataset="d", subset="mine", split="test", source_kind="simulated")
    row = store.rows("from prompt_sources")[0]
    assert (row["subset"], row["split"]) == ("mine", "test")
    assert json.loads(row["metadata"]) == {"subset": "x", "split": "nonsense"}
    assert store.value("select source from preferences") == "simulated"


def test_a_prob_below_half_turns_the_vote_round(store, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {"prob": 0.25, "margin": 2})
    ingest(store, path, format="pairs", dataset="d")
    row = store.rows(
        "select c.text as chosen, r.text as rejected, prob, margin from preferences "
        "join responses as c on chosen_id = c.response_id join responses as r on rejected_id = r.response_id"
    )[0]
    assert tuple(row.values()) == ("c", "b", 0.75, -2.0)


def test_a_tie_is_ordered_by_id_whichever_way_it_is_written(store, tmp_path):
    one = pairs(tmp_path / "a.jsonl", {"prob": 0.5, "margin": 0})
    two = pairs(tmp_path / "b.jsonl", {"chosen": "c", "rejected": "b", "prob": 0.5, "margin": 0})
    assert "ties: 1" in ingest(store, one, format="pairs", dataset="d").notes
    ingest(store, two, format="pairs", dataset="d")
    found = store.rows("select chosen_id, rejected_id, margin from preferences")
    assert len(found) == 1 and found[0]["chosen_id"] < found[0]["rejected_id"]


def test_identical_votes_of_one_file_all_survive(store, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {}, {}, {"annotator": "x"}, {})
    result = ingest(store, path, format="pairs", dataset="d")
    assert result.files[0].n_preferences == 4
    assert "votes that repeat another vote of the same file: 2" in result.notes
    assert [row["occurrence"] for row in store.rows('from preferences order by "row"')] == [1, 2, 1, 3]


def test_equal_texts_of_two_policies_are_two_votes(store, tmp_path):
    one = pairs(tmp_path / "a.jsonl", {"chosen_model": "m"})
    two = pairs(tmp_path / "b.jsonl", {"chosen_model": "n"})
    ingest(store, [one, two], format="pairs", dataset="d")
    assert counts(store)["preferences"] == 2


def test_a_vote_between_identical_responses_is_kept_and_said(store, tmp_path):
    result = ingest(store, pairs(tmp_path / "a.jsonl", {"rejected": "b"}), format="pairs", dataset="d")
    assert result.notes == ("votes between identical responses: 1",)
    assert store.value("select count(*) from preferences where chosen_id = rejected_id") == 1


def test_published_splits_are_normalised_and_disputes_counted(store, tmp_path):
    splits = ["train", "Training", "valid", "validation", "val", "dev", "test", "eval", "evaluation", "", None]
    path = pairs(tmp_path / "a.jsonl", *({"split": split} for split in splits))
    result = ingest(store, path, format="pairs", dataset="d")
    found = [row["split"] for row in store.rows('from prompt_sources order by "row"')]
    assert found == ["train"] * 2 + ["valid"] * 4 + ["test"] * 3 + [None] * 2
    assert "groups whose published splits disagree (test beats valid beats train): 1" in result.notes


def test_all_is_what_reports_call_the_total_and_names_nothing(store, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {"subset": "all"}, {"subset": "half"})
    with pytest.raises(InvalidNameError, match="'all' is not a name for a data set: reports call all of them so"):
        ingest(store, path, format="pairs", dataset="all")
    for subset in ("all", ""):
        with pytest.raises(OptionError, match=f"subset is '{subset}'\n  hint: give a name, but not 'all', which is"):
            ingest(store, path, format="pairs", dataset="d", subset=subset)
    ingest(store, path, format="pairs", dataset="d")
    assert [row["subset"] for row in store.rows('from prompt_sources order by "row"')] == [None, "half"]


def test_an_unknown_split_is_named(untouched, tmp_path):
    with pytest.raises(BadRowsError, match="line 1: the split is 'train_prefs', not train, valid or test"):
        ingest(untouched, pairs(tmp_path / "a.jsonl", {"split": "train_prefs"}), format="pairs", dataset="d")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"margin": "wide"}, "'margin' is a text, not a number"),
        ({"margin": float("nan")}, "a margin is not finite"),
        ({"margin": float("inf")}, "a margin is not finite"),
        ({"prob": 1.5}, "a preference probability is not between 0 and 1"),
        ({"prob": float("nan")}, "a preference probability is not between 0 and 1"),
        ({"weight": -1}, "a weight is negative or not finite"),
        ({"weight": float("inf")}, "a weight is negative or not finite"),
        ({"score_chosen": float("-inf")}, "a rating is not finite"),
        ({"chosen_logp": float("nan")}, "a log-probability is not finite"),
        ({"prompt": None}, "'prompt' is missing, and a side that is a text does not hold it"),
        ({"prompt": 3}, "'prompt' is a number, not a text or a list"),
        ({"chosen": {"role": "assistant"}}, "'chosen' is an object, not a text or a list"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_are_refused(row, reason, untouched, tmp_path):
    with pytest.raises(BadRowsError) as caught:
        ingest(untouched, pairs(tmp_path / "a.jsonl", {}, row), format="pairs", dataset="d")
    assert f"line 2: {reason}" in caught.value.problem


def test_many_bad_rows_are_counted_and_the_first_shown(untouched, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {}, *({"chosen": None} for _ in range(8)))
    with pytest.raises(BadRowsError, match=r"8 of 9 rows are bad(.|\n)*line 6: (.|\n)*and 3 more"):
        ingest(untouched, path, format="pairs", dataset="d")


def test_a_file_of_bad_rows_alone_is_refused_even_when_skipping(untouched, tmp_path):
    path = write(tmp_path / "a.jsonl", [{"question": "a"}])
    with pytest.raises(BadRowsError, match="every row is bad(.|\n)*is 'pairs' the right format"):
        ingest(untouched, path, format="pairs", dataset="d", on_error="skip", rejects=tmp_path / "aside.jsonl")
    assert not (tmp_path / "aside.jsonl").exists()


def test_files_before_a_bad_one_stay(store, tmp_path):
    good, bad = pairs(tmp_path / "a.jsonl", {}), pairs(tmp_path / "b.jsonl", {"chosen": None}, {"chosen": "d"})
    with pytest.raises(BadRowsError, match=r"b\.jsonl line 1"):
        ingest(store, [good, bad], format="pairs", dataset="d")
    assert counts(store)["dataset_files"] == 1
    result = ingest(store, [good, bad], format="pairs", dataset="d", on_error="skip", rejects=tmp_path / "aside.jsonl")
    assert [file.is_new for file in result.files] == [False, True]


def test_the_side_file_says_file_line_reason_and_content(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data.jsonl"
    path.write_text('\n{"prompt": "a", "chosen": "b", "rejected": "c"}\n\n{"prompt": "ü"\n{"prompt": "a"}\n')
    result = ingest(store, path, format="pairs", dataset="d", on_error="skip").files[0]
    assert str(result.rejected_file) == "data.jsonl.rejected.jsonl"
    rows = [json.loads(line) for line in result.rejected_file.read_text(encoding="utf-8").splitlines()]
    assert [(row["file"], row["place"], row["content"]) for row in rows] == [
        (str(path), "line 4", '{"prompt": "ü"'),
        (str(path), "line 5", '{"prompt": "a"}'),
    ]
    assert rows[0]["reason"].startswith("not valid JSON: ") and rows[1]["reason"] == "'chosen' is missing"


def test_one_side_file_takes_the_bad_rows_of_all_files(store, tmp_path):
    files = [pairs(tmp_path / f"{name}.jsonl", {"chosen": name}, {"chosen": None}) for name in "xyz"]
    aside = tmp_path / "aside.jsonl"
    ingest(store, files, format="pairs", dataset="d", on_error="skip", rejects=aside)
    assert [json.loads(line)["file"] for line in aside.read_text().splitlines()] == [str(file) for file in files]


def test_a_side_file_replaces_an_earlier_one_and_nothing_else(store, tmp_path):
    path, aside = pairs(tmp_path / "a.jsonl", {}, {"chosen": None}), tmp_path / "aside.jsonl"
    ingest(store, path, format="pairs", dataset="one", on_error="skip", rejects=aside)
    ingest(store, path, format="pairs", dataset="two", on_error="skip", rejects=aside)
    assert len(aside.read_text().splitlines()) == 1
    before = path.read_text()
    with pytest.raises(BadFileError, match="is in the way and is no side file"):
        ingest(store, path, format="pairs", dataset="three", on_error="skip", rejects=path)
    assert path.read_text() == before
    assert store.value("select count(*) from datasets where name = 'three'") == 0


def test_a_dry_run_counts_and_leaves_nothing(untouched, tmp_path):
    one = pairs(tmp_path / "a.jsonl", {}, {"chosen": None})
    two = pairs(tmp_path / "b.jsonl", {}, {"chosen": "d"})
    aside = tmp_path / "aside.jsonl"
    result = ingest(untouched, [one, two], format="pairs", dataset="d", dry_run=True, on_error="skip", rejects=aside)
    assert result.dry_run
    assert [(file.n_prompts, file.n_responses, file.n_rejected) for file in result.files] == [(1, 2, 1), (0, 1, 0)]
    assert not aside.exists()


def test_a_dry_run_reads_a_damaged_file_line_by_line(untouched, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(ROW) + "\n{\n")
    result = ingest(untouched, tmp_path / "a.jsonl", format="pairs", dataset="d", dry_run=True, on_error="skip")
    assert (result.files[0].n_rows, result.files[0].n_rejected) == (2, 1)


def test_progress_is_in_bytes_and_ends_at_the_total(store, tmp_path):
    files = [pairs(tmp_path / f"{name}.jsonl", {"chosen": name}) for name in "xy"]
    told = []
    ingest(store, files, format="pairs", dataset="d", progress=lambda *now: told.append(now))
    done, totals, notes = zip(*told, strict=True)
    assert list(done) == sorted(done) and done[-1] == totals[0] == sum(file.stat().st_size for file in files)
    assert notes[-1] == f"{files[-1]}: done"


def test_ctrl_c_leaves_nothing_of_the_file(store, tmp_path):
    def press(done, total, note):
        if "inserting" in note:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        ingest(store, pairs(tmp_path / "a.jsonl", {}), format="pairs", dataset="d", progress=press)
    assert set(counts(store).values()) == {0}
    assert ingest(store, pairs(tmp_path / "a.jsonl", {}), format="pairs", dataset="d").files[0].is_new


KILL = """
import os, signal, sys, rmstore
from rmstore.ingest import ingest
def tracer(sql):
    if sys.argv[2] in sql:
        os.kill(os.getpid(), signal.SIGKILL)
store = rmstore.connect(sys.argv[1])
with store.trace(tracer):
    ingest(store, sys.argv[3:], format="pairs", dataset="d")
"""


def test_killed_anywhere_a_second_run_finishes(tmp_path):
    files = [pairs(tmp_path / f"{name}.jsonl", {"chosen": name}, {}) for name in "xy"]
    with rmstore.connect() as clean:
        ingest(clean, files, format="pairs", dataset="d")
        expected = content(clean)
    for place in ("insert into rm.main.preferences", "insert into rm.main.dataset_files"):
        path = tmp_path / f"{place[-5:]}.duckdb"
        ended = subprocess.run([sys.executable, "-c", KILL, path, place, *files], capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        with rmstore.connect(path) as store:
            assert set(counts(store).values()) == {0}
            ingest(store, files, format="pairs", dataset="d")
            assert content(store) == expected


def test_a_store_that_is_open_for_reading_refuses(tmp_path):
    rmstore.connect(tmp_path / "s.duckdb").close()
    path = pairs(tmp_path / "a.jsonl", {})
    with rmstore.connect(tmp_path / "s.duckdb", read_only=True) as store, pytest.raises(StoreError, match="read-only"):
        ingest(store, path, format="pairs", dataset="d")


def test_a_connection_that_loses_the_order_of_rows_is_refused(tmp_path):
    with rmstore.connect() as store:
        store.con.execute("set preserve_insertion_order = false")
        with pytest.raises(StoreError, match="set preserve_insertion_order = true"):
            ingest(store, pairs(tmp_path / "a.jsonl", {}), format="pairs", dataset="d")


def test_a_connection_of_the_user_ingests_as_well(store, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {})
    ingest(store, path, format="pairs", dataset="d")
    with duckdb.connect() as con:
        con.execute("create table prompts (a integer)")
        attached = rmstore.attach(con, tmp_path / "s.duckdb")
        ingest(attached, path, format="pairs", dataset="d")
        assert counts(attached)["dataset_files"] == 1
        assert attached.value("select list(prompt_id) from rm.main.prompts") == store.value(
            "select list(prompt_id) from prompts"
        )
        assert con.execute("select count(*) from prompts").fetchone() == (0,)
        attached.close()


def test_arguments_are_checked_before_anything_is_read(untouched, tmp_path):
    path = pairs(tmp_path / "a.jsonl", {})
    with pytest.raises(UnknownNameError, match="did you mean 'pairs'"):
        ingest(untouched, path, format="pair", dataset="d")
    with pytest.raises(InvalidNameError, match="data set"):
        ingest(untouched, path, format="pairs", dataset="no spaces")
    for name, value in (("split", "all"), ("source_kind", "cat"), ("on_error", "ignore")):
        with pytest.raises(OptionError, match=f"{name} is '{value}'"):
            ingest(untouched, path, format="pairs", dataset="d", **{name: value})


odd = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "\x00",
        "a\x00b",
        '"',
        "'",
        "\\",
        "\n\r\n",
        "\u2028",
        "\ufeff",
        "e\u0301",
        "é",
        "🏳️‍🌈",
        "NULL",
        "2020-01-01",
        "0012",
    ]
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries({"prompt": odd, "chosen": odd, "rejected": odd}), min_size=1, max_size=8))
def test_texts_survive_exactly(rows, store, tmp_path):
    store.con.execute("truncate rm.main.prompts; truncate rm.main.responses; truncate rm.main.dataset_files")
    ending = ("jsonl", "json", "parquet")[len(rows) % 3]
    ingest(store, write(tmp_path / f"a.{ending}", rows), format="pairs", dataset="d")
    found = store.rows("select messages[1].content as prompt, text from responses join prompts using (prompt_id)")
    expected = {(row["prompt"], row[side]) for row in rows for side in ("chosen", "rejected")}
    assert {(row["prompt"], row["text"]) for row in found} == expected
    assert len(found) == len(expected)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries({"prompt": odd, "chosen": odd, "rejected": odd}), min_size=1, max_size=8))
def test_csv_read_by_the_engine_and_line_by_line_is_the_same(rows, store, tmp_path):
    path = write(tmp_path / "a.csv", rows)
    if b"\x00" in path.read_bytes()[:4096]:
        return
    texts = "select list((text) order by text) from responses"
    seen = []
    for extra in (b"", b'"unfinished'):
        store.con.execute("truncate rm.main.prompts; truncate rm.main.responses; truncate rm.main.dataset_files")
        path.write_bytes(path.read_bytes() + extra)
        result = ingest(store, path, format="pairs", dataset="d", on_error="skip", rejects=tmp_path / "aside.jsonl")
        seen.append(store.value(texts))
        assert result.files[0].n_rejected == bool(extra)
    assert seen[0] == seen[1]
    assert set(seen[0]) == {row[side] for row in rows for side in ("chosen", "rejected")}
