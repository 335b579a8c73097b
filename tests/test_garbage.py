"""Garbage collection: what nothing needs goes, what a head or a snapshot needs stays."""

import json

import pytest
from ingesting import write
from lab import save_head
from stocking import stock

import rmstore
from rmstore import doctor, garbage, snapshots
from rmstore.embedding import embed
from rmstore.errors import Interrupted, StoreError
from rmstore.ingest import ingest

ROWS = [("p", "one"), ("p", "two"), ("q", "three")]
TRACES = [{"prompt": "p", "steps": ["a", "b"], "labels": [1, 0]}, {"prompt": "p", "steps": ["c"], "labels": [1]}]


def renderings(store):
    """Renderings as (encoder, part) -> number."""
    rows = store.rows(
        "select name, part, count(*) as n from renderings join encoders using (encoder_id) group by all order by all"
    )
    return {(row["name"], row["part"]): row["n"] for row in rows}


def vectors(store):
    """Vectors as table -> number."""
    tables = [row["table_name"] for row in store.run("doctor/embedding_tables")]
    return {table: store.value(f"select count(*) from {table}") for table in tables}


def sound(store):
    """Whether every check is content; rows that were stocked without a file name one that is not there."""
    wrong = {finding.check for finding in doctor.check(store, everything=True) if finding.is_wrong}
    return wrong <= {"every row names a data set, file, encoder or snapshot that exists"}


def removed(store, **options):
    """Collect, and return what went as encoder -> (renderings, vectors)."""
    found = garbage.collect(store, **options)
    return {spare.encoder: (spare.n_renderings, spare.n_vectors) for spare in found.encoders}


@pytest.fixture
def three(store):
    """Three responses to two prompts under toy:2 and toy:3, in layouts joint||prompt and response."""
    stock(store, ROWS)
    embed(store, "d", snapshot="wide", encoder="toy:3", layout="joint||prompt")
    embed(store, "d", snapshot="plain", encoder="toy:2", layout="response")
    return store


def test_nothing_goes_while_every_vector_is_needed(three):
    before = renderings(three), vectors(three)
    found = garbage.collect(three)
    assert (found.encoders, found.n_members, found.kept, found.n_bytes) == ((), 0, (), 0)
    assert (renderings(three), vectors(three)) == before


def test_parts_that_no_layout_has_go_and_texts_of_kept_items_stay(three):
    stock(three, [("q", "q"), ("r", "three")], dataset="e")
    embed(three, ["d", "e"], encoder="toy:3", layout="response||prompt")  # frozen nowhere
    # needed: three joints and the prompts p, q. Spare: the responses one, two, three (twice), q, and the prompt r
    assert removed(three, dry_run=True) == {"toy:3": (6, 4)}, "q as a response has the text of the prompt q"
    assert removed(three) == {"toy:3": (6, 4)}
    assert renderings(three) == {("toy:2", "response"): 3, ("toy:3", "joint"): 3, ("toy:3", "prompt"): 2}
    assert removed(three) == {} and sound(three)
    assert three.value("select count(*) from rm_rows('wide')") == 3


def test_a_product_in_a_layout_needs_both_parts(store):
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint||prompt*response")
    assert removed(store) == {}
    assert store.value("select count(*) from rm_rows('s')") == 3


def test_a_dry_run_says_the_same_and_leaves_all(three):
    snapshots.drop(three, "wide")
    before = renderings(three), vectors(three)
    planned = garbage.collect(three, dry_run=True)
    assert (renderings(three), vectors(three)) == before
    done = garbage.collect(three)
    assert planned.encoders == done.encoders and planned.dry_run and not done.dry_run
    (spare,) = done.encoders
    # three joints and two prompts, five texts of 3 floats with encoder, text id and checksum
    assert (spare.n_renderings, spare.n_vectors, spare.n_bytes) == (5, 5, 5 * (3 * 4 + 24))


def test_steps_stay_with_the_snapshot_of_their_responses(store, tmp_path):
    ingest(store, write(tmp_path / "traces.jsonl", TRACES), format="steps", dataset="t")
    embed(store, "t", snapshot="s", encoder="toy:3", layout="joint", steps=True)
    embed(store, "t", snapshot="u", encoder="toy:2", layout="joint", steps=True, where="text = 'c'")
    assert renderings(store)[("toy:3", "step")] == 3
    assert removed(store) == {}
    snapshots.drop(store, "s")
    # the last step of a response is rendered as the response itself: texts p/a, p/a\nb and p/c
    assert removed(store) == {"toy:3": (2 + 3, 3)}
    assert renderings(store) == {("toy:2", "joint"): 1, ("toy:2", "step"): 1} and sound(store)


def test_a_dropped_snapshot_stays_as_long_as_its_head(three):
    head = save_head(three, snapshots.resolve(three, "plain"), [], name="h")
    snapshots.tag(three, "plain", "paper")
    snapshots.drop(three, "plain", force=True)
    found = garbage.collect(three)
    assert (found.encoders, found.n_members) == ((), 0)
    assert found.kept == ({"snapshot": "plain@1", "heads": ["h@1"], "n_members": 3},)
    three.drop_head(head.reference)
    assert garbage.collect(three, dry_run=True).n_members == 3
    assert three.value("select count(*) from snapshot_members") == 6
    found = garbage.collect(three)
    assert (found.n_members, found.kept) == (3, ())
    assert [(spare.encoder, spare.n_vectors) for spare in found.encoders] == [("toy:2", 3)]
    assert three.value("select count(*) from snapshot_members") == 3 and sound(three)


