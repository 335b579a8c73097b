"""Dropped data: vectors go with it, snapshots lose members, heads and reports say what is gone."""

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from lab import save_head
from stocking import stock

import rmstore
from rmstore import doctor, head_card, snapshots, withdrawals
from rmstore.datasets import drop_dataset
from rmstore.embedding import embed
from rmstore.errors import InputError, StoreError, UnknownNameError

ONE = [("p", "shared"), ("p", "own"), ("q", "mine")]
TWO = [("p", "shared"), ("p", "theirs")]


def answers(store, reference):
    """Texts of the members of a snapshot, in order."""
    query = (
        "select text from snapshot_members join responses using (response_id) "
        "where snapshot_id = (select snapshot_id from snapshots where name || '@' || version = $it) order by text"
    )
    return [row["text"] for row in store.rows(query, {"it": reference})]


def sound(store):
    """Whether every check is content; rows that were stocked without a file name one that is not there."""
    wrong = {finding.check for finding in doctor.check(store, everything=True) if finding.n}
    return wrong <= {"every row names a data set, file, encoder or snapshot that exists"}


def groups(store, *prompts):
    query = "select _rm_group_id([{'role': 'user', 'content': $prompt}])::varchar"
    return [store.value(query, {"prompt": prompt}) for prompt in prompts]


@pytest.fixture
def both(store):
    """Data sets one and two, which share prompt p and its response shared; snapshots of each and of both."""
    stock(store, ONE, dataset="one")
    stock(store, TWO, dataset="two")
    embed(store, ["one", "two"], snapshot="both", encoder="toy:3", layout="joint||prompt")
    embed(store, "one", snapshot="ones", encoder="toy:2", layout="response")
    embed(store, "two", snapshot="twos", encoder="toy:3", layout="response")
    return store


def test_vectors_go_unless_another_item_needs_their_text(both):
    stock(both, [("r", "own")], dataset="two")  # the text of a response that goes, as a response of another prompt
    embed(both, "two", encoder="toy:3", layout="response")
    embed(both, "one", encoder="toy:3", layout="response")
    before = both.value("select count(*) from embeddings_3_f32")
    gone = drop_dataset(both, "one", force=True)
    # own and mine: a joint and a response rendering under toy:3 and a response rendering under toy:2; prompt q: one
    assert gone["n_renderings"] == 2 * 3 + 1
    # their texts: two joint ones, mine under toy:3, own and mine under toy:2, prompt q; own under toy:3 stays for r
    assert gone["n_vectors"] == 2 + 1 + 2 + 1
    assert both.value("select count(*) from embeddings_3_f32") == before - 4
    assert both.value("select count(*) from embeddings_2_f32") == 1
    assert sound(both)


def test_a_snapshot_loses_what_its_data_sets_no_longer_show(both):
    result = drop_dataset(both, "one", force=True, reason="consent withdrawn")
    assert result["snapshots"] == [{"snapshot": "both@1", "n_withdrawn": 2}, {"snapshot": "ones@1", "n_withdrawn": 3}]
    assert answers(both, "both@1") == answers(both, "twos@1") == ["shared", "theirs"]
    assert answers(both, "ones@1") == [], "shared is there for data set two alone, which ones@1 does not show"
    lost = snapshots.show(both, "ones@1")["withdrawals"]
    assert [(row["dataset"], row["n_responses"], row["reason"]) for row in lost] == [("one", 3, "consent withdrawn")]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", lost[0]["withdrawn_at"]), "as the other times are written"
    assert snapshots.show(both, "twos")["withdrawals"] == []
    info = snapshots.resolve(both, "both")
    assert (info.n_rows, info.n_withdrawn) == (4, 2)
    assert both.value("select count(*) from rm_rows('ones')") == 0
    assert sound(both)


def test_what_was_withdrawn_does_not_come_back_with_the_data(both):
    drop_dataset(both, "one", force=True)
    stock(both, ONE, dataset="one again")
    both.sql("update datasets set name = 'one' where name = 'one again'")
    assert answers(both, "ones@1") == [] and answers(both, "both@1") == ["shared", "theirs"]
    assert both.value("select count(*) from rm_rows('ones@1')") == 0
    seen = both.rows("select dataset, text from rm_rows('both@1') join responses using (response_id) order by all")
    assert [(row["dataset"], row["text"]) for row in seen] == [
        ("one", "shared"), ("two", "shared"), ("two", "theirs"),
    ], "a response that never left is shown for both data sets"  # fmt: skip
    fresh = embed(both, "one", snapshot="ones", encoder="toy:2", layout="response").snapshot
    assert (fresh.reference, answers(both, "ones@2")) == ("ones@2", ["mine", "own", "shared"])
    assert snapshots.show(both, "ones@2")["withdrawals"] == []
    assert sound(both)


def test_heads_that_saw_the_data_say_so(both):
    p, q = groups(both, "p", "q")
    ones, twos = snapshots.resolve(both, "ones"), snapshots.resolve(both, "twos")
    save_head(both, ones, [p, q], name="of-ones")
    save_head(both, twos, [p], name="of-twos")
    loose = save_head(both, ones, [p], name="loose")
    save_head(both, ones, [q], name="old")
    both.sql("update heads set snapshot_id = null where name = 'loose'")
    both.drop_head("old")
    result = drop_dataset(both, "one", force=True, reason="licence")
    # of-twos learned group p from data set two; a head without a snapshot may have it from anywhere
    assert result["heads"] == [{"head": "loose@1", "n_groups": 1}, {"head": "of-ones@1", "n_groups": 2}]
    (row,) = withdrawals.of_head(both, loose.head_id)
    assert (row["dataset"], row["n_groups"], row["reason"]) == ("one", 1, "licence")
    assert both.head("of-ones").score(np.array([[2.0]], np.float32)).tolist() == [2.0], "its weights stay"


