"""Snapshots from folders: the round trip loses nothing, and what was stopped goes on."""

import json
import os
import shutil
import threading

import pytest
from ingesting import counts
from sharing import NAMES, PARTS, fill, manifest, rewrite, rewrite_rows, shown, snapshot, untouched

import rmstore
from rmstore import head_store, snapshot_import, snapshots
from rmstore.errors import BadFileError, InputError, Interrupted, InvalidNameError, StoreError


@pytest.mark.parametrize("precision", ["f32", "f16", "i8"])
def test_the_round_trip_loses_nothing(origin, other, tmp_path, precision):
    options = {"precision": precision}
    info = origin.embed(NAMES, encoder="toy", snapshot=f"r-{precision}", encoder_options=options, steps=True).snapshot
    origin.export_snapshot(info.reference, tmp_path / "there")
    result = other.import_snapshot(tmp_path / "there")
    assert result.is_new and result.info.reference == info.reference
    same = ("fingerprint", "encoder_key", "layout", "datasets", "where", "n_rows", "author", "message")
    assert all(getattr(result.info, name) == getattr(info, name) for name in same)
    assert shown(other, info.reference) == shown(origin, info.reference)
    steps = "select * from rm_steps($s) order by all"
    values = {"s": info.reference}
    assert other.sql(steps, values).fetchall() == origin.sql(steps, values).fetchall() != []
    ratings = "select * from rm_ratings($s) order by all"
    assert other.sql(ratings, values).fetchall() == origin.sql(ratings, values).fetchall() != []
    other.export_snapshot(info.reference, tmp_path / "back")
    for path in (tmp_path / "there").glob("*.parquet"):
        assert path.read_bytes() == (tmp_path / "back" / path.name).read_bytes(), path.name
    assert [finding.check for finding in other.doctor(everything=True) if finding.n] == []


@pytest.mark.parametrize("layout", ["prompt||response", "prompt||response||prompt*response"])
def test_every_part_makes_the_journey(origin, other, tmp_path, layout):
    origin.embed("votes", encoder="toy", snapshot=layout[-6:].replace("*", "."), layout=layout)
    reference = layout[-6:].replace("*", ".")
    origin.export_snapshot(reference, tmp_path / "out")
    assert other.import_snapshot(tmp_path / "out").info.layout == layout
    assert shown(other, reference) == shown(origin, reference)


def test_heads_trained_on_both_have_the_same_bytes(origin, exported, other):
    other.import_snapshot(exported)
    found = [store.train("h", snapshot="s", members=2).info for store in (origin, other)]
    assert head_store.weights(origin, found[0]) == head_store.weights(other, found[1])
    assert found[0].fingerprint == found[1].fingerprint


def test_importing_twice_gives_the_version_that_is_there(origin, exported, other):
    first = other.import_snapshot(exported)
    before = counts(other)
    again = other.import_snapshot(exported)
    assert (again.info, again.is_new, again.counts) == (first.info, False, {})
    renamed = other.import_snapshot(exported, name="theirs")
    assert renamed.info.reference == "theirs@1" and not any(renamed.counts.values())
    assert counts(other) == before
    assert not origin.import_snapshot(exported).is_new


def test_what_the_store_has_already_is_joined(data, exported, other):
    fill(other, data)
    before = counts(other)
    other.embed("votes", encoder="toy", snapshot="mine")
    result = other.import_snapshot(exported)
    assert counts(other) == before and result.counts["responses"] == 0
    assert result.counts["vectors"] > 0 and result.counts["datasets"] == 0
    assert other.embed(NAMES, encoder="toy", snapshot="s", steps=True).is_new is False


def test_a_file_of_which_a_part_was_imported_can_still_be_ingested(origin, other, data, tmp_path):
    origin.embed("votes", encoder="toy", snapshot="few", where="n_chars < 5")
    origin.export_snapshot("few", tmp_path / "few")
    other.import_snapshot(tmp_path / "few")
    assert other.value("select count(*) from responses") < origin.value("select count(*) from rm_rows('s')")
    result = other.ingest(data / "votes.jsonl", format="pairs", dataset="votes")
    assert result.files[0].is_new and result.files[0].n_responses > 0
    other.export_snapshot("few", tmp_path / "back")
    assert (tmp_path / "back" / "prompt_sources.parquet").read_bytes() == (
        tmp_path / "few" / "prompt_sources.parquet").read_bytes()  # fmt: skip
    assert not [finding for finding in other.doctor() if finding.n]


