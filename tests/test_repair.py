"""What a repair mends: after it the doctor finds nothing, and what cannot be known from the store stays and is told."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lab import save_head
from stocking import stock

import rmstore
from rmstore import doctor, repair, snapshots
from rmstore.errors import StoreError

REPAIRABLE = {
    "members twice": "insert into snapshot_members from snapshot_members",
    "renderings twice": "insert into renderings from renderings",
    "vectors twice": "insert into embeddings_8_f32 from embeddings_8_f32",
    "vectors twice, once without a checksum": """
        insert into embeddings_8_f32 by name select encoder_id, text_id, embedding from embeddings_8_f32""",
    "weights twice": "insert into head_weights from head_weights",
    **{f"{table} twice": f"insert into {table} from {table}" for table in (
        "prompts", "responses", "generations", "preferences")},
    "members of no snapshot": "insert into snapshot_members select 77, response_id from responses",
    "origin of no snapshot": "insert into snapshot_origins values (77, '{}', now()::timestamp)",
    "run of no encoder": "insert into embedding_runs values (77, 1, 1, 1, now()::timestamp)",
    "renderings of no encoder": "insert into renderings values (77, uuid(), 'joint', uuid(), 1, 0)",
    "vectors of no encoder": """
        insert into embeddings_8_f32 by name
        select 77 as encoder_id, * exclude (encoder_id) from embeddings_8_f32""",
    "metrics of no head": "insert into head_metrics values (77, 'valid', 'accuracy', 1, 1)",
    "groups of no head": "insert into head_training values (77, uuid())",
    "weights of no head": "insert into head_weights values (77, 'x', 'x'::blob)",
    "description of no head": "insert into head_descriptions values (77, 'contact', 'x')",
    "origin of no head": "insert into head_origins values (77, '{}', now()::timestamp)",
    "deployment of no head": "insert into head_deployments values ('gone', 1, 1, now()::timestamp, null)",
    "no checksums": "update embeddings_8_f32 set checksum = null",
    "a changed vector": "update embeddings_8_f32 set embedding = [9, 9, 9, 9, 9, 9, 9, 9] where rowid < 4",
    "a vector that is no number": """
        update embeddings_8_f32 set embedding = [1, 'nan'::float, 3, 4, 5, 6, 7, 8], checksum = null where rowid = 2""",
    "a changed checksum": "update embeddings_8_f32 set checksum = 1 where rowid = 3",
    "two vectors of a text": """
        insert into embeddings_8_f32 by name
        select encoder_id, text_id, [9, 9, 9, 9, 9, 9, 9, 9] as embedding, 5 as checksum
        from embeddings_8_f32 limit 3""",
    "vectors gone": "delete from embeddings_8_f32 where rowid < 6",
    "renderings gone": "delete from renderings where rowid < 6",
    "all of them gone": "delete from embeddings_8_f32; delete from renderings",
}  # fmt: skip
UNKNOWABLE = {
    "a count": "update snapshots set n_rows = 7",
    "a fingerprint": "update snapshots set fingerprint = 'x'",
    "content": "update responses set text = text || '!'",
    "weights": "update head_weights set bytes = 'x'::blob",
    "a withdrawal": "insert into withdrawals values ('d', 77, null, 1, null, now()::timestamp)",
    "a tag": "insert into snapshot_tags values ('s', 't', 9, now()::timestamp)",
}


@pytest.fixture
def filled(store):
    """A snapshot of each layout part, and a head."""
    stock(store, [(f"question {i // 2}", f"answer {i} {'long' * i}", "p") for i in range(10)], votes=[(1, 0), (3, 2)])
    store.sql("""
        insert into dataset_files by name
        select 1 as file_id, 1 as dataset_id, 'f' as path, 'x' as sha256, 'pairs' as format, 0 as n_rows,
               0 as n_prompts, 0 as n_responses, 0 as n_preferences, 0 as n_ratings, 0 as n_rejected,
               now()::timestamp as ingested_at
    """)
    store.embed("d", snapshot="s", encoder="toy", layout="joint")
    store.embed("d", snapshot="t", encoder="toy", layout="prompt||response")
    store.sql(
        "select rm_train('h', a.embedding, b.embedding) from rm_rows('s') as a join rm_rows('s') as b "
        "on a.n_chars > b.n_chars"
    )
    return store


def vectors(store):
    """Return every vector by its text."""
    rows = store.rows("select text_id::varchar as id, embedding, checksum from embeddings_8_f32")
    return {row["id"]: (row["embedding"], row["checksum"]) for row in rows}


def wrong(store):
    return {finding.check for finding in doctor.check(store, everything=True) if finding.is_wrong}


@pytest.mark.parametrize("damage", REPAIRABLE)
def test_damage_is_repaired(filled, damage):
    before, rows = vectors(filled), filled.sql("from rm_rows('t') order by response_id").fetchall()
    assert wrong(filled) == set()
    filled.sql(REPAIRABLE[damage])
    broken = {finding.check: finding.n for finding in filled.doctor(everything=True)}
    would = filled.repair(dry_run=True)
    assert {finding.check: finding.n for finding in filled.doctor(everything=True)} == broken  # nothing was done
    done = filled.repair()
    assert done and not any(one.problem for one in done) and {one.what for one in would} <= {one.what for one in done}
    after = {finding.check: finding.n for finding in filled.doctor(everything=True)}
    assert not any(after.values()), after
    assert vectors(filled) == before and filled.sql("from rm_rows('t') order by response_id").fetchall() == rows
    assert filled.repair() == []


@pytest.mark.parametrize("damage", UNKNOWABLE)
def test_what_cannot_be_known_is_left_and_told(filled, damage):
    filled.sql(UNKNOWABLE[damage])
    found = wrong(filled)
    assert found and filled.repair() == [] and wrong(filled) == found


def test_imported_vectors_stay_as_they_are(filled, tmp_path):
    ids = [row["id"] for row in filled.rows("select response_id::varchar as id from responses")]
    pq.write_table(pa.table({"id": ids, "embedding": [[1.0, 2.0, 3.0]] * len(ids)}), tmp_path / "v.parquet")
    match = "select id::uuid as response_id, embedding from file"
    filled.import_vectors(tmp_path / "v.parquet", match=match, snapshot="given", encoder="given")
    filled.sql("update embeddings_3_f32 set checksum = 1")
    (done,) = filled.repair()
    assert "imported" in done.problem and done.n and done.row()["state"] == "not possible"
    assert filled.value("select count(*) from embeddings_3_f32 where checksum = 1")
    assert wrong(filled) == {"vectors are finite and match their checksums"}


def test_vectors_that_only_a_head_needs_are_embedded_again(filled):
    save_head(filled, snapshots.resolve(filled, "s"), [], name="g")
    snapshots.drop(filled, "s@1", force=True)
    needed = vectors(filled)
    joint = "(select text_id from renderings where part = 'joint')"
    filled.sql(f"update embeddings_8_f32 set checksum = 1 where text_id in {joint}")
    done = {one.what: one.n for one in filled.repair()}
    assert done["texts of snapshot s@1, embedded again"] == 10
    assert vectors(filled) == needed and wrong(filled) == set()
    filled.sql("delete from renderings where part = 'joint'")
    assert wrong(filled) == {"every member of a snapshot has its texts"}


def test_rows_of_an_id_that_differ_are_left_and_told(filled):
    filled.sql("insert into generations select * replace ('else' as policy) from generations limit 2")
    before = filled.rows("from generations order by all")
    assert filled.repair() == [] and wrong(filled) == {"every id stands once"}
    assert filled.rows("from generations order by all") == before


def test_copies_of_every_kind_of_row_go(filled, tmp_path):
    line = {"prompt": "add 1 and 1", "steps": ["one", "two more"], "labels": [1, 0]}
    (tmp_path / "s.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    filled.ingest(tmp_path / "s.jsonl", format="steps", dataset="steps")
    filled.sql("insert into ratings select uuid(), response_id, 1, 'gold', null, 1 from responses limit 3")
    tables = ("ratings", "steps", "datasets", "dataset_files", "encoders", "snapshots", "heads")
    before = {table: filled.sql(f"from {table} order by all").fetchall() for table in tables}
    for table in tables:
        filled.sql(f"insert into {table} from {table}")
    (done,) = filled.repair()
    assert done.n == sum(len(rows) for rows in before.values()) and all(before.values())
    assert {table: filled.sql(f"from {table} order by all").fetchall() for table in tables} == before


def test_steps_are_embedded_again(store, tmp_path):
    line = {"prompt": "add 1 and 1", "steps": ["one", "two more"], "labels": [1, 0]}
    (tmp_path / "s.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    store.ingest(tmp_path / "s.jsonl", format="steps", dataset="steps")
    store.embed("steps", snapshot="s", encoder="toy", layout="response", steps=True)
    before = store.sql("from rm_steps('s') order by all").fetchall()
    store.sql("update embeddings_8_f32 set embedding = [0, 0, 0, 0, 0, 0, 0, 0]")
    store.repair()
    assert wrong(store) == set() and store.sql("from rm_steps('s') order by all").fetchall() == before


def test_a_store_that_is_read_is_not_repaired(tmp_path):
    rmstore.connect(tmp_path / "x.duckdb").close()
    with rmstore.connect(tmp_path / "x.duckdb", read_only=True) as store, pytest.raises(StoreError, match="read-only"):
        repair.repair(store)


def test_command(cli, tmp_path):
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        stock(store, [("q", "a", "p"), ("q", "b", "p")])
        store.sql("delete from prompt_sources")
        store.embed("d", snapshot="s", encoder="toy", layout="prompt||response")
        store.sql("delete from embeddings_8_f32")
    assert cli("doctor").code == 1
    done = cli("doctor", "--repair", "--dry-run")
    assert done.code == 1 and "would be done" in done.out
    told = json.loads(cli("doctor", "--repair", "--json").out)
    assert [row["n"] for row in told["repairs"]] == [3, 3] and not any(row["n"] for row in told["checks"])
    assert "nothing to repair" in (done := cli("doctor", "--repair")).out + done.err and done.code == 0
    assert cli("doctor", "--dry-run").code == 2
