"""List, show and drop data sets."""

import signal
from contextlib import contextmanager

import pytest
from ingesting import content, counts, write
from stocking import stock

import rmstore
from rmstore.datasets import drop_dataset, list_datasets, show_dataset
from rmstore.errors import Interrupted, StoreError, UnknownNameError
from rmstore.ingest import ingest
from rmstore.store import Store

ONE = [
    {
        "prompt": "a",
        "chosen": "b",
        "rejected": "c",
        "subset": "x",
        "split": "test",
        "chosen_model": "m",
        "score_chosen": 1,
    },
    {"prompt": "p", "chosen": "q", "rejected": "r", "subset": "y"},
]
TWO = [{"prompt": "a", "chosen": "b", "rejected": "d"}]


@pytest.fixture
def stocked(store, tmp_path):
    """A store with two data sets that share a prompt and a response."""
    ingest(store, write(tmp_path / "one.jsonl", ONE), format="pairs", dataset="one", license="MIT")
    ingest(store, write(tmp_path / "two.jsonl", TWO), format="pairs", dataset="two")
    return store


def freeze(store, name="snap"):
    """Put every response into a snapshot, without an encoder."""
    cursor = store.cursor()
    cursor.execute(
        "insert into snapshots select 1, $name, 1, 1, 'joint', null, ['one', 'two'], count(*), 0, 'f', null, null, "
        "null, timestamp '2026-01-01', null from responses",
        {"name": name},
    )
    cursor.execute("insert into snapshot_members select 1, response_id from responses")


def test_list_counts(stocked):
    rows = [
        {key: row[key] for key in row if key.startswith("n_") or key in ("name", "license", "format")}
        for row in list_datasets(stocked)
    ]
    assert rows == [
        {"name": "one", "format": "pairs", "license": "MIT", "n_files": 1, "n_rows": 2, "n_rejected": 0, "n_prompts": 2,
         "n_responses": 4, "n_preferences": 2, "n_ratings": 1, "n_steps": 0},
        {"name": "two", "format": "pairs", "license": None, "n_files": 1, "n_rows": 1, "n_rejected": 0, "n_prompts": 1,
         "n_responses": 2, "n_preferences": 1, "n_ratings": 0, "n_steps": 0},
    ]  # fmt: skip
    with rmstore.connect() as empty:
        assert list_datasets(empty) == []


def test_show_says_files_splits_subsets_policies_and_attributes(stocked, tmp_path):
    about = show_dataset(stocked, "one")
    assert [file["path"] for file in about["files"]] == [str(tmp_path / "one.jsonl")]
    assert sum(row["n_prompts"] for row in about["splits"]) == 2
    assert {row["split"]: row["n_published"] for row in about["splits"]}["test"] == 1
    assert about["subsets"] == [
        {"subset": "x", "n_prompts": 1, "n_preferences": 1}, {"subset": "y", "n_prompts": 1, "n_preferences": 1},
    ]  # fmt: skip
    assert [(row["policy"], row["n_generations"]) for row in about["policies"]] == [(None, 3), ("m", 1)]
    assert about["attributes"] == [
        {"attribute": "score", "annotator": None, "n_ratings": 1, "lowest": 1.0, "highest": 1.0}
    ]


TRACES = [
    {"prompt": "a", "steps": ["b", "e"], "mistake_index": 1},
    {"prompt": "a", "steps": ["b", "e"], "mistake_index": 1, "policy": "m"},
    {"prompt": "a", "steps": ["b"], "labels": [0.5]},
]


def test_steps_are_counted_and_dropped_with_the_responses_that_nobody_else_holds(stocked, tmp_path):
    before = content(stocked)
    ingest(stocked, write(tmp_path / "traces.jsonl", TRACES), format="steps", dataset="traces")
    about = show_dataset(stocked, "traces")
    assert about["n_steps"] == 3
    assert about["labels"] == [{"source": "human", "n_labels": 3, "n_steps": 3, "n_responses": 2, "mean_label": 0.5}]
    assert show_dataset(stocked, "two")["n_steps"] == 1, "it holds the response b as well"
    removed = drop_dataset(stocked, "traces")
    # b is a response of the other data sets too, so that its text and its one step stay
    assert (removed["n_steps"], removed["n_step_labels"], removed["n_responses"]) == (2, 3, 1)
    after = content(stocked)
    assert {table for table in after if after[table] != before[table]} == {"steps"}
    assert [row[3] for row in after["steps"]] == ["b"]


def test_a_published_split_of_one_set_moves_the_prompt_in_the_other(stocked):
    assert show_dataset(stocked, "two")["splits"] == [{"split": "test", "n_prompts": 1, "n_published": 0}]


