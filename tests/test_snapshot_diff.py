"""Two snapshots side by side: what came, what went, what stands for another text, and how far vectors moved.

Vectors of the toy encoder count words of 1, 2, ... letters, so every cosine below is worked out by hand.
"""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from stocking import stock

from rmstore import snapshot_diff
from rmstore.embedding import embed
from rmstore.encoders.base import EncoderSpec
from rmstore.errors import InputError, UnknownNameError
from rmstore.snapshots import NewSnapshot, create, frozen_members
from rmstore.store import fill_in, quote_identifier, statement
from rmstore.vectors import encoder_number, fresh_table, vectors_table

ROWS = [("a", "one"), ("a", "two"), ("b", "three")]
SHUFFLE = """
create temp table taken as from {table} order by md5(text_id::varchar);
delete from {table};
insert into {table} from taken;
"""
NO_CHANGE = {"n_added": 0, "n_removed": 0, "n_kept": 0, "n_rerendered": 0, "n_reencoded": 0}


@pytest.fixture
def two(store):
    """A store with s@1 of three responses and s@2 of four."""
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint")
    stock(store, [("c", "four")])
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint")
    return store


def counts(found):
    return {name: getattr(found, name) for name in NO_CHANGE if getattr(found, name)}


def by_text(store, old, new, columns="change, cosine"):
    """Rows of rm_snapshot_diff by the text of the response."""
    found = store.rows(
        f"select responses.text, {columns} from rm_snapshot_diff($old, $new) join responses using (response_id)",
        {"old": old, "new": new},
    )
    return {row.pop("text"): tuple(row.values()) for row in found}


def made(store, name, vectors, *, texts=None, layout="joint", members=None, **spec):
    """Freeze snapshot ``name`` of the responses of ``members`` with given vectors, made by an encoder of this spec."""
    ids = members or [row["id"] for row in store.rows("select response_id::varchar as id from responses order by text")]
    matrix = np.array(vectors, np.float32)
    facts = {"kind": "toy", "model": "m", "weights_sha256": None, "backend": "numpy", **spec}
    spec = EncoderSpec(
        dim=matrix.shape[1], max_tokens=9, tokenizer_sha256=None, rendering="r", pooling="p", truncation="t",
        normalize=False, **facts,
    )  # fmt: skip
    encoder_id = encoder_number(store, spec)
    with store.atomic() as cursor:
        keys = texts or [f"00000000-0000-0000-0000-{number:012}" for number in range(len(ids))]
        frame = pa.table({"item": ids, "text": keys})
        cursor.register("frame", frame)
        keys = cursor.sql("select text::uuid as text from frame").to_arrow_table()["text"]
        cursor.register("_rm_fresh", fresh_table(keys, matrix, spec.precision))
        cursor.execute(statement("vectors/insert_vectors", vectors=vectors_table(spec)), {"encoder_id": encoder_id})
        cursor.execute(
            "insert into renderings select $e, item::uuid, $part, text::uuid, 3, 0 from frame",
            {"e": encoder_id, "part": layout},
        )
    cursor = store.cursor()
    cursor.register("frame", frame)
    cursor.execute("create temp table _rm_members as select item::uuid as response_id from frame")
    return create(store, NewSnapshot(name, encoder_id, spec.key, layout, ("d",), None, *frozen_members(store, cursor)))[
        0
    ]


def test_a_side_that_lost_responses_is_noted(two):
    stock(two, [("x", "secret")], dataset="w")
    embed(two, ["d", "w"], snapshot="s", encoder="toy:3", layout="joint")
    assert not two.diff("s@2", "s@3").notes and two.diff("s@2", "s@3").n_added == 1
    two.drop_dataset("w", force=True)
    found = two.diff("s@2", "s@3")
    (note,) = found.notes
    assert note == "1 responses of s@3 were withdrawn with dropped data sets and count nowhere"
    assert (found.n_kept, found.n_added) == (4, 0)
    assert len(two.diff("s@3", "s@3").notes) == 1


def test_rm_snapshot_diff(two):
    # s@2 has c/four beside the rows of s@1: nothing else changed, so every cosine is 1 without a vector read.
    found = by_text(two, "s@1", "s@2", "change, old_n_tokens, new_n_tokens, cosine")
    kept = ("kept", 2, 2, 1.0)
    assert found == {"one": kept, "two": kept, "three": kept, "four": ("added", None, 2, None)}
    back = by_text(two, "s@2", "s@1", "change, cosine")
    assert back["four"] == ("removed", None) and back["one"] == ("kept", 1.0)
    rows = two.rows("from rm_snapshot_diff('s@1', 's@2')")
    assert list(rows[0]) == ["response_id", "prompt_id", "change", "old_n_tokens", "new_n_tokens", "cosine"]
    assert two.value(
        "select count(*) from rm_snapshot_diff('s@1', 's') join responses using (response_id, prompt_id)"
    ) == len(rows)  # fmt: skip


