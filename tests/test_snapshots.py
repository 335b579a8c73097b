"""Snapshots: frozen, numbered, compared, tagged, dropped."""

import pytest
from stocking import stock

import rmstore
from rmstore import snapshots
from rmstore.embedding import embed
from rmstore.errors import InputError, InvalidNameError, UnknownNameError

ROWS = [("a", "one"), ("a", "two"), ("b", "three")]


@pytest.fixture
def two(store):
    """A store with s@1 of three responses and s@2 of four."""
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint", message="first")
    stock(store, [("c", "four")])
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint")
    return store


def test_a_version_never_changes(two):
    before = two.rows("select * from rm_rows('s@1') order by all")
    stock(two, [("a", "a new answer")])
    embed(two, "d", snapshot="s", encoder="toy:3", layout="joint")
    assert two.rows("select * from rm_rows('s@1') order by all") == before
    assert [info.n_rows for info in snapshots.list_snapshots(two)] == [3, 4, 5]


def test_no_vector_is_copied(two):
    tables = two.rows("select table_name as t from duckdb_tables() where database_name = 'rm' and t like 'embeddings%'")
    assert [row["t"] for row in tables] == ["embeddings_3_f32"]
    assert two.value("select count(*) from embeddings_3_f32") == 4


def test_the_fingerprint_ignores_names_notes_and_the_order_of_rows():
    prints = []
    for rows in (ROWS, ROWS[::-1]):
        with rmstore.connect() as store:
            stock(store, rows)
            info = embed(store, "d", snapshot=f"n{len(prints)}", encoder="toy", message=f"m{len(prints)}").snapshot
            prints.append(info.fingerprint)
    assert prints[0] == prints[1]


@pytest.mark.parametrize(
    "change", [{"layout": "response"}, {"encoder": "toy:4"}, {"where": "true"}, {"encoder_options": {"max_tokens": 9}}]
)
def test_the_fingerprint_covers_encoder_layout_and_filter(store, change):
    stock(store, ROWS)
    plain = {"snapshot": "s", "encoder": "toy", "layout": "joint"}
    first = embed(store, "d", **plain).snapshot
    second = embed(store, "d", **{**plain, **change}).snapshot
    assert (second.version, second.fingerprint != first.fingerprint) == (2, True)


def test_references(two):
    versions = {
        reference: snapshots.resolve(two, reference).version for reference in ("s", "s@latest", "s@1", "s@2", "s@01")
    }
    assert versions == {"s": 2, "s@latest": 2, "s@1": 1, "s@2": 2, "s@01": 1}
    snapshots.tag(two, "s@1", "paper")
    assert snapshots.resolve(two, "s@paper").reference == "s@1"
    assert (snapshots.tagged(two, "s", "paper"), snapshots.tagged(two, "s", "other")) == ("s@1", None)
    snapshots.tag(two, "s@2", "paper")
    assert snapshots.resolve(two, "s@paper").reference == "s@2"
    assert snapshots.show(two, "s@1")["tags"] == []
    shown = snapshots.show(two, "s@2")
    assert (shown["snapshot"], shown["parent"], shown["datasets"], shown["origin"]) == ("s@2", "s@1", ["d (MIT)"], None)
    assert "snapshot_id" not in shown and shown["n_rows"] == 4
    assert snapshots.show(two, "s")["tags"] == ["paper"]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("t", "no snapshot is called 't'"),
        ("s@3", "no snapshot is called 's@3'\n  hint: did you mean 's@2'|no snapshot is called 's@3'"),
        ("s@papre", "did you mean 's@paper'"),
        ("s@best", "no snapshot is called 's@best'"),
    ],
)
def test_unknown_references_are_errors_with_a_suggestion(two, reference, message):
    snapshots.tag(two, "s@1", "paper")
    with pytest.raises(UnknownNameError, match=message):
        snapshots.resolve(two, reference)


def test_names_and_tags_that_cannot_be(two):
    for tag in ("latest", "best", "3", "a b", ""):
        with pytest.raises(InvalidNameError):
            snapshots.tag(two, "s", tag)
    for reference in ("a b", "s@", "@1", "s@1@2"):
        with pytest.raises(InvalidNameError):
            snapshots.resolve(two, reference)


def test_a_dropped_version_is_gone_and_its_number_with_it(two):
    snapshots.tag(two, "s@2", "paper")
    snapshots.drop(two, "s@2")
    assert snapshots.resolve(two, "s").version == 1
    with pytest.raises(InputError, match=r"'s@2' was dropped[\s\S]*s@1"):
        two.sql("from rm_rows('s@2')")
    with pytest.raises(UnknownNameError, match="s@paper"):
        snapshots.resolve(two, "s@paper")
    assert two.value("select count(*) from snapshot_members") == 3
    again = embed(two, "d", snapshot="s", encoder="toy:3", layout="joint")
    assert (again.snapshot.version, again.n_embedded) == (3, 0)
    assert two.value("select count(*) from snapshots where dropped_at is not null") == 1


def test_a_snapshot_that_trained_heads_is_dropped_by_force_alone(two):
    two.sql("""
        insert into heads by name
        select 1 as head_id, 'h' as name, 1 as version, 'linear' as kind, 'bt' as objective, '{}' as options,
               '{}' as chosen, 1 as members, 0 as seed, 1 as snapshot_id, '[]' as inputs, 'f' as fingerprint,
               1 as n_used, 0 as n_skipped, 1 as temperature, 0 as reference_mean, [0.0] as member_means,
               [1.0] as member_scales, 0 as seconds, []::varchar[] as notes, '0.1.0' as rmstore_version,
               timestamp '2026-01-01' as created_at
    """)
    assert snapshots.show(two, "s@1")["heads"] == ["h@1"]
    with pytest.raises(InputError, match="trained h@1"):
        snapshots.drop(two, "s@1")
    assert snapshots.drop(two, "s@1", force=True).version == 1


def test_a_snapshot_survives_reopening(tmp_path):
    with rmstore.connect(tmp_path / "s.duckdb") as store:
        stock(store, ROWS)
        info = embed(store, "d", snapshot="s", encoder="toy:3").snapshot
        rows = store.rows("select * from rm_rows('s') order by all")
    with rmstore.connect(tmp_path / "s.duckdb", read_only=True) as store:
        assert snapshots.resolve(store, "s") == info
        assert store.rows("select * from rm_rows('s') order by all") == rows
