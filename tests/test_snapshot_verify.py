"""verify: members, texts, vectors and checksums of a snapshot, each damaged in turn; and vectors made again."""

import json
import threading

import numpy as np
import pytest
from stocking import stock

import rmstore
from rmstore.embedding import embed
from rmstore.encoders.base import EncoderSpec
from rmstore.encoders.toy import ToyEncoder
from rmstore.errors import InputError, OptionError, UnknownNameError
from rmstore.snapshot_verify import compared

ROWS = [("a", "one"), ("a", "two and"), ("b", "three are more")]


@pytest.fixture
def made(store):
    """A store with s@1: three responses to two prompts in layout prompt||response, so five texts."""
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy:3", layout="prompt||response")
    return store


def wrong(found):
    return {finding.check: finding.n for finding in found.findings if finding.n}


def one_text(store, text):
    """Id of the response with a text, and of what was rendered for it."""
    (row,) = store.rows(
        "select distinct response_id::varchar as id, text_id::varchar as text_id from responses "
        "join renderings on item_id = response_id where text = $text",
        {"text": text},
    )
    return row["id"], row["text_id"]


@pytest.mark.parametrize("layout", ["joint", "prompt||response", "prompt||response||prompt*response"])
def test_a_sound_snapshot(store, layout):
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy:3", layout=layout)
    found = store.verify_snapshot("s", sample=2)
    assert (found.is_sound, found.n_members, wrong(found)) == (True, 3, {})
    assert found.n_vectors == (3 if layout == "joint" else 5)
    n_made = 2 * len({"joint", "prompt", "response"} & set(layout.replace("*", "||").split("||")))
    note = f"{n_made} vectors of 2 members were made again: largest difference 0, lowest cosine 1.000000"
    assert found.notes == (note,)
    assert len(found.findings) == 9 and len(store.verify_snapshot("s").findings) == 8


def test_nothing_is_written(tmp_path):
    with rmstore.connect(tmp_path / "s.duckdb") as store:
        stock(store, ROWS)
        embed(store, "d", snapshot="s", encoder="toy:3")
    with rmstore.connect(tmp_path / "s.duckdb", read_only=True) as store:
        assert store.verify_snapshot("s", sample=3).is_sound


@pytest.mark.parametrize("moment", ["members", "vectors", "embedding again: response"])
def test_what_is_dropped_meanwhile_is_checked_as_it_was(made, moment):
    def drop(done, total, what):
        if what == moment:
            dropper = threading.Thread(target=made.drop_dataset, args=("d",), kwargs={"force": True})
            dropper.start()
            dropper.join()

    found = made.verify_snapshot("s", sample=3, progress=drop)
    assert (found.is_sound, found.n_members, found.n_vectors) == (True, 3, 5)
    assert made.snapshot("s").n_withdrawn == 3


def test_members_that_went_or_came(made):
    one, _ = one_text(made, "one")
    made.sql(f"delete from snapshot_members where response_id = '{one}'")
    found = made.verify_snapshot("s")
    assert wrong(found) == {"as many members as were frozen": 1, "members and configuration match the fingerprint": 1}
    assert found.findings[0].examples == ("2 members, 3 were frozen",)
    assert repr(found) == f"<Verification of s@1: not in order: {'; '.join(wrong(found))}>"
    assert found.findings[0].hint.startswith("drop the snapshot and make it again")
    # Another response in its place: as many, and still not the same.
    stranger = "00000000-0000-0000-0000-000000000001"
    made.sql(f"insert into snapshot_members values (1, '{stranger}')")
    found = made.verify_snapshot("s")
    assert wrong(found) == {
        "members are responses that are there": 1,
        "members and configuration match the fingerprint": 1,
        "every member has its texts": 1,
    }
    assert found.findings[2].examples == (f"response {stranger}",)


def test_a_verification_prints_as_one_line(made):
    assert repr(made.verify_snapshot("s")) == "<Verification of s@1: all in order>"


def test_members_that_stand_twice(made):
    made.sql("insert into snapshot_members select * from snapshot_members")
    found = made.verify_snapshot("s")
    assert wrong(found)["members stand once"] == wrong(found)["as many members as were frozen"] == 3
    assert len(found.findings[1].examples) == 3


@pytest.mark.parametrize("change", ["layout = 'response'", "\"where\" = 'true'", "datasets = ['e']", "encoder_id = 2"])
def test_a_changed_configuration(made, change):
    embed(made, "d", snapshot="other", encoder="toy:4", layout="prompt||response")
    made.sql(f"update snapshots set {change} where snapshot_id = 1")
    assert wrong(made.verify_snapshot("s")) == {"members and configuration match the fingerprint": 1}