def test_rm_snapshot_diff_of_nothing_known(two):
    with pytest.raises(UnknownNameError, match="did you mean 's@1'"):
        two.sql("from rm_snapshot_diff('s@11', 's')")
    with pytest.raises(InputError, match="the snapshot is NULL"):
        two.sql("from rm_snapshot_diff('s@1', null)")


def test_counts_by_data_set(two):
    stock(two, [("a", "two"), ("e", "five")], dataset="other")
    embed(two, ["d", "other"], snapshot="s", encoder="toy:3", layout="response", where="text <> 'one'")
    found = two.diff("s@2", "s@3")
    assert counts(found) == {"n_added": 1, "n_removed": 1, "n_rerendered": 3} and found.n_common == 3
    # "two" is of both data sets, but s@2 shows d alone: it is new in the other.
    assert found.datasets == (
        {**NO_CHANGE, "dataset": "d", "n_removed": 1, "n_rerendered": 3},
        {**NO_CHANGE, "dataset": "other", "n_added": 2},
    )
    assert (found.same_encoder, found.same_layout) == (True, False)
    back = two.diff("s@3", "s@2")
    assert counts(back) == {"n_added": 1, "n_removed": 1, "n_rerendered": 3}
    assert back.datasets[1] == {**NO_CHANGE, "dataset": "other", "n_removed": 2}
    same = two.diff("s@2", "s@2")
    assert counts(same) == {"n_kept": 4} and same.same_layout and same.notes == ()
    assert same.moved == {"n": 4, **dict.fromkeys(("min", "p1", "p5", "p25", "p50", "p75", "p95"), 1.0)}


def test_nothing_in_common(two):
    stock(two, [("x", "y")], dataset="other")
    embed(two, "other", snapshot="t", encoder="toy:4")
    found = two.diff("s@1", "t")
    assert counts(found) == {"n_added": 1, "n_removed": 3} and found.moved is None and found.notes == ()


def test_a_cut_text_is_rerendered(store):
    # toy:3 counts words of 1, 2, 3 letters: "p" + "a bb" is (2, 1, 0). A window of two words keeps one of each side,
    # "p" + "a" or (2, 0, 0), so that 4 / (2 * sqrt(5)) is between them; "p" + "ccc" fits and stays.
    stock(store, [("p", "a bb"), ("p", "ccc")])
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint")
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint", encoder_options={"max_tokens": 2})
    cut = store.rows("select n_cut, text from renderings join responses on item_id = response_id where encoder_id = 2")
    assert {row["text"]: row["n_cut"] for row in cut} == {"a bb": 1, "ccc": 0}
    expected = 2 / math.sqrt(5)
    found = by_text(store, "s@1", "s@2", "change, old_n_tokens, new_n_tokens, round(cosine, 5)")
    assert found["a bb"] == ("rerendered", 3, 2, round(expected, 5))
    assert found["ccc"] == ("reencoded", 2, 2, 1.0)
    whole = store.diff("s@1", "s@2")
    assert counts(whole) == {"n_rerendered": 1, "n_reencoded": 1} and whole.notes == ()  # variants of one model
    assert whole.moved["n"] == 2 and whole.moved["min"] == pytest.approx(expected, abs=1e-6)
    assert whole.moved["p50"] == pytest.approx((1 + expected) / 2, abs=1e-6)


def test_cosines_are_of_the_vectors_put_together(store):
    # response and joint of "a bb" to "p": (1, 1, 0) and (2, 1, 0), so that 3 / sqrt(2 * 5) is between them.
    stock(store, [("p", "a bb")])
    embed(store, "d", snapshot="r", encoder="toy:3", layout="response")
    embed(store, "d", snapshot="j", encoder="toy:3", layout="joint")
    embed(store, "d", snapshot="pr", encoder="toy:3", layout="prompt||response")
    embed(store, "d", snapshot="jr", encoder="toy:3", layout="joint||response")
    assert by_text(store, "r", "j", "change, round(cosine, 6)") == {"a bb": ("rerendered", 0.948683)}
    # (1, 0, 0, 1, 1, 0) and (2, 1, 0, 1, 1, 0): 4 / sqrt(3 * 7)
    assert by_text(store, "pr", "jr", "round(cosine, 6)") == {"a bb": (round(4 / math.sqrt(21), 6),)}
    assert by_text(store, "r", "jr") == {"a bb": ("rerendered", None)}
    found = store.diff("r", "jr")
    assert found.moved is None and "3 components (toy:3, response)" in found.notes[0] and "of 6" in found.notes[0]
    assert "stand for different texts" in store.diff("r", "j").notes[0]


