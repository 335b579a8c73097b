"""Every check of the doctor finds what it is for, and nothing in a sound store."""

import json

import pytest

import rmstore
from rmstore import doctor
from rmstore.snapshots import content_fingerprint
from rmstore.store import statement

P, R, S = (f"{n}0000000-0000-0000-0000-000000000000" for n in (1, 2, 3))

SOUND = """
    insert into datasets values (1, 'd', null, null, 'pairs', now()::timestamp, null);
    insert into dataset_files values (1, 1, 'f', 'x', 'pairs', null, 1, 1, 2, 1, 0, 0, 0, now()::timestamp);
    insert into prompts
    select _rm_prompt_id(m), _rm_group_id(m), m
    from (select [{'role': 'user', 'content': 'Hello'}]::struct("role" varchar, content varchar)[] as m);
    insert into prompt_sources select prompt_id, 1, 1, 1, null, null, null from prompts;
    insert into responses
    select _rm_response_id(prompt_id, t), prompt_id, t from prompts, (values ('Hi'), ('Ho')) as texts(t);
    insert into steps select _rm_step_id(response_id, 1, text), response_id, 1, text from responses;
    insert into step_labels select step_id, 1, 'human', 1 from steps;
    insert into preferences
    select uuid(), min(response_id), max(response_id), 1, null, 1, null, 'human', 1, null, 1, 1, 1 from responses;
    insert into encoders values (1, 'toy', 'k', 2, 'f32', '{}', 'toy', null, null, now()::timestamp);
    create table embeddings_2_f32 (encoder_id integer, text_id uuid, embedding float[2], checksum uinteger);
    insert into renderings select 1, response_id, 'response', response_id, 1, 0 from responses;
    insert into embeddings_2_f32 by name
    select 1 as encoder_id, text_id, vector as embedding, _rm_checksum(vector) as checksum
    from renderings, (select [1, 2]::float[2] as vector);
    insert into snapshots
    values (1, 's', 1, 1, 'response', null, ['d'], 2, 0, 'f', null, null, null, now()::timestamp, null);
    insert into snapshot_members select 1, response_id from responses;
    insert into snapshot_tags values ('s', 'paper', 1, now()::timestamp);
"""

DAMAGE = {
    "every id stands once": "insert into prompts select * from prompts",
    "members, renderings and weights stand once": "insert into snapshot_members from snapshot_members",
    "every text has one vector per encoder": "insert into embeddings_2_f32 from embeddings_2_f32",
    "nothing refers to a prompt, response or step that is not there": "delete from prompts",
    "every row names a data set, file, encoder or snapshot that exists": "delete from encoders",
    "ids of prompts match their content": "update prompts set messages = [{'role': 'user', 'content': 'Bye'}]",
    "ids of responses match their content": "update responses set text = text || '!'",
    "ids of steps match their content": "update steps set step = 2",
    "the steps of a response, joined, are its text": "update responses set text = text || '!'",
    "labels of steps are from 0 to 1, and stand once": "insert into step_labels from step_labels",
    "preferences have a probability of 0.5 to 1 and a weight": "update preferences set prob = 0.2",
    "every head has its weights, and they match their checksum": """
        insert into heads by name
        select 1 as head_id, 'h' as name, 1 as version, 'linear' as kind, 'bt' as objective, '{}' as options,
               '{}' as chosen, 1 as members, 0 as seed, '[]' as inputs, 'f' as fingerprint, 1 as n_used,
               0 as n_skipped, '1' as rmstore_version, 1 as temperature, 0 as reference_mean, [] as member_means,
               [] as member_scales, 1 as seconds, [] as notes, now()::timestamp as created_at;
        insert into head_weights values (1, 'abc', 'x'::blob)""",
    "every tag names a version that exists": "insert into snapshot_tags values ('s', 't', 9, now()::timestamp)",
    "every snapshot has as many members as it says": "update snapshots set n_rows = 7",
    "every member of a snapshot is a response that is there": "delete from responses where text = 'Hi'",
    "every rendered text has its vector": "delete from embeddings_2_f32",
    "what belongs to a head names a head that exists": "insert into head_metrics values (7, 'valid', 'accuracy', 1, 1)",
    "members, runs and origins name a snapshot or encoder that exists": """
        insert into snapshot_members select 7, response_id from responses""",
    "every withdrawal names a snapshot or head that exists": """
        insert into withdrawals values ('d', 7, null, 1, null, now()::timestamp)""",
    "every vector is of an encoder that exists": "update embeddings_2_f32 set encoder_id = 7",
    "vectors are finite and match their checksums": "update embeddings_2_f32 set embedding = [1, 3]",
    "snapshots match their fingerprints": "update snapshots set fingerprint = 'x'",
    "every member of a snapshot has its texts": "delete from renderings",
}
NOTES = {
    "every vector stands for something": "delete from renderings",
    "every rendering is of an item that is there": "insert into renderings values (1, uuid(), 'joint', uuid(), 1, 0)",
    "no dropped snapshot keeps members that no head needs": "update snapshots set dropped_at = now()::timestamp",
    "every vector has a checksum": "update embeddings_2_f32 set checksum = null",
}