def test_withdrawn_members_are_said_to_be_so(made):
    stock(made, [("x", "secret")], dataset="w")
    embed(made, ["d", "w"], snapshot="s", encoder="toy:3", layout="prompt||response")
    made.drop_dataset("w", force=True)
    found = made.verify_snapshot("s")
    assert found.is_sound and found.n_members == 3
    assert found.notes == ("1 members were withdrawn, so the fingerprint cannot be computed again",)


def test_texts_and_vectors_that_went(made):
    one, text = one_text(made, "one")
    made.sql(f"delete from embeddings_3_f32 where text_id = '{text}'")
    found = made.verify_snapshot("s")
    assert wrong(found) == {"every text has its vector": 1}
    assert found.findings[5].examples == (f"response of response {one}",)
    assert found.findings[5].hint == "rmstore doctor --repair embeds them again"
    made.sql(f"delete from renderings where text_id = '{text}'")
    assert wrong(made.verify_snapshot("s")) == {"every member has its texts": 1}
    made.sql("delete from renderings where part = 'prompt'")
    found = made.verify_snapshot("s")
    assert wrong(found) == {"every member has its texts": 3}
    assert sum(example.startswith("prompt ") for example in found.findings[4].examples) == 2


def precise(store, precision):
    """Store vectors of s@1 once more, in another precision, and freeze them as p@1."""
    import pyarrow as pa

    from rmstore.snapshots import NewSnapshot, create, frozen_members
    from rmstore.store import statement
    from rmstore.vectors import encoder_number, fresh_table, vectors_table

    base = ToyEncoder.load("toy:3", {}).spec
    spec = EncoderSpec.from_dict({**base.to_dict(), "model": "p", "precision": precision, "backend": "other"})
    encoder_id = encoder_number(store, spec)
    texts = store.sql("select text_id, item_id from renderings where part = 'response'").to_arrow_table()
    vectors = np.random.default_rng(1).normal(size=(texts.num_rows, 3))
    with store.atomic() as cursor:
        cursor.register("_rm_fresh", fresh_table(texts["text_id"], vectors, precision))
        cursor.execute(statement("vectors/insert_vectors", vectors=vectors_table(spec)), {"encoder_id": encoder_id})
        cursor.register("frame", texts)
        cursor.execute(
            "insert into renderings select $e, item_id::uuid, 'response', text_id::uuid, 1, 0 from frame",
            {"e": encoder_id},
        )
    cursor = store.cursor()
    cursor.register("frame", pa.table({"id": texts["item_id"]}))
    cursor.execute("create temp table _rm_members as select id::uuid as response_id from frame")
    create(store, NewSnapshot("p", encoder_id, spec.key, "response", ("d",), None, *frozen_members(store, cursor)))
    return vectors_table(spec)


@pytest.mark.parametrize(
    ("precision", "damage"),
    [
        ("f32", "embedding = [1, 2, 3]"),
        ("f16", "embedding = [15360, 15360, 15360]"),
        ("i8", "embedding = [1, 2, 3]"),
        ("i8", "scale = 0.5"),
    ],
)
def test_a_changed_vector_does_not_match_its_checksum(made, precision, damage):
    table = precise(made, precision)
    assert made.verify_snapshot("p").is_sound
    one, text = one_text(made, "one")
    made.sql(f"update {table} set {damage} where text_id = '{text}'")
    found = made.verify_snapshot("p")
    assert wrong(found) == {"vectors match their checksums": 1}
    assert found.findings[-1].examples == (f"response of response {one}",)


@pytest.mark.parametrize(
    ("precision", "damage"),
    [
        ("f32", "embedding = [1, 'nan'::float, 3]"),
        ("f32", "embedding = [1, '-inf'::float, 3]"),
        ("f16", "embedding = [15360, 31744, 0]"),
        ("f16", "embedding = [64513, 0, 0]"),
        ("i8", "scale = 'nan'::float"),
    ],
)
def test_vectors_that_are_not_finite(made, precision, damage):
    table = precise(made, precision)
    _, text = one_text(made, "two and")
    made.sql(f"update {table} set {damage} where text_id = '{text}'")
    assert wrong(made.verify_snapshot("p")) == {"vectors are finite": 1, "vectors match their checksums": 1}
    made.sql(f"update {table} set checksum = null")
    found = made.verify_snapshot("p")
    assert wrong(found) == {"vectors are finite": 1}
    assert found.notes == ("3 vectors were stored before there were checksums",)


def test_the_largest_numbers_of_each_precision_are_finite(made):
    table = precise(made, "f16")
    made.sql(f"update {table} set embedding = [31743, 64511, 0], checksum = null")  # 65504 and -65504
    assert made.verify_snapshot("p").is_sound
    made.sql("update embeddings_3_f32 set embedding = [3e38, 3e38, 3e38], checksum = null")
    assert made.verify_snapshot("s").is_sound