@pytest.mark.parametrize("precision", ["f16", "i8"])
def test_precisions_of_one_model(store, precision):
    stock(store, [("p", "a"), ("p", "b"), ("p", "c")])
    vectors = np.random.default_rng(0).normal(size=(3, 16))
    full = made(store, "full", vectors)
    small = made(store, "small", vectors, precision=precision)
    found = store.diff(full.reference, small.reference)
    assert counts(found) == {"n_reencoded": 3} and found.notes == ()
    assert 0.999 < found.moved["min"] < found.moved["p95"] < 1.0000001
    read = np.array(
        [row["embedding"] for row in store.rows("select embedding from rm_rows('small') order by response_id")]
    )
    kept = np.array(
        [row["embedding"] for row in store.rows("select embedding from rm_rows('full') order by response_id")]
    )
    cosines = (read * kept).sum(1) / np.linalg.norm(read, axis=1) / np.linalg.norm(kept, axis=1)
    assert found.moved["p50"] == pytest.approx(np.median(cosines), abs=1e-6)


def test_two_models_of_one_width_are_said_to_be_two(store):
    stock(store, [("p", "a"), ("p", "b")])
    made(store, "x", [[1, 0], [0, 1]], weights_sha256="one")
    made(store, "y", [[0, 1], [0, 2]], weights_sha256="two")
    found = store.diff("x", "y")
    assert (found.moved["min"], found.moved["p25"], found.moved["p50"]) == (0, 0.25, 0.5)
    assert "two models" in found.notes[0]


def test_truncated_vectors_compare_over_their_leading_components(store):
    stock(store, [("p", "a"), ("p", "b")])
    made(store, "wide", [[3, 4, 9, 9], [1, 0, 9, 9]], weights_sha256="one")
    made(store, "narrow", [[3, 4], [0, 1]], weights_sha256="one", truncate_dim=2)
    made(store, "alien", [[3, 4], [0, 1]], weights_sha256="two", truncate_dim=2)
    for pair in (("wide", "narrow"), ("narrow", "wide")):
        found = store.diff(*pair)
        assert (found.moved["n"], found.moved["min"], found.moved["p50"]) == (2, 0, 0.5)
        assert "first 2 components" in found.notes[0]
    assert by_text(store, "wide", "narrow") == {"a": ("reencoded", pytest.approx(1)), "b": ("reencoded", 0)}
    assert store.diff("wide", "alien").moved is None


def test_imported_vectors_do_not_tell_their_texts(store):
    stock(store, [("p", "a"), ("p", "b")])
    texts = [f"00000000-0000-0000-0001-{number:012}" for number in range(2)]
    made(store, "own", [[1, 0], [0, 1]])
    made(store, "theirs", [[1, 0], [0, 1]], kind="imported", texts=texts)
    found = store.diff("own", "theirs")
    assert counts(found) == {"n_reencoded": 2} and "changed texts do not show" in found.notes[0]
    assert store.diff("theirs", "theirs").notes == ()


def test_responses_without_a_cosine_are_counted(store):
    stock(store, [("p", "a"), ("p", "b"), ("p", "c")])
    made(store, "x", [[1, 0], [0, 0], [1, 1]])
    made(store, "y", [[1, 0], [0, 1], [1, 1]], backend="other")
    store.sql("delete from embeddings_2_f32 where encoder_id = 2 and embedding = [1, 1]::float[2]")
    found = store.diff("x", "y")
    assert found.n_common == 3 and found.moved["n"] == 1
    assert "2 responses of both lack a vector, or have one of length 0" in found.notes
    assert by_text(store, "x", "y", "cosine") == {"a": (1.0,), "b": (None,), "c": (None,)}


def test_vectors_are_read_in_slices_and_not_where_nothing_changed(two, monkeypatch):
    embed(two, "d", snapshot="other", encoder="toy:3", layout="joint", encoder_options={"max_tokens": 9})
    whole = two.diff("s@2", "other")
    monkeypatch.setattr(snapshot_diff, "SLICE_BYTES", 12)  # a vector of three floats
    told, seen = [], []
    with two.trace(seen.append):
        sliced = two.diff("s@2", "other", progress=lambda done, total, note: told.append((done, total)))
    assert sliced == whole and sliced.moved["n"] == 4
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert sum("between" in text for text in seen) == 4
    for again in (("s@1", "s@2", True), ("s@2", "other", False)):
        seen.clear()
        with two.trace(seen.append):
            found = two.diff(*again[:2], vectors=again[2])
        assert not any("embeddings_" in text for text in seen)
    assert found.moved is None and counts(found) == {"n_reencoded": 4}