def fill(store):
    """Make the sound store; only Python can compute the fingerprint of its snapshot."""
    store.sql(SOUND)
    cursor = store.cursor()
    cursor.execute("create temp table _rm_members as select response_id from snapshot_members")
    digest = cursor.execute(statement("snapshots/fingerprint")).fetchall()[0][0]
    cursor.execute("update snapshots set fingerprint = ?", [content_fingerprint(store.snapshot("s"), digest)])


@pytest.fixture
def sound(store):
    fill(store)
    return store


def wrong(store, **options):
    return {finding.check for finding in doctor.check(store, **options) if finding.n}


def test_an_empty_and_a_sound_store_have_no_findings(store):
    assert wrong(store) == set()
    fill(store)
    assert wrong(store) == wrong(store, everything=True) == set()


def test_every_check_is_tried():
    with rmstore.connect() as store:
        assert {finding.check for finding in doctor.check(store)} == {*DAMAGE, *NOTES}


@pytest.mark.parametrize("check", DAMAGE)
def test_damage_is_found(sound, check):
    sound.sql(DAMAGE[check])
    found = {finding.check: finding for finding in sound.doctor(everything=True)}
    assert found[check].is_wrong and found[check].examples and found[check].hint


@pytest.mark.parametrize("check", NOTES)
def test_what_may_be_so_is_told_and_is_no_damage(sound, check):
    sound.sql(NOTES[check])
    found = {finding.check: finding for finding in sound.doctor()}
    assert found[check].n > 0 and not found[check].is_wrong and found[check].row()["state"] == "note"


@pytest.mark.parametrize("vector", ["['nan'::float, 1]", "['inf'::float, '-inf']", "['-inf'::float, 0]"])
def test_vectors_that_are_no_numbers_are_found_without_a_checksum(sound, vector):
    sound.sql(f"update embeddings_2_f32 set embedding = {vector}, checksum = null")
    assert "vectors are finite and match their checksums" in wrong(sound)


def test_findings_are_counted_where_they_are(sound, monkeypatch):
    """A store of version 0.1 has no checksum at all; none of its rows may come here one by one."""
    sound.sql("insert into embeddings_2_f32 by name select 1 as encoder_id, uuid() as text_id, [1, 2] as embedding "
              "from range(5000)")  # fmt: skip
    sizes, rows = [], sound.rows

    def counted(*given, **named):
        found = rows(*given, **named)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(sound, "rows", counted)
    found = {finding.check: finding for finding in doctor.check(sound)}["every vector has a checksum"]
    assert found.n == 5000 and len(found.examples) == 3 and found.examples == tuple(sorted(found.examples))
    assert sizes and max(sizes) < 100


def test_members_stay_for_a_head_that_was_trained_on_them(sound):
    sound.sql(DAMAGE["every head has its weights, and they match their checksum"])
    sound.sql("update heads set snapshot_id = 1; update snapshots set dropped_at = now()::timestamp")
    sound.sql("delete from snapshot_tags")
    sound.sql("update head_weights set sha256 = sha256(bytes)")
    assert wrong(sound) == set()


def test_withdrawals_are_no_damage(sound):
    sound.sql("update snapshots set n_withdrawn = 1")
    sound.sql("delete from snapshot_members where response_id = (select max(response_id) from snapshot_members)")
    assert wrong(sound) == set()


def test_a_sample_of_a_small_store_is_all_of_it(sound):
    sound.sql("update responses set text = text || '!'")
    assert "ids of responses match their content" in wrong(sound)


def test_progress_is_told(store):
    seen = []
    doctor.check(store, progress=lambda done, total, note: seen.append((done, total)))
    n = len(DAMAGE) + len(NOTES)
    assert seen[0] == (0, n) and seen[-1] == (n, n)


def test_status_figures(sound):
    figures = sound.status()
    assert (figures["prompts"], figures["responses"], figures["preferences"]) == (1, 2, 1)
    assert figures["embeddings"] == "2 in embeddings_2_f32"
    assert figures["snapshots"] == [{"snapshot": "s@1", "encoder": "toy", "layout": "response", "rows": 2}]


def test_commands(cli, tmp_path):
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        fill(store)
    done = cli("doctor")
    assert done.code == 0 and "all in order" in done.out and "storage version" in done.out
    status = cli("status").out
    assert "s@1" in status and "2 in embeddings_2_f32" in status
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        store.sql("update responses set text = text || '!'")
    done = cli("doctor")
    assert done.code == 1 and "WRONG" in done.out and "ingest the data set" in done.err
    told = json.loads(cli("doctor", "--all", "--json").out)
    assert told["file"] > 0 and told["id version"] == "1" and told["free"] >= 0
    assert told["vectors"] == [{"encoder": "toy", "table": "embeddings_2_f32", "vectors": 2, "bytes": 64}]
    assert {row["table"] for row in told["tables"]} >= {"prompts", "withdrawals"}
    rows = told["checks"]
    assert [row["n"] for row in rows if row["state"] == "WRONG"] == [2, 2]
