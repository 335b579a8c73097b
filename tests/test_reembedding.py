"""reembed: the same members under another encoder, resumable, one commit, and what a dry run says of it."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from stocking import stock
from tracing import stock_traces

import rmstore
from rmstore import snapshots
from rmstore.embedding import Work, embed, embed_members
from rmstore.embedding_estimate import BUDGET, FEW, RENDERING_BYTES, caveats, stored_bytes
from rmstore.encoders.layouts import parse_layout
from rmstore.encoders.toy import ToyEncoder
from rmstore.errors import InputError, Interrupted, StoreError, UnknownNameError
from rmstore.records import silent
from rmstore.reembedding import reembed

ROWS = [(f"prompt {n // 2}", " ".join(["word"] * (n + 1)), "even" if n % 2 == 0 else "odd") for n in range(40)]


def space(store, encoder_id, dim):
    """Everything of one encoder, but for the times."""
    return [
        store.rows(f"select * from {table} where encoder_id = $e order by all", {"e": encoder_id})
        for table in ("renderings", f"embeddings_{dim}_f32")
    ]


@pytest.fixture
def stocked(store):
    """A store with ``s@1``: 20 responses that a filter chose, under toy:8."""
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy", where="policy = 'even'", layout="joint||response")
    return store


def test_the_frozen_members_get_the_vectors_of_the_new_encoder(stocked):
    before = space(stocked, 1, 8)
    stock(stocked, [("a new prompt", "a new answer", "even")])  # the filter would choose it
    result = reembed(stocked, "s", encoder="toy:3", message="narrow", author="me")
    made = result.snapshot
    assert (made.reference, made.encoder, made.parent, made.n_rows) == ("s@2", "toy:3", 1, 20)
    assert (made.layout, made.where, made.datasets) == ("joint||response", "policy = 'even'", ("d",))
    assert (made.message, made.author) == ("narrow", "me")
    assert (result.is_new, result.n_items, result.n_embedded, result.notes) == (True, 40, 40, ())
    assert space(stocked, 1, 8) == before
    both = stocked.rows(
        "select a.response_id, a.embedding as old, b.embedding as new, text, rm_prompt_text(messages) as prompt "
        "from rm_rows('s@1') a join rm_rows('s@2') b using (response_id) join responses using (response_id) "
        "join prompts on prompts.prompt_id = responses.prompt_id"
    )
    assert len(both) == 20
    for row in both:
        joint = f"{row['prompt']}\n\n{row['text']}"
        for name, dim in (("old", 8), ("new", 3)):
            expected = ToyEncoder.load(f"toy:{dim}", {}).encode([joint, row["text"]])
            assert np.array_equal(np.array(row[name]), expected.ravel())


def test_the_same_call_again_changes_nothing_and_says_so(stocked):
    made = reembed(stocked, "s", encoder="toy:3").snapshot
    for reference in ("s", "s@1", "s@2"):
        again = reembed(stocked, reference, encoder="toy:3")
        assert (again.snapshot, again.is_new, again.n_embedded) == (made, False, 0)
        assert again.notes == ("nothing to do: s@2 has these members, this encoder and this layout",)
    assert stocked.value("select count(*) from embedding_runs") == 2  # the first embed, and the one re-embedding


def test_another_name_and_layout(stocked):
    made = reembed(stocked, "s@1", encoder="toy:3", name="narrow", layout="response").snapshot
    assert (made.reference, made.layout, made.parent) == ("narrow@1", "response", 1)
    assert [info.reference for info in snapshots.list_snapshots(stocked)] == ["narrow@1", "s@1"]
    same_encoder = reembed(stocked, "s@1", encoder="toy", layout="response")
    assert (same_encoder.is_new, same_encoder.n_embedded, same_encoder.snapshot.parent) == (True, 0, 1)


def test_parent_is_the_version_it_came_from_not_the_latest(stocked):
    embed(stocked, "d", snapshot="s", encoder="toy", layout="joint")
    made = reembed(stocked, "s@1", encoder="toy:3").snapshot
    assert (made.reference, made.parent, made.n_rows) == ("s@3", 1, 20)


def test_steps_follow_where_the_old_encoder_had_them(store):
    stock_traces(store, [("p", ["a", "b b", "c"]), ("q", ["d"])])
    embed(store, "d", snapshot="plain", encoder="toy", layout="response")
    assert reembed(store, "plain", encoder="toy:2").n_steps == 0
    embed(store, "d", snapshot="s", encoder="toy", layout="response", steps=True)
    assert reembed(store, "s", encoder="toy:3").n_steps == 4
    assert store.value("select count(*) from rm_steps('s@2')") == 4


def test_what_was_withdrawn_is_gone(stocked):
    gone = stocked.value("select response_id from snapshot_members order by response_id limit 1")
    stocked.sql("delete from responses where response_id = $id", {"id": gone})
    assert reembed(stocked, "s", encoder="toy:3").snapshot.n_rows == 19
    stocked.sql("delete from responses")
    with pytest.raises(InputError, match="nothing is left of snapshot 's@1'"):
        reembed(stocked, "s@1", encoder="toy:2")


@pytest.mark.parametrize("stop_after", [1, 3, 6])
def test_an_interrupted_run_goes_on(stocked, stop_after):
    calls = []

    def stop(done, total, note):
        calls.append(done)
        if len(calls) == stop_after:
            stocked.stop.set()

    with pytest.raises(Interrupted):
        reembed(stocked, "s", encoder="toy:3", batch_size=5, progress=stop)
    kept = stocked.value("select count(*) from embeddings_3_f32")
    assert snapshots.resolve(stocked, "s").version == 1
    assert (stocked.value("select sum(n_texts)::bigint from embedding_runs where encoder_id = 2") or 0) == kept
    resumed = reembed(stocked, "s", encoder="toy:3", batch_size=5)
    with rmstore.connect() as calm:
        stock(calm, ROWS)
        embed(calm, "d", snapshot="s", encoder="toy", where="policy = 'even'", layout="joint||response")
        whole = reembed(calm, "s", encoder="toy:3")
        assert space(stocked, 2, 3) == space(calm, 2, 3)
        assert resumed.snapshot.fingerprint == whole.snapshot.fingerprint
    assert resumed.n_embedded == 40 - kept
    assert stocked.value("select sum(n_texts)::bigint from embedding_runs where encoder_id = 2") == 40


def test_a_run_is_one_row_with_its_texts_tokens_and_encoder_time(stocked, monkeypatch):
    clock = iter(np.arange(0, 1000, 0.25))
    monkeypatch.setattr("rmstore.embedding_job.time.perf_counter", lambda: float(next(clock)))
    reembed(stocked, "s", encoder="toy:3", layout="response", batch_size=8)
    # responses of 1, 3 .. 39 words; three batches, each a quarter of a second by the clock of this test
    assert stocked.rows("select encoder_id, n_texts, n_tokens, seconds from embedding_runs where encoder_id = 2") == [
        {"encoder_id": 2, "n_texts": 20, "n_tokens": sum(range(1, 40, 2)), "seconds": 0.75}
    ]


def test_a_dry_run_counts_and_measures_and_writes_nothing(stocked):
    planned = reembed(stocked, "s", encoder="toy:3", dry_run=True)
    found = planned.estimate
    assert (planned.dry_run, planned.snapshot, planned.is_new, planned.n_items) == (True, None, False, 40)
    # few texts, so all are drawn: the tokens are exact, joint ones have the two words of their prompt beside them
    assert (found.n_texts, found.n_known, found.n_sampled) == (40, 0, 40)
    assert found.n_tokens == sum(n + n + 2 for n in range(1, 40, 2))
    assert 0 < found.seconds_low <= found.seconds <= found.seconds_high < BUDGET
    assert found.tokens_per_second == pytest.approx(found.n_tokens / found.seconds)
    encoder = ToyEncoder.load("toy:3", {})
    assert found.n_bytes == round(40 * stored_bytes(encoder.spec) + 40 * RENDERING_BYTES)
    assert stocked.value("select count(*) from encoders") == stocked.value("select count(*) from snapshots") == 1
    assert stocked.value("select count(*) from duckdb_tables() where table_name = 'embeddings_3_f32'") == 0


def test_a_dry_run_knows_what_is_there(stocked):
    reembed(stocked, "s", encoder="toy:3", layout="response")
    partly = reembed(stocked, "s@1", encoder="toy:3", dry_run=True)
    assert (partly.estimate.n_texts, partly.estimate.n_known) == (20, 0)
    stock(stocked, [("another prompt", ROWS[0][1], "even"), ("another prompt", "fresh", "even")])
    shared = embed(stocked, "d", encoder="toy:3", layout="response", where="policy = 'even'", dry_run=True)
    assert (shared.estimate.n_texts, shared.estimate.n_known) == (1, 1)
    done = reembed(stocked, "s@2", encoder="toy:3", dry_run=True).estimate
    assert (done.n_texts, done.n_sampled, done.n_tokens, done.seconds, done.n_bytes) == (0, 0, 0, 0.0, 0)
    assert done.tokens_per_second is None


def test_long_texts_are_in_the_sample_and_the_tokens_of_the_rest_are_estimated(store):
    rng = np.random.default_rng(0)
    lengths = np.where(rng.random(3_000) < 0.02, 400, rng.integers(2, 30, 3_000))
    stock(store, [("q", " ".join(["four"] * n) + f" {i}") for i, n in enumerate(lengths.tolist())])
    options = {"encoder": "toy", "layout": "response", "encoder_options": {"max_tokens": 500}, "dry_run": True}
    found = embed(store, "d", **options).estimate
    assert found.n_texts == 3_000
    assert 100 < found.n_sampled < 3_000
    assert found.n_tokens == pytest.approx(lengths.sum() + 3_000, rel=0.03)  # half of them in 60 long texts
    again = embed(store, "d", **options).estimate
    assert (again.n_tokens, again.n_bytes) == (found.n_tokens, found.n_bytes)


class SlowToStart(ToyEncoder):
    """Takes a while for its first calls, as a model does that is still being set up, or in all of them."""

    def __init__(self, encoder, delays, always=0.0):
        vars(self).update(vars(encoder))
        self.delays, self.always = list(delays), always

    def encode(self, texts, **given):
        time.sleep(self.delays.pop(0) if self.delays else self.always)
        return super().encode(texts, **given)


def planned(store, encoder, n):
    stock(store, [("q", f"four five {i}") for i in range(n)])
    cursor = store.cursor()
    cursor.execute("create or replace temp table _rm_members as select response_id, prompt_id from rm.main.responses")
    work = Work(encoder, parse_layout("response"), False, None, ("d",), None, dry_run=True)
    return embed_members(store, cursor, work, silent)


def test_slow_first_calls_do_not_change_an_estimate(store):
    encoder = SlowToStart(ToyEncoder.load("toy", {}), [0.4, 0.4])
    found = planned(store, encoder, 2_000)
    assert encoder.delays == [] and found.estimate.n_sampled == 2_000, "the chunks are as large as ever"
    assert found.estimate.seconds_high < 0.4 and found.notes == ("2000 items have no vector yet",)


def test_a_small_sample_is_told(store):
    found = planned(store, SlowToStart(ToyEncoder.load("toy", {}), [], always=1.2), 2_000)
    assert found.estimate.n_sampled < 2_000
    told = f"only {found.estimate.n_sampled} of 2000 texts could be measured"
    assert (found.estimate.n_sampled < FEW) == any(note.startswith(told) for note in found.notes)
    few = replace(found.estimate, n_sampled=FEW - 1)
    assert caveats(few) == (f"only 31 of 2000 texts could be measured in {BUDGET:.0f} s: a rough estimate",)
    assert caveats(replace(few, n_sampled=FEW)) == caveats(replace(few, n_texts=31)) == ()


def test_what_cannot_be_re_embedded_is_refused(stocked, tmp_path):
    with pytest.raises(UnknownNameError, match="no snapshot is called 't'"):
        reembed(stocked, "t", encoder="toy:3")
    with pytest.raises(InputError, match="toy:x"):
        reembed(stocked, "s", encoder="toy:x")
    stocked.sql('update encoders set spec = json_merge_patch(spec, \'{"kind": "imported"}\')')
    with pytest.raises(InputError, match="were imported"):
        reembed(stocked, "s", encoder="toy")
    with rmstore.connect(tmp_path / "s.duckdb") as store:
        stock(store, ROWS)
        embed(store, "d", snapshot="s", encoder="toy")
    with rmstore.connect(tmp_path / "s.duckdb", read_only=True) as store:
        with pytest.raises(StoreError, match="read-only"):
            reembed(store, "s", encoder="toy:3")
        assert reembed(store, "s", encoder="toy:3", dry_run=True).estimate.n_texts == 80


def test_reembed_on_the_command_line(cli, tmp_path):
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        stock(store, ROWS)
        embed(store, "d", snapshot="s", encoder="toy")
    words = ("reembed", "s", "--encoder", "toy", "-o", "max_tokens=16")
    planned = cli(*words, "--dry-run")
    assert planned.code == 0
    for told in ("to embed", "80 texts, about 1,069 tokens", "time", "under 1 s", "room", "dry_run    true"):
        assert told in planned.out, told
    read = json.loads(cli(*words, "--dry-run", "--json").out)
    assert read["estimate"]["n_texts"] > 0 and read["estimate"]["seconds_low"] <= read["estimate"]["seconds_high"]
    done = json.loads(cli(*words, "-m", "short", "--json").out)
    assert (done["snapshot"], done["is_new"], done["rows"]) == ("s@2", True, 40)
    again = cli(*words)
    assert again.code == 0 and "nothing to do: s@2" in again.err
    assert cli("reembed", "s", "--encoder", "toy:3", "--snapshot", "narrow", "--layout", "joint").code == 0
    assert json.loads(cli("snapshot", "list", "--json").out)[0]["layout"] == "joint"
    assert cli("reembed", "nothing", "--encoder", "toy").code == 1
