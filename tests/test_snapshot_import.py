"""Snapshots from folders: the round trip loses nothing, and a folder that was tampered with leaves no trace."""

import json
import os
import shutil
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingesting import counts
from sharing import DATA_FILES, NAMES, fill, manifest, rewrite, rewrite_rows, shown, sign

import rmstore
from rmstore import head_store, snapshot_import, snapshots
from rmstore.errors import BadFileError, InputError, Interrupted, InvalidNameError, RmstoreError, StoreError

PARTS = ("vectors_joint", "vectors_response", "vectors_step")
FILES = (*(f"{name}.parquet" for name in (*DATA_FILES, *PARTS)), "rows.sql", "README.md")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with the ingested files."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def origin(data):
    """A store with votes, ratings and steps and the snapshot ``s@1`` of all."""
    with rmstore.connect() as store:
        fill(store, data)
        store.embed(NAMES, encoder="toy", snapshot="s", steps=True, author="Ada", message="the first")
        yield store


@pytest.fixture(scope="module")
def exported(origin, tmp_path_factory):
    """Snapshot ``s@1`` in a folder; copy it before changing anything."""
    folder = tmp_path_factory.mktemp("exported") / "s-1"
    origin.export_snapshot("s", folder)
    return folder


@pytest.fixture(scope="module")
def empty():
    """A store that stays empty, since everything is refused."""
    with rmstore.connect() as store:
        yield store
        assert untouched(store)