def test_a_query_for_counts_reads_no_vector(two):
    embed(two, "d", snapshot="other", encoder="toy:3", layout="joint", encoder_options={"max_tokens": 9})

    def plan(columns):
        (row,) = two.rows(f"explain select {columns} from rm_snapshot_diff('s@2', 'other')")
        return row["explain_value"]

    assert "embedding" in plan("cosine").replace("embeddings_3_f32", "")
    assert "embedding" not in plan("response_id, change").replace("embeddings_3_f32", "")


def test_products_and_prompts(store):
    # prompt "a bb" is (1, 1), response "b cc" is (1, 1), "cc" is (0, 1); products (1, 1) and (0, 1)
    stock(store, [("a bb", "b cc"), ("a bb", "cc")])
    layout = "prompt||response||prompt*response"
    embed(store, "d", snapshot="s", encoder="toy:2", layout=layout)
    embed(store, "d", snapshot="s", encoder="toy:2", layout=layout, encoder_options={"normalize": True})
    # normalised "b cc": (1, 1)/sqrt2 twice and (1, 1)/2: 2 sqrt2 + 1 over sqrt6 * sqrt(2.5)
    found = by_text(store, "s@1", "s@2", "change, round(cosine, 5)")
    assert found["b cc"] == ("reencoded", round((2 * math.sqrt(2) + 1) / math.sqrt(6 * 2.5), 5))
    assert store.diff("s@1", "s@2").moved["n"] == 2


@pytest.mark.parametrize(("n", "size"), [(0, 3), (1, 3), (3, 3), (7, 3), (9, 1)])
def test_slices_cover_every_place_once(n, size):
    found = [place for first, last in snapshot_diff._slices(n, size) for place in range(first, last + 1)]
    assert found == list(range(1, n + 1))


@pytest.mark.parametrize("layout", ["joint", "prompt||response", "prompt||response||prompt*response"])
@pytest.mark.parametrize("precision", ["f32", "f16", "i8"])
def test_slices_and_the_query_agree_whatever_the_order_of_the_vectors(store, monkeypatch, layout, precision):
    stock(store, [(f"{'p' * (n % 4 + 1)} {n % 5}", f"{'a' * (n % 3 + 1)} {'b' * (n % 7)} {n}") for n in range(40)])
    embed(store, "d", snapshot="s", encoder="toy:3", layout=layout)
    options = {"max_tokens": 2, "precision": precision}
    embed(store, "d", snapshot="s", encoder="toy:3", layout=layout, encoder_options=options)
    table = quote_identifier(vectors_table(store.snapshots()[-1]))
    store.sql(fill_in(SHUFFLE, {"table": table}))
    monkeypatch.setattr(snapshot_diff, "SLICE_BYTES", 300)
    moved = store.diff("s@1", "s@2").moved
    cosine = store.rows("select cosine from rm_snapshot_diff('s@1', 's@2') order by cosine")
    cosine = [row["cosine"] for row in cosine if row["cosine"] is not None]
    assert 0 < len(cosine) == moved["n"] and len(set(cosine)) > 5
    assert (moved["min"], moved["p50"]) == pytest.approx((cosine[0], np.median(cosine)), abs=1e-6)


def test_the_command_line(cli, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"prompt": "p", "chosen": "a bb", "rejected": "ccc"}\n', encoding="utf-8")
    assert cli("init").code == 0
    assert cli("ingest", pairs, "--format", "pairs", "--dataset", "d").code == 0
    for options in ((), ("--layout", "response")):
        assert cli("embed", "d", "--snapshot", "s", "--encoder", "toy:3", *options).code == 0
    shown = cli("snapshot", "diff", "s@1", "s@2")
    assert shown.code == 0 and "all" in shown.out and "cannot be compared" in shown.err
    found = json.loads(cli("snapshot", "diff", "s@1", "s@2", "--json").out)
    assert (found["rerendered"], found["common"], found["cosine"]) == (2, 2, None)
    assert found["datasets"] == [{**NO_CHANGE, "dataset": "d", "n_rerendered": 2}]
    assert json.loads(cli("snapshot", "diff", "s", "s", "--json").out)["cosine"]["p50"] == 1
    assert json.loads(cli("snapshot", "diff", "s", "s", "--json", "--counts").out)["cosine"] is None
    assert "p50" in cli("snapshot", "diff", "s", "s").out