def test_vectors_of_other_snapshots_do_not_matter(made):
    stock(made, [("y", "elsewhere")])
    embed(made, "d", snapshot="more", encoder="toy:3", layout="prompt||response")
    _, text = one_text(made, "elsewhere")
    made.sql(f"update embeddings_3_f32 set checksum = 0 where text_id = '{text}'")
    assert made.verify_snapshot("s").is_sound
    assert wrong(made.verify_snapshot("more")) == {"vectors match their checksums": 1}


def test_steps_that_were_embedded_are_looked_at(store):
    from tracing import stock_traces

    stock_traces(store, [("p", ["1 + 1", "is two"])])
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint", steps=True)
    assert store.verify_snapshot("s").is_sound
    (step,) = store.rows("select step_id::varchar as id from steps where step = 1")
    store.sql(
        "update embeddings_3_f32 set checksum = 0 where text_id = "
        f"(select text_id from renderings where item_id = '{step['id']}')"
    )
    assert store.verify_snapshot("s").findings[-1].examples == (f"step {step['id']}",)


def test_a_sample_finds_what_checksums_cannot(made):
    # The text of a response was changed under its id: the vector is what was stored, and not that of the text.
    one, _ = one_text(made, "one")
    made.sql(f"update responses set text = 'on a' where response_id = '{one}'")
    assert made.verify_snapshot("s").is_sound
    found = made.verify_snapshot("s", sample=3)
    # "one" is (0, 0, 1) and "on a" is (1, 1, 0)
    assert wrong(found) == {"vectors made again equal those stored": 1}
    assert found.findings[-1].examples == (f"response of response {one} by 1",)
    assert "largest difference 1, lowest cosine 0.000000" in found.notes[0]


def test_a_sample_is_drawn_by_hash(made):
    one, _ = one_text(made, "one")
    made.sql(f"update responses set text = 'on a' where response_id = '{one}'")
    hits = [bool(wrong(made.verify_snapshot("s", sample=1, seed=seed))) for seed in range(20)]
    assert hits == [bool(wrong(made.verify_snapshot("s", sample=1, seed=seed))) for seed in range(20)]
    assert 0 < sum(hits) < 20


def test_a_sample_of_imported_vectors(made):
    made.sql("""update encoders set spec = json_merge_patch(spec, '{"kind": "imported"}')""")
    with pytest.raises(InputError, match="were imported, so none can be made again"):
        made.verify_snapshot("s", sample=3)
    made.sql("update embeddings_3_f32 set checksum = 0")
    assert "import-vectors" in made.verify_snapshot("s").findings[-1].hint


def test_arguments(made):
    with pytest.raises(OptionError, match="sample is -1"):
        made.verify_snapshot("s", sample=-1)
    with pytest.raises(UnknownNameError):
        made.verify_snapshot("t")


@pytest.mark.parametrize(("precision", "near"), [("f32", 5e-6), ("f16", 2**-11), ("i8", 1 / 128)])
def test_compared_allows_rounding_and_no_more(precision, near):
    spec = EncoderSpec.from_dict({**ToyEncoder.load("toy:4", {}).spec.to_dict(), "precision": precision})
    stored = np.array([[1, 0.5, 0, 0]] * 2, np.float32)
    fresh = stored + np.array([[0, near, 0, 0], [0, 4 * near, 0, 0]], np.float32)
    gap, cosine, is_close = compared(stored, fresh, spec)
    assert is_close.tolist() == [True, False]
    assert gap == pytest.approx([near, 4 * near], rel=0.1) and 0.99 < cosine[1] <= cosine[0] <= 1


def test_compared_refuses_nan_and_takes_zero_for_zero():
    spec = ToyEncoder.load("toy:2", {}).spec
    stored = np.array([[0, 0], [0, 0], [np.nan, 0]], np.float32)
    assert compared(stored, np.array([[0, 0], [0, 1], [0, 0]], np.float32), spec)[2].tolist() == [True, False, False]


def test_the_command_line(cli, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"prompt": "p", "chosen": "a bb", "rejected": "ccc"}\n', encoding="utf-8")
    assert cli("init").code == 0 and cli("ingest", pairs, "--format", "pairs", "--dataset", "d").code == 0
    assert cli("embed", "d", "--snapshot", "s", "--encoder", "toy:3", "--layout", "joint").code == 0
    shown = cli("snapshot", "verify", "s", "--sample", "9")
    assert shown.code == 0 and "s@1: 2 members and 2 vectors, all in order" in shown.out
    assert "2 vectors of 2 members were made again" in shown.err
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        store.sql("update embeddings_3_f32 set checksum = 0")
    shown = cli("snapshot", "verify", "s")
    assert shown.code == 1 and "NOT in order" in shown.out and "doctor --repair" in shown.err
    found = cli("snapshot", "verify", "s", "--json")
    record = json.loads(found.out)
    assert found.code == 1 and (record["is_sound"], record["members"], record["vectors"]) == (False, 2, 2)
    assert record["checks"][-1]["n"] == 2 and record["checks"][-1]["state"] == "WRONG"
