"""restore: an older version becomes the latest again, as a version of its own."""

import json

import pytest
from stocking import stock

from rmstore import snapshots
from rmstore.embedding import embed
from rmstore.errors import InputError, UnknownNameError


@pytest.fixture
def two(store):
    """A store with s@1, three responses under toy:3, and s@2, four under toy:4."""
    stock(store, [("a", "one"), ("a", "two"), ("b", "three")])
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint", where="text <> 'never'", author="me")
    stock(store, [("c", "four")])
    embed(store, "d", snapshot="s", encoder="toy:4", layout="joint||response")
    return store


def test_a_restore_is_a_new_version_with_the_old_content(two):
    before = two.rows("select * from rm_rows('s@1') order by all")
    vectors = two.value("select count(*) from embeddings_3_f32")
    info, is_new = two.restore_snapshot("s@1")
    old = two.snapshot("s@1")
    assert is_new and (info.reference, info.message, info.author) == ("s@3", "restore of s@1", None)
    assert two.snapshot("s") == info and info.parent == two.snapshot("s@2").snapshot_id
    for field in ("encoder", "layout", "datasets", "where", "n_rows", "fingerprint"):
        assert getattr(info, field) == getattr(old, field), field
    assert two.rows("select * from rm_rows('s') order by all") == before
    assert two.value("select count(*) from embeddings_3_f32") == vectors
    assert two.diff("s@1", "s").n_kept == 3
    assert two.restore_snapshot("s@2", message="no better", author="you")[0].message == "no better"


def test_what_is_the_latest_already_is_left_alone(two):
    assert two.restore_snapshot("s") == (two.snapshot("s@2"), False)
    two.restore_snapshot("s@1")
    assert two.restore_snapshot("s@1") == (two.snapshot("s@3"), False)
    assert len(two.snapshots("s")) == 3


def test_tags_stay_where_they_are(two):
    two.tag_snapshot("s@1", "paper")
    assert two.restore_snapshot("s@paper")[0].version == 3
    assert two.snapshot("s@paper").version == 1


def test_what_was_withdrawn_does_not_come_back(two):
    stock(two, [("x", "secret")], dataset="w")
    embed(two, ["d", "w"], snapshot="s", encoder="toy:3", layout="joint")
    embed(two, "d", snapshot="s", encoder="toy:4", layout="joint")
    embed(two, "w", snapshot="alone", encoder="toy:3")
    embed(two, "w", snapshot="alone", encoder="toy:4")
    two.drop_dataset("w", force=True)
    info, is_new = two.restore_snapshot("s@3")
    assert is_new and (info.n_rows, info.n_withdrawn, info.datasets) == (4, 0, ("d", "w"))
    assert info.fingerprint != two.snapshot("s@3").fingerprint
    assert two.restore_snapshot("s@3") == (info, False)
    with pytest.raises(InputError, match="all 1 responses of snapshot 'alone@1' were withdrawn"):
        two.restore_snapshot("alone@1")


def test_the_latest_after_a_withdrawal_is_compared_as_it_is_now(store):
    stock(store, [("a", "one"), ("b", "two")])
    stock(store, [("x", "secret")], dataset="w")
    both = {"encoder": "toy:3", "layout": "joint"}
    embed(store, ["d", "w"], snapshot="s", **both)
    embed(store, ["d", "w"], snapshot="s", where="true", **both)
    embed(store, ["d", "w"], snapshot="s", **both)
    store.drop_dataset("w", force=True)
    assert store.restore_snapshot("s@1") == (store.snapshot("s@3"), False)
    assert store.restore_snapshot("s@2")[1]


def test_versions_that_are_not_there(two):
    with pytest.raises(UnknownNameError, match="s@9"):
        two.restore_snapshot("s@9")
    snapshots.drop(two, "s@1")
    with pytest.raises(InputError, match="was dropped"):
        two.restore_snapshot("s@1")


def test_a_failure_leaves_no_half(two, monkeypatch):
    seen = []

    def fail(text):
        if "snapshot_members select" in text:
            seen.append(text)
            raise RuntimeError("the disk is full")

    with two.trace(fail), pytest.raises(RuntimeError):
        two.restore_snapshot("s@1")
    assert seen and len(two.snapshots("s")) == 2
    assert two.value("select count(*) from snapshot_members") == 3 + 4
    assert two.restore_snapshot("s@1")[0].version == 3


def test_the_command_line_says_what_does_not_come_back(cli, tmp_path):
    assert cli("init").code == 0
    for name in ("d", "w"):
        source = tmp_path / f"{name}.jsonl"
        source.write_text(json.dumps({"prompt": name, "chosen": "a bb", "rejected": "ccc"}) + "\n", encoding="utf-8")
        assert cli("ingest", source, "--format", "pairs", "--dataset", name).code == 0
    for encoder in ("toy:3", "toy:4"):
        assert cli("embed", "d", "w", "--snapshot", "s", "--encoder", encoder, "--layout", "joint").code == 0
    assert cli("dataset", "drop", "w", "--force").code == 0
    done = cli("snapshot", "restore", "s@1")
    assert done.out == "s@3: 2 responses, toy:3, joint; 2 more were withdrawn and do not come back\n", done.err
    assert json.loads(cli("snapshot", "restore", "s@2", "--json").out)["withdrawn"] == 2


def test_the_command_line(cli, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"prompt": "p", "chosen": "a bb", "rejected": "ccc"}\n', encoding="utf-8")
    assert cli("init").code == 0 and cli("ingest", pairs, "--format", "pairs", "--dataset", "d").code == 0
    for encoder in ("toy:3", "toy:4"):
        assert cli("embed", "d", "--snapshot", "s", "--encoder", encoder, "--layout", "joint").code == 0
    assert cli("snapshot", "restore", "s@1").out == "s@3: 2 responses, toy:3, joint\n"
    assert "has this content already" in cli("snapshot", "restore", "s@1").out
    made = json.loads(cli("snapshot", "restore", "s@2", "-m", "back", "--json").out)
    assert made == {"snapshot": "s@4", "rows": 2, "withdrawn": 0, "is_new": True}
    assert json.loads(cli("snapshot", "list", "--json").out)[-1]["message"] == "back"