def test_an_unknown_name_is_answered_with_a_suggestion(stocked):
    with pytest.raises(UnknownNameError, match="did you mean 'two'"):
        show_dataset(stocked, "tow")
    with pytest.raises(UnknownNameError, match="no data set is called 'three'"):
        drop_dataset(stocked, "three")


def test_drop_keeps_what_another_data_set_holds(stocked, tmp_path):
    result = drop_dataset(stocked, "one")
    assert (result["n_prompts"], result["n_responses"], result["n_preferences"], result["n_ratings"]) == (1, 3, 2, 1)
    with rmstore.connect() as clean:
        ingest(clean, write(tmp_path / "two.jsonl", TWO), format="pairs", dataset="two")
        left = content(stocked)
        left["prompt_sources"] = [
            tuple("1" if value == "2" else value for value in row) for row in left["prompt_sources"]
        ]
        for table in ("prompts", "responses"):
            assert left[table] == content(clean)[table]
        assert {t: len(rows) for t, rows in left.items()} == {t: len(rows) for t, rows in content(clean).items()}
    assert [row["name"] for row in list_datasets(stocked)] == ["two"]
    assert stocked.value("select count(*) from datasets where dropped_at is not null") == 1


def test_a_dropped_name_can_be_used_again(stocked, tmp_path):
    before = content(stocked)["preferences"]
    drop_dataset(stocked, "one")
    again = ingest(stocked, tmp_path / "one.jsonl", format="pairs", dataset="one").files[0]
    assert again.is_new and again.n_preferences == 2
    assert {row[0] for row in content(stocked)["preferences"]} == {row[0] for row in before}


def test_dropping_everything_leaves_no_content(stocked):
    drop_dataset(stocked, "one")
    drop_dataset(stocked, "two")
    found = counts(stocked)
    assert {table: n for table, n in found.items() if n} == {"datasets": 2, "dataset_files": 2}


def test_a_dry_run_says_the_same_and_leaves_all(stocked):
    freeze(stocked)
    before = content(stocked)
    planned = drop_dataset(stocked, "one", dry_run=True)
    assert content(stocked) == before and stocked.value("select n_withdrawn from snapshots") == 0
    done = drop_dataset(stocked, "one", force=True)
    assert {**done, "dry_run": True} == planned


def test_snapshots_hold_responses_unless_forced(stocked):
    freeze(stocked)
    before = content(stocked)
    with pytest.raises(StoreError, match="1 snapshots hold responses of 'one': snap@1"):
        drop_dataset(stocked, "one")
    assert content(stocked) == before
    result = drop_dataset(stocked, "one", force=True)
    assert result["snapshots"] == [{"snapshot": "snap@1", "n_withdrawn": 3}]
    assert stocked.rows("select n_rows, n_withdrawn from snapshots") == [{"n_rows": 5, "n_withdrawn": 3}]
    assert stocked.value("select count(*) from snapshot_members") == 2


def test_a_snapshot_of_shared_responses_alone_does_not_hold(stocked):
    freeze(stocked)
    kept = "select response_id from generations where dataset_id = 2"
    stocked.cursor().execute(f"delete from snapshot_members where response_id not in ({kept})")
    assert drop_dataset(stocked, "one")["snapshots"] == []
    assert stocked.value("select n_withdrawn from snapshots") == 0


def test_a_store_that_is_open_for_reading_refuses(tmp_path):
    path = tmp_path / "s.duckdb"
    with rmstore.connect(path) as store:
        ingest(store, write(tmp_path / "one.jsonl", ONE), format="pairs", dataset="one")
    with rmstore.connect(path, read_only=True) as store:
        assert [row["name"] for row in list_datasets(store)] == ["one"]
        with pytest.raises(StoreError, match="read-only"):
            drop_dataset(store, "one")


@pytest.mark.parametrize("moment", ["before the deletes", "before the commit", "after the commit"])
def test_ctrl_c_at_the_commit_does_not_deny_the_drop(store, monkeypatch, moment):
    stock(store, [("q", "a"), ("q", "b")])
    plain = Store.atomic

    @contextmanager
    def atomic(self):
        with plain(self) as cursor:
            if moment == "before the deletes":
                signal.raise_signal(signal.SIGINT)
            yield cursor
            if moment == "before the commit":
                signal.raise_signal(signal.SIGINT)
        if moment == "after the commit":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Store, "atomic", atomic)
    handler = signal.getsignal(signal.SIGINT)
    with store.interruptible():  # as on the command line
        if moment == "before the deletes":
            with pytest.raises(Interrupted):
                drop_dataset(store, "d")
        else:
            assert drop_dataset(store, "d")["n_responses"] == 2
    assert not store.stop.is_set() and signal.getsignal(signal.SIGINT) is handler
    assert store.value("select count(*) from responses") == (2 if moment == "before the deletes" else 0)