def test_where_it_came_from_is_kept(exported, other):
    info = other.import_snapshot(exported, name="theirs").info
    facts = json.loads(
        other.value("select facts from snapshot_origins where snapshot_id = $s", {"s": info.snapshot_id})
    )
    assert (facts["reference"], facts["author"], facts["rmstore_version"]) == ("s@1", "Ada", rmstore.__version__)
    assert facts["created_at"] == manifest(exported)["snapshot"]["created_at"]


def test_another_licence_is_an_error_that_names_both(exported, other, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "p", "chosen": "good", "rejected": "bad"}\n')
    other.ingest(tmp_path / "a.jsonl", format="pairs", dataset="votes", license="GPL-3.0")
    other.ingest(tmp_path / "a.jsonl", format="pairs", dataset="rated")
    with pytest.raises(InputError, match=r"data set 'votes' has licence 'GPL-3.0' here and 'MIT' in the folder"):
        other.import_snapshot(exported)
    assert other.value("select count(*) from responses") == 2 and other.snapshots() == []
    (tmp_path / "b.jsonl").write_text('{"prompt": "p", "chosen": "better", "rejected": "bad"}\n')
    other.ingest(tmp_path / "b.jsonl", format="pairs", dataset="votes", license="MIT")
    other.import_snapshot(exported)
    licences = dict(other.sql("select name, license from datasets").fetchall())
    assert licences == {"votes": "MIT", "rated": "CC-BY-4.0", "traces": None}


def test_withdrawn_members_stay_away(data, other, tmp_path):
    with rmstore.connect() as store:
        fill(store, data)
        store.embed(NAMES, encoder="toy", snapshot="s")
        store.drop_dataset("votes", force=True)
        info = store.export_snapshot("s", tmp_path / "out")
        assert info.n_withdrawn > 0
        result = other.import_snapshot(tmp_path / "out")
        assert (result.info.n_rows, result.info.n_withdrawn) == (info.n_rows, info.n_withdrawn)
        assert result.info.fingerprint == info.fingerprint and not other.import_snapshot(tmp_path / "out").is_new
        assert shown(other, "s") == shown(store, "s")
        assert not [finding for finding in other.doctor() if finding.n]
    rewrite(tmp_path / "out", lambda said: said["snapshot"].update(members_fingerprint="0" * 32))
    with pytest.raises(BadFileError, match="does not hold the members"):
        other.import_snapshot(tmp_path / "out", name="again")


def test_what_was_withdrawn_travels(data, other, tmp_path):
    with rmstore.connect() as store, rmstore.connect() as third:
        fill(store, data)
        store.embed(NAMES, encoder="toy", snapshot="s")
        store.drop_dataset("votes", force=True, reason="it's no longer ours")
        store.export_snapshot("s", tmp_path / "out")
        dropped = manifest(tmp_path / "out")["dropped_datasets"]
        assert [(row["name"], row["license"]) for row in dropped] == [("votes", "MIT")]
        other.import_snapshot(tmp_path / "out")
        lost = snapshots.show(store, "s")["withdrawals"]
        assert [(row["dataset"], row["reason"]) for row in lost] == [("votes", "it's no longer ours")]
        assert snapshots.show(other, "s")["withdrawals"] == lost
        assert snapshots.show(other, "s")["origin"]["dropped_datasets"] == dropped
        other.drop_dataset("rated", force=True)
        other.export_snapshot("s", tmp_path / "again")
        third.import_snapshot(tmp_path / "again")
        assert [row["dataset"] for row in snapshots.show(third, "s")["withdrawals"]] == ["votes", "rated"]
        names = [row["name"] for row in manifest(tmp_path / "again")["dropped_datasets"]]
        assert names == ["rated", "votes"]
        assert not [finding for finding in third.doctor(everything=True) if finding.n]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_responses": 10**6}, "responses are told"),
        ({"n_responses": 0}, "took 0 responses"),
        ({"withdrawn_at": "yesterday"}, "at 'yesterday'"),
        ({"withdrawn_at": "2026-01-01T00:00:00+01:00"}, "responses at"),
        ({"reason": 3}, "reason of a withdrawal"),
        ({"extra": 3}, "has a field 'extra'"),
    ],
)
def test_withdrawals_that_no_store_records_are_refused(data, other, tmp_path, change, message):
    with rmstore.connect() as store:
        fill(store, data)
        store.embed(NAMES, encoder="toy", snapshot="s", layout="joint")
        store.drop_dataset("votes", force=True)
        store.export_snapshot("s", tmp_path / "out")
    rewrite(tmp_path / "out", lambda said: said["withdrawals"][0].update(change))
    with pytest.raises(BadFileError, match=message):
        other.import_snapshot(tmp_path / "out")
    assert untouched(other)


