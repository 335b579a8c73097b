"""Folders of a snapshot that somebody tampered with leave no trace."""

import json
import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sharing import FILES, manifest, rewrite, rewrite_rows, shown, sign, snapshot, untouched

import rmstore
from rmstore.errors import BadFileError, RmstoreError


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