def untouched(store):
    """Return whether nothing was stored."""
    tables = ("snapshots", "snapshot_members", "renderings", "encoders", "snapshot_origins")
    return not any(counts(store).values()) and not any(store.value(f"select count(*) from {name}") for name in tables)


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


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_noticed(parcel, empty, name):
    data = bytearray((parcel / name).read_bytes())
    data[len(data) // 2] ^= 1
    (parcel / name).write_bytes(data)
    with pytest.raises(BadFileError, match=f"{name}' does not match its checksum"):
        empty.import_snapshot(parcel)
    (parcel / name).write_bytes(data[:-3])
    with pytest.raises(BadFileError, match=rf"{name}' has \d+ bytes, not \d+"):
        empty.import_snapshot(parcel)
    (parcel / name).unlink()
    with pytest.raises(BadFileError, match=f"lacks '{name}'"):
        empty.import_snapshot(parcel)
    (parcel / name).symlink_to("/etc/passwd")
    with pytest.raises(BadFileError, match=f"{name}' is no plain file"):
        empty.import_snapshot(parcel)
    (parcel / name).unlink()
    os.mkfifo(parcel / name)
    with pytest.raises(BadFileError, match=f"{name}' is no plain file"):
        empty.import_snapshot(parcel)


def test_extra_files_are_named(parcel, empty):
    (parcel / "run.py").write_text("print('hello')")
    with pytest.raises(BadFileError, match=r"holds 'run.py', which its manifest does not name"):
        empty.import_snapshot(parcel)
    (parcel / "run.py").unlink()
    (parcel / "vectors_prompt.parquet").write_bytes((parcel / "vectors_joint.parquet").read_bytes())
    rewrite(
        parcel, lambda said: said["files"].update({"vectors_prompt.parquet": said["files"]["vectors_joint.parquet"]})
    )
    with pytest.raises(BadFileError, match="layout 'joint.*response' needs joint, response"):
        empty.import_snapshot(parcel)
    with pytest.raises(BadFileError, match="is not a folder"):
        empty.import_snapshot(parcel / "nowhere")


@pytest.mark.parametrize(
    "name", ["../prompts.parquet", "/etc/passwd", "sub/rows.sql", "x.parquet", "", "manifest.json"]
)
def test_a_manifest_names_no_path(parcel, empty, name):
    rewrite(parcel, lambda said: said["files"].update({name: said["files"].pop("prompts.parquet")}))
    with pytest.raises(BadFileError, match="which no snapshot has"):
        empty.import_snapshot(parcel)


def snapshot(**facts):
    return lambda said: said["snapshot"].update(facts)


MANIFESTS = {
    "does not hold the members": snapshot(where="true"),
    "two fingerprints differ": snapshot(fingerprint="0" * 32),
    "are not n_rows": snapshot(n_withdrawn=1),
    "0 members, which no exported": snapshot(n_members=0, n_rows=0),
    "n_rows of snapshot": snapshot(n_rows="many"),
    "data sets are not sorted": snapshot(datasets=["votes", "rated", "traces"]),
    "has a field 'extra'": snapshot(extra=1),
    "layout is 'joint || response'": snapshot(layout="joint || response"),
    "names 'elsewhere'": snapshot(layout="elsewhere"),
    "is not a name for a snapshot": snapshot(name="../s"),
    "of a data set of manifest|a data set of manifest.json has no field": lambda said: said.update(
        dropped_datasets=[{"name": "x"}]
    ),
    "is not a name for a data set": lambda said: said["datasets"][0].update(name="'; drop table heads"),
    "does not have the key": lambda said: said["encoder"]["spec"].update(dim=9),
    "does not have the key '0'": lambda said: said["encoder"].update(key="0"),
    "is none": lambda said: said["encoder"]["spec"].pop("kind"),
    "pooling of spec": lambda said: said["encoder"]["spec"].update(pooling=3),
    "option precision": lambda said: said["encoder"]["spec"].update(precision="f8"),
    "dim of spec": lambda said: said["encoder"]["spec"].update(dim=10**6),
    "id version is 2": lambda said: said.update(id_version=2),
    "has format version 2": lambda said: said.update(format_version=2),
    "is not that of a snapshot": lambda said: said.update(format="rmstore head"),
    "but not 'prompts.parquet'": lambda said: said["files"].pop("prompts.parquet"),
    "n_rows of prompts.parquet": lambda said: said["files"]["prompts.parquet"].update(n_rows="3"),
    "has 89 rows|rows, not what": lambda said: said["files"]["prompts.parquet"].update(n_rows=3),
    "has no size and checksum": lambda said: said["files"]["prompts.parquet"].update(sha256="x"),
    "not JSON": lambda said: said["snapshot"].update(message="\ud800"),
}


@pytest.mark.parametrize("message", MANIFESTS)
def test_manifests_that_no_snapshot_has_are_refused(parcel, empty, message):
    rewrite(parcel, MANIFESTS[message])
    with pytest.raises(RmstoreError, match=message):
        empty.import_snapshot(parcel)


CONTENTS = {
    "prompts.parquet: prompt .* does not have the id": (
        "prompts", "select * replace ([{'role': 'user', 'content': 'x'}] as messages) from old"),
    "prompts.parquet: prompt .* has another split": (
        "prompts", "select * replace ('valid' as split) from old"),
    "prompts.parquet: column 'extra' is VARCHAR": ("prompts", "select *, 'x' as extra from old"),
    "prompts.parquet: column 'split' is INTEGER": ("prompts", "select * replace (1 as split) from old"),
    "responses.parquet: column 'text' is missing": ("responses", "select * exclude (text) from old"),
    "responses.parquet: response .* does not have the id": (
        "responses", "select * replace (text || '!' as text) from old"),
    "does not hold the members": ("responses", "from old limit 5"),
    "responses.parquet: response .* is there twice|does not hold": ("responses", "from old union all from old"),
    "cannot be read: .*(UUID|INT128)": ("responses", "select * replace ('no uuid' as prompt_id) from old"),
    "generations.parquet: generation .* does not have the id": (
        "generations", "select * replace ('me' as policy) from old"),
    "generations.parquet: generation .* is there twice": ("generations", "from old union all from old"),
    "preferences.parquet: preference .* does not have the id": (
        "preferences", "select * replace (rejected_id as chosen_id, chosen_id as rejected_id) from old"),
    "preferences.parquet: preference .* has a probability": (
        "preferences", "select * replace (-1.0::double as weight) from old"),
    "preferences.parquet: preference .* names a file": (
        "preferences", "select * replace (7::integer as file) from old"),
    "ratings.parquet: rating .* does not have the id": ("ratings", "select * replace (value + 1 as value) from old"),
    "steps.parquet: step .* is not one of those": ("steps", "from old where step > 1"),
    "steps.parquet: step .* does not have the id": ("steps", "select * replace (text || ' ' as text) from old"),
    "step_labels.parquet: label of step .* from 0 to 1": (
        "step_labels", "select * replace (2.0::double as label) from old"),
    "prompt_sources.parquet: .* names a file": (
        "prompt_sources", "select * replace ('elsewhere' as dataset) from old"),
    "prompt_sources.parquet cannot be read": ("prompt_sources", "select * replace ('{' as metadata) from old"),
    "dataset_files.parquet: file 1 has fields": ("dataset_files", "select * replace ('x' as sha256) from old"),
    "dataset_files.parquet: file 1 names a data set": (
        "dataset_files", "select * replace ('elsewhere' as dataset) from old"),
    "datasets.parquet does not hold": ("datasets", "select * replace ('none' as license) from old"),
    "vectors_joint.parquet: .* not 8 finite": (
        "vectors_joint", "select * replace (list_transform(embedding, lambda x: 'nan'::float) as embedding) from old"),
    "vectors_joint.parquet: .* not 8 finite numbers": (
        "vectors_joint", "select * replace (embedding[2:] || [9] as embedding) from old"),
    "vectors_joint.parquet: vector of .* is missing": ("vectors_joint", "from old where random() < 0.5"),
    "vectors_joint.parquet: vector of .* is there twice": ("vectors_joint", "from old union all from old"),
    "vectors_joint.parquet cannot be read": ("vectors_joint", "select * replace (embedding[:3] as embedding) from old"),
    "vectors_joint.parquet: .* finite|vectors_joint.parquet cannot": (
        "vectors_joint", "select * replace (list_append(embedding[:7], null) as embedding) from old"),
    "vectors_joint.parquet: vector of .* is not that of its text": (
        "vectors_joint", "select * replace (item_id as text_id) from old"),
    "vectors_joint.parquet: .* has no text": ("vectors_joint", "select * replace (null::varchar as text_id) from old"),
    "vectors_joint.parquet: .* below 0": ("vectors_joint", "select * replace (-1::integer as n_cut) from old"),
    "vectors_step.parquet: .* is of nothing": (
        "vectors_step", "select * replace (text_id as item_id) from old"),
}  # fmt: skip


@pytest.mark.parametrize("message", CONTENTS)
def test_contents_that_no_export_writes_are_refused(parcel, empty, message):
    rewrite_rows(parcel, *CONTENTS[message])
    with pytest.raises(BadFileError, match=message):
        empty.import_snapshot(parcel)
    assert untouched(empty)


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


FUZZ = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


WORDS = {"message", "author", "created_at", "rmstore_version", "duckdb_version", "migration", "version", "name",
         "model", "revision", "license", "options"}  # fmt: skip
"""What stands beside the fingerprint and the key is anybody's word."""


@FUZZ
@given(draw=st.data())
def test_whatever_a_manifest_says_the_store_stays_as_it_was(exported, empty, tmp_path, draw):
    folder = tmp_path / "fuzzed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(exported, folder)
    said = manifest(folder)
    place, name = said, draw.draw(st.sampled_from(sorted(said)))
    while isinstance(place[name], dict) and place[name] and draw.draw(st.booleans()):
        place, name = place[name], draw.draw(st.sampled_from(sorted(place[name])))
    junk = draw.draw(JUNK)
    if name in WORDS or junk == place[name]:
        return
    place[name] = junk
    (folder / "manifest.json").write_text(json.dumps(said))
    with pytest.raises(RmstoreError):
        empty.import_snapshot(folder)
    assert untouched(empty)


@FUZZ
@given(draw=st.data())
def test_whatever_a_signed_file_holds_the_store_stays_sound(origin, exported, tmp_path, draw):
    folder = tmp_path / "fuzzed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(exported, folder)
    name = draw.draw(st.sampled_from([name for name in FILES if name.endswith(".parquet")]))
    data = bytearray((folder / name).read_bytes())
    if draw.draw(st.booleans()):
        del data[draw.draw(st.integers(0, len(data) - 1)) :]
    else:
        for _ in range(draw.draw(st.integers(1, 3))):
            data[draw.draw(st.integers(0, len(data) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    (folder / name).write_bytes(data)
    sign(folder, name)
    with rmstore.connect() as store:
        try:
            found = store.import_snapshot(folder)
        except RmstoreError:
            assert untouched(store)
        else:  # the byte meant nothing, or is anybody's word, such as the note of a row
            assert found.is_new and found.info.fingerprint == manifest(exported)["snapshot"]["fingerprint"]
            assert [len(rows) for rows in shown(store, "s")] == [len(rows) for rows in shown(origin, "s")]
            assert not [finding for finding in store.doctor() if finding.n]