def test_a_version_that_lost_other_members_is_another(other, tmp_path):
    with rmstore.connect() as store:
        for name in ("d", "e"):
            lines = [{"prompt": f"{name}{n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(3)]
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            store.ingest(tmp_path / f"{name}.jsonl", format="pairs", dataset=name)
        store.embed(["d", "e"], encoder="toy", snapshot="s", layout="joint")
        store.export_snapshot("s", tmp_path / "whole")
        other.import_snapshot(tmp_path / "whole")
        other.drop_dataset("d", force=True)
        store.drop_dataset("e", force=True)
        store.export_snapshot("s", tmp_path / "rest")
        result = other.import_snapshot(tmp_path / "rest")
        assert result.is_new and result.info.reference == "s@2"
        assert shown(other, "s@2") == shown(store, "s") and len(shown(other, "s@1")[0]) == 6
        assert not other.import_snapshot(tmp_path / "rest").is_new


def test_a_manifest_is_not_taken_at_its_word_for_a_version_that_is_there(parcel, other):
    other.import_snapshot(parcel)
    for change in (snapshot(datasets=["zzz"]), snapshot(where="true"), snapshot(layout="response||joint")):
        before = manifest(parcel)
        rewrite(parcel, change)
        with pytest.raises(BadFileError, match="does not hold the members"):
            other.import_snapshot(parcel)
        rewrite(parcel, lambda said, before=before: said.update(before))
    rewrite_rows(parcel, "responses", "from old limit 5")
    with pytest.raises(BadFileError, match="does not hold the members"):
        other.import_snapshot(parcel)


@pytest.mark.parametrize("stop", [0, 1, 4, 6])
def test_an_import_that_was_stopped_goes_on(exported, other, origin, monkeypatch, stop):
    monkeypatch.setattr(snapshot_import, "SLICE", 40)
    seen = []

    def until(done, total, note):
        if note.startswith("vectors of part"):
            seen.append(note)
            if len(seen) > stop:
                raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        other.import_snapshot(exported, progress=until)
    assert other.snapshots() == [] and other.value("select count(*) from snapshot_members") == 0
    kept = other.value("select count(*) from renderings")
    assert (kept > 0) == (stop > 0)
    result = other.import_snapshot(exported)
    total = sum(manifest(exported)["files"][f"{part}.parquet"]["n_rows"] for part in PARTS)
    assert result.is_new and result.counts["renderings"] == total - kept
    assert shown(other, "s") == shown(origin, "s")
    assert not [finding for finding in other.doctor() if finding.n]


@pytest.mark.parametrize("removal", ["gc", "drop"])
@pytest.mark.parametrize("slices", [1, 4])
def test_what_another_thread_removes_meanwhile_is_noticed(exported, other, origin, monkeypatch, slices, removal):
    monkeypatch.setattr(snapshot_import, "SLICE", 40)
    seen = []

    def remove(done, total, note):
        seen.append(note)
        if sum(note.startswith("vectors of part") for note in seen) == slices + 1:
            call, names = (other.gc, ()) if removal == "gc" else (other.drop_dataset, ("votes",))
            thread = threading.Thread(target=call, args=names)
            thread.start()
            thread.join()

    with pytest.raises(StoreError, match=r"\d+ responses, or their vectors, were removed while"):
        other.import_snapshot(exported, progress=remove)
    assert other.snapshots() == []
    assert other.import_snapshot(exported).is_new
    assert shown(other, "s") == shown(origin, "s")
    assert not [finding for finding in other.doctor() if finding.n]


def test_a_file_that_changes_while_it_is_imported_is_noticed(parcel, other):
    def change(done, total, note):
        if note.startswith("vectors of part joint"):
            os.utime(parcel / "vectors_joint.parquet", ns=(1, 1))

    with pytest.raises(BadFileError, match="vectors_joint.parquet' changed while it was read"):
        other.import_snapshot(parcel, progress=change)
    assert other.snapshots() == [] and other.value("select count(*) from renderings") == 0


def test_odd_paths_are_read_as_they_are(exported, other, tmp_path):
    place = tmp_path / "run=3" / "it's [a] *"
    place.parent.mkdir()
    shutil.copytree(exported, place)
    assert other.import_snapshot(place).is_new
    other.export_snapshot("s", tmp_path / "run=3" / "b*'?")
    assert manifest(tmp_path / "run=3" / "b*'?")["files"] == manifest(exported)["files"]


def test_names_and_read_only_stores(exported, other, tmp_path):
    with pytest.raises(InvalidNameError):
        other.import_snapshot(exported, name="a b")
    rmstore.connect(tmp_path / "x.duckdb").close()
    with rmstore.connect(tmp_path / "x.duckdb", read_only=True) as store, pytest.raises(StoreError, match="read-only"):
        store.import_snapshot(exported)