def test_an_encoder_that_nothing_names_goes_with_its_table(three):
    embed(three, "d", encoder="toy:5", layout="joint")
    three.sql("insert into embedding_runs select encoder_id, 3, 3, 1, timestamp '2026-01-01' from encoders")
    found = garbage.collect(three)
    assert [(spare.encoder, spare.is_gone) for spare in found.encoders] == [("toy:5", True)]
    assert set(vectors(three)) == {"embeddings_3_f32", "embeddings_2_f32"}
    assert (
        three.value("select count(*) from encoders")
        == three.value("select count(distinct encoder_id) from embedding_runs")
        == 2
    )
    again = embed(three, "d", snapshot="five", encoder="toy:5", layout="joint")
    assert again.n_embedded == 3 and sound(three)


def test_an_encoder_that_a_dropped_snapshot_names_stays_and_can_embed_again(three):
    snapshots.drop(three, "plain")
    assert removed(three) == {"toy:2": (3, 3)}
    assert vectors(three)["embeddings_2_f32"] == 0
    again = embed(three, "d", snapshot="plain", encoder="toy:2", layout="response")
    assert (again.snapshot.reference, again.n_embedded) == ("plain@2", 3) and sound(three)


def test_many_small_transactions_remove_what_one_removes(three, monkeypatch):
    monkeypatch.setattr(garbage, "BATCH", 1)
    snapshots.drop(three, "wide")
    seen = []
    assert removed(three, progress=lambda done, total, note: seen.append((done, total))) == {"toy:3": (5, 5)}
    assert seen[-1] == (10, 10) and len(seen) == 10
    assert renderings(three) == {("toy:2", "response"): 3} and sound(three)


def test_what_is_told_is_committed(three, monkeypatch):
    monkeypatch.setattr(garbage, "BATCH", 2)
    snapshots.drop(three, "wide")
    begun = sum(renderings(three).values()) + sum(vectors(three).values())
    left = []
    garbage.collect(three, progress=lambda done, total, note: left.append(
        done + sum(renderings(three).values()) + sum(vectors(three).values())))  # fmt: skip
    assert len(left) > 2 and set(left) == {begun}


@pytest.mark.parametrize("stop", [1, 3, 6, 8])
def test_stopped_between_transactions_every_rendering_has_its_vector(three, monkeypatch, stop):
    monkeypatch.setattr(garbage, "BATCH", 1)
    snapshots.drop(three, "wide")

    def interrupt(done, total, note, calls=[]):  # noqa: B006 - counts the calls
        calls.append(done)
        if len(calls) == stop:
            three.stop.set()

    with pytest.raises(Interrupted):
        garbage.collect(three, progress=interrupt)
    three.stop.clear()
    assert sound(three) and sum(vectors(three).values()) > 3
    removed(three)
    assert renderings(three) == {("toy:2", "response"): 3} and sum(vectors(three).values()) == 3


def test_every_precision_is_collected(store):
    stock(store, ROWS)
    for precision in ("f32", "f16", "i8"):
        embed(store, "d", snapshot=precision, encoder="toy:4", layout="joint", encoder_options={"precision": precision})
        snapshots.drop(store, precision)
    sizes = sorted(spare.n_bytes for spare in garbage.collect(store).encoders)
    assert sizes == [3 * (4 + 4 + 24), 3 * (2 * 4 + 24), 3 * (4 * 4 + 24)]
    assert set(vectors(store).values()) == {0}


def test_a_store_that_is_open_for_reading_counts_and_refuses(tmp_path):
    path = tmp_path / "s.duckdb"
    with rmstore.connect(path) as store:
        stock(store, ROWS)
        embed(store, "d", encoder="toy", layout="joint")
    with rmstore.connect(path, read_only=True) as store:
        assert store.gc(dry_run=True).encoders[0].n_vectors == 3
        with pytest.raises(StoreError, match="read-only"):
            store.gc()


def test_commands(cli, tmp_path):
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        stock(store, ROWS)
        embed(store, "d", snapshot="s", encoder="toy:3", layout="joint")
        save_head(store, embed(store, "d", snapshot="t", encoder="toy:2", layout="joint").snapshot, [])
        snapshots.drop(store, "s")
        snapshots.drop(store, "t", force=True)
    done = cli("gc", "--dry-run")
    assert done.code == 0 and "kept: t@1, dropped, 3 members, for h@1" in done.out and "nothing was removed" in done.out
    assert json.loads(cli("gc", "--dry-run", "--json").out)["encoders"][0]["n_vectors"] == 3
    assert "rmstore gc --compact" in cli("gc").out
    assert "the file had" in cli("gc", "--compact").out
    assert "no vector is spare" in cli("gc").out