def test_a_head_of_another_snapshot_that_saw_a_group_which_is_gone_says_so(both):
    (q,) = groups(both, "q")
    save_head(both, snapshots.resolve(both, "twos"), [q], name="odd")
    assert drop_dataset(both, "one", force=True, dry_run=True)["heads"] == [{"head": "odd@1", "n_groups": 1}]
    assert both.value("select count(*) from withdrawals") == 0


def test_the_card_and_reports_name_licences_also_of_what_was_dropped(lab, tmp_path):
    lab.sql("update datasets set license = 'CC-BY-4.0'")
    lab.train("h", snapshot="tiny")
    n_groups = lab.value("select count(distinct group_id) from rm_pairs('tiny') where split <> 'test'")
    (known,) = head_card.card(lab, "h")["preferences"]["data_sets"]
    assert (known["name"], known["license"], known["dropped"]) == ("tiny", "CC-BY-4.0", "no")
    assert head_card.card(lab, "h")["preferences"]["withdrawn"].startswith("none")
    drop_dataset(lab, "tiny", force=True, reason="asked for")
    card = head_card.card(lab, "h")["preferences"]
    assert (card["data_sets"][0]["license"], card["data_sets"][0]["votes"]) == ("CC-BY-4.0", 0)
    assert card["data_sets"][0]["dropped"] != "no"
    (lost,) = card["withdrawn"]
    assert (lost["dataset"], lost["n_groups"], lost["reason"]) == ("tiny", n_groups, "asked for")
    ran = lab.report("accuracy", head="h", snapshot="tiny", to=tmp_path / "acc.parquet")
    stored = pq.read_schema(tmp_path / "acc.parquet").metadata
    assert json.loads(stored[b"rmstore.datasets"])[0]["license"] == "CC-BY-4.0"
    assert ran.provenance["datasets"][0]["dropped_at"] is not None
    about = ran.provenance["heads"]["head"]
    assert [(row["name"], row["license"]) for row in about["datasets"]] == [("tiny", "CC-BY-4.0")]
    assert about["withdrawn"] == card["withdrawn"]
    about = ran.provenance["snapshots"]["snapshot"]
    assert about["n_withdrawn"] == about["n_rows"] == about["withdrawn"][0]["n_responses"]


def test_a_set_that_came_back_stands_in_the_card_beside_the_one_that_went(lab, tmp_path):
    lab.train("h", snapshot="tiny")
    drop_dataset(lab, "tiny", force=True)
    lab.ingest(tmp_path / "tiny.jsonl", format="pairs", dataset="tiny", license="MIT")
    rows = head_card.card(lab, "h")["preferences"]["data_sets"]
    assert [(row["license"], row["dropped"] == "no") for row in rows] == [("unknown", False), ("MIT", True)]
    assert [row["votes"] for row in rows] == [0, 0], "what was withdrawn from the snapshot stays withdrawn"


def test_a_forced_drop_of_a_snapshot_hides_it_and_keeps_its_members_for_the_head(both):
    info = snapshots.resolve(both, "ones")
    save_head(both, info, groups(both, "q"), name="h")
    snapshots.tag(both, "ones", "paper")
    with pytest.raises(InputError, match=r"'ones@1' trained h@1[\s\S]*force"):
        snapshots.drop(both, "ones")
    snapshots.drop(both, "ones", force=True)
    assert answers(both, "ones@1") == ["mine", "own", "shared"]
    assert both.value("select count(*) from snapshot_tags") == 0
    for lookup in (snapshots.show, snapshots.resolve):
        with pytest.raises(InputError, match="'ones@1' was dropped"):
            lookup(both, "ones@1")
    with pytest.raises(UnknownNameError, match="no snapshot is called 'ones'"):
        snapshots.resolve(both, "ones")
    row = both.rows("select fingerprint, n_rows from snapshots where name = 'ones'")
    assert row == [{"fingerprint": info.fingerprint, "n_rows": 3}]
    assert sound(both)
    with pytest.raises(StoreError, match=r"both@1, ones@1 \(dropped, kept for its heads\)"):
        drop_dataset(both, "one")
    drop_dataset(both, "one", force=True)
    assert sound(both) and answers(both, "ones@1") == []


def test_a_snapshot_without_heads_loses_its_members_at_once(both):
    snapshots.drop(both, "ones", force=True)
    assert answers(both, "ones@1") == [] and sound(both)


def test_commands(cli, tmp_path):
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        stock(store, ONE, dataset="one")
        stock(store, TWO, dataset="two")
        info = embed(store, ["one", "two"], snapshot="both", encoder="toy:1", layout="joint").snapshot
        save_head(store, info, groups(store, "p"), name="h")
    done = cli("dataset", "drop", "one", "--force", "--reason", "consent withdrawn")
    assert done.code == 0 and "h@1 was trained on 1 group of prompts of one, and its weights stay" in done.err
    assert json.loads(cli("snapshot", "show", "both", "--json").out)["withdrawals"][0]["n_responses"] == 2
    assert json.loads(cli("head", "show", "h", "--json").out)["withdrawals"][0]["reason"] == "consent withdrawn"
    assert "consent withdrawn" in cli("head", "card", "h").out
    heading, line = cli("snapshot", "list").out.splitlines()
    assert heading.split()[3:5] == ["rows", "withdrawn"] and line.split()[3:5] == ["4", "2"]
    assert "trained h@1" in cli("snapshot", "drop", "both").err
    assert cli("snapshot", "drop", "both", "--force").out == "dropped both@1; its 2 members stay for h@1\n"
