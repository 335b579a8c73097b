"""Heads as folders: the round trip keeps every score, and a folder that was tampered with is refused."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest

import rmstore
from rmstore import head_store
from rmstore.embedding import embed
from rmstore.errors import BadFileError, InputError, InvalidNameError, RmstoreError, StoreError, UnknownNameError

RECIPES = {
    "linear": {"head": "linear", "members": 3},
    "mlp": {"head": "mlp", "members": 2, "options": {"hidden": [4], "epochs": 2}},
    "lightgbm": {"head": "lightgbm", "options": {"trees": 5}},
    "adapter": {"head": "adapter"},
    "prototype": {"head": "prototype"},
    "features": {"features": ["log_len"]},
}


@pytest.fixture
def trained(lab):
    """Head ``h@1`` trained on ``tiny@1``, and described."""
    lab.train("h", snapshot="tiny", members=2)
    lab.describe_head("h", license="Apache-2.0")
    return lab


@pytest.fixture
def folder(trained, tmp_path):
    """Head ``h@1`` of ``trained`` in a folder."""
    trained.export_head("h", tmp_path / "h-1")
    return tmp_path / "h-1"


@pytest.fixture(scope="module")
def empty():
    """A store that stays empty, since everything is refused."""
    with rmstore.connect() as store:
        yield store


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with a head; copy it before changing anything."""
    place = tmp_path_factory.mktemp("exported")
    lines = [{"prompt": f"Q {n}", "chosen": f"dd dd {n}", "rejected": f"b {n}"} for n in range(60)]
    (place / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with rmstore.connect() as store:
        store.ingest(place / "pairs.jsonl", format="pairs", dataset="d")
        store.embed("d", encoder="toy", snapshot="s", layout="joint")
        store.train("h", snapshot="s", members=2)
        store.describe_head("h", license="Apache-2.0")
        store.export_head("h", place / "h-1")
    return place / "h-1"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rewrite(folder, change):
    """Change ``head.json`` and, like somebody who knows how, its checksum."""
    said = json.loads((folder / "head.json").read_text())
    change(said)
    replace(folder, "head.json", json.dumps(said).encode())


def replace(folder, name, data):
    """Change a file and its checksum."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("kind", RECIPES)
def test_scores_are_the_same_bit_for_bit_in_another_store(lab, other, tmp_path, kind):
    lab.train("h", snapshot="tiny", **RECIPES[kind])
    lab.export_head("h", tmp_path / "h")
    result = other.import_head(tmp_path / "h")
    assert (result.info.reference, result.is_new) == ("h@1", True)
    given = "select embedding, ln(n_chars) as log_len from rm_rows('tiny') order by response_id"
    rows = lab.sql(given).to_arrow_table()
    query = "select rm_score('h', {x}) as reward, rm_score_members('h', {x}) as members, "
    query += "rm_win_prob('h', {x}, {y}) as prob from vectors"
    vector = "embedding::float[16]" if len(rows["embedding"][0]) == 16 else "embedding::float[8]"
    x = f"{{e: {vector}, log_len: log_len}}" if kind == "features" else vector
    found = []
    for store in (lab, other):
        store.con.register("vectors", rows)
        found.append(store.sql(query.replace("{x}", x).replace("{y}", x)).fetchall())
        store.con.unregister("vectors")
    assert found[0] == found[1] and len({row[0] for row in found[0]}) > 10


def test_the_folder_holds_what_it_says_and_comes_out_the_same_each_time(trained, folder, tmp_path):
    assert sorted(contents(folder)) == ["card.md", "head.json", "head.safetensors", "manifest.json"]
    trained.export_head("h@1", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)
    said = json.loads((folder / "head.json").read_text())
    info = trained.head("h").info
    assert said["facts"]["fingerprint"] == info.fingerprint and said["encoder"]["model"] == "toy"
    assert set(said["group_ids"]) == set(head_store.group_ids(trained, info.head_id))
    assert said["snapshot"]["fingerprint"] == trained.snapshot("tiny").fingerprint
    assert "- **license**: Apache-2.0" in (folder / "card.md").read_text()


def test_lightgbm_leaves_as_text(lab, tmp_path):
    lab.train("h", snapshot="tiny", head="lightgbm", options={"trees": 3})
    lab.export_head("h", tmp_path / "h")
    assert (tmp_path / "h" / "head.txt").read_text().startswith("tree\n")


def test_everything_known_of_a_head_goes_along(trained, folder, other):
    info = other.import_head(folder).info
    here = trained.head("h").info
    local = {"head_id", "snapshot_id", "created_at"}
    for name in set(vars(here)) - local:
        assert getattr(info, name) == getattr(here, name), name
    assert info.snapshot_id is None
    assert head_store.metrics(other, info.head_id) == head_store.metrics(trained, here.head_id)
    assert head_store.group_ids(other, info.head_id) == head_store.group_ids(trained, here.head_id)
    card, original = other.card("h"), trained.card("h")
    assert card["head"].pop("imported_from") == "h@1"
    assert card == original


def test_a_second_journey_loses_nothing(parcel, other, tmp_path):
    other.import_head(parcel, name="theirs")
    other.export_head("theirs", tmp_path / "theirs")
    with rmstore.connect() as third:
        info = third.import_head(tmp_path / "theirs").info
        assert info.reference == "theirs@1" and third.card("theirs")["encoder"]["model"] == "toy"


def test_importing_twice_gives_the_version_that_is_there(trained, folder, other):
    assert other.import_head(folder).is_new
    again = other.import_head(folder)
    assert (again.info.reference, again.is_new) == ("h@1", False)
    assert (trained.import_head(folder).info.reference, len(trained.heads("h"))) == ("h@1", 1)
    assert other.import_head(folder, name="b").info.reference == "b@1"
    assert [info.reference for info in other.heads()] == ["b@1", "h@1"]


def test_the_snapshot_is_found_again_where_it_is(trained, folder):
    info = trained.import_head(folder, name="back").info
    assert info.snapshot_id == trained.snapshot("tiny").snapshot_id


def test_vectors_of_another_encoder_or_layout_are_still_refused(trained, folder, other, tmp_path):
    other.ingest(tmp_path / "tiny.jsonl", format="pairs", dataset="tiny")
    embed(other, "tiny", snapshot="wide", encoder="toy:12", layout="joint")
    other.import_head(folder)
    with pytest.raises(InputError, match="trained on another encoder"):
        other.sql("from rm_rewards('h', 'wide')")
    with pytest.raises(InputError, match="this store lacks its encoder 'toy'"):
        other.head("h").score_texts(["p"], ["r"])
    embed(other, "tiny", snapshot="same", encoder="toy", layout="joint")
    query = "select reward, seen_in_training from rm_rewards('h', $s) order by response_id"
    assert other.sql(query, {"s": "same"}).fetchall() == trained.sql(query, {"s": "tiny"}).fetchall()
    assert other.head("h").score_texts(["p"], ["r"]) == trained.head("h").score_texts(["p"], ["r"])


def test_what_is_there_is_not_overwritten(trained, folder, tmp_path):
    with pytest.raises(StoreError, match="is there already"):
        trained.export_head("h", folder)
    trained.train("h", snapshot="tiny", seed=3, members=3)
    trained.export_head("h@2", folder, force=True)
    assert json.loads((folder / "head.json").read_text())["reference"] == "h@2"
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match=r"holds 'thesis.tex', which is not ours"):
        trained.export_head("h", folder, force=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(folder)
    for taken in ("file", "link"):
        with pytest.raises(StoreError, match="is no folder"):
            trained.export_head("h", tmp_path / taken, force=True)
    with pytest.raises(StoreError, match="cannot be written"):
        trained.export_head("h", tmp_path / "no" / "where")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_failed_export_leaves_what_was_there(trained, folder, tmp_path, monkeypatch):
    before = contents(folder)
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(StoreError, match="disk full"):
        trained.export_head("h", folder, force=True)
    monkeypatch.undo()
    assert contents(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["h-1"]


@pytest.mark.parametrize("name", ["head.safetensors", "head.json", "card.md"])
def test_a_changed_byte_is_noticed(parcel, empty, name):
    data = bytearray((parcel / name).read_bytes())
    data[len(data) // 2] ^= 1
    (parcel / name).write_bytes(data)
    with pytest.raises(BadFileError, match=f"{name}' does not match its checksum"):
        empty.import_head(parcel)
    (parcel / name).write_bytes(data[:-3])
    with pytest.raises(BadFileError, match=rf"{name}' has \d+ bytes, not \d+"):
        empty.import_head(parcel)
    assert empty.heads() == []


def test_missing_and_extra_files_are_named(parcel, empty):
    (parcel / "run.py").write_text("print('hello')")
    with pytest.raises(BadFileError, match=r"holds 'run.py', which its manifest does not name"):
        empty.import_head(parcel)
    (parcel / "run.py").unlink()
    (parcel / "card.md").unlink()
    with pytest.raises(BadFileError, match=r"lacks 'card.md'"):
        empty.import_head(parcel)
    (parcel / "manifest.json").unlink()
    with pytest.raises(BadFileError, match=r"lacks 'manifest.json'"):
        empty.import_head(parcel)
    with pytest.raises(BadFileError, match="is not a folder"):
        empty.import_head(parcel / "nowhere")


@pytest.mark.parametrize("name", ["head.safetensors", "head.json", "card.md", "manifest.json"])
def test_links_and_devices_are_no_plain_files(parcel, empty, tmp_path, name):
    shutil.move(parcel / name, tmp_path / "elsewhere")
    (parcel / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadFileError, match=f"{name}' is no plain file"):
        empty.import_head(parcel)
    (parcel / name).unlink()
    os.mkfifo(parcel / name)
    with pytest.raises(BadFileError, match=f"{name}' is no plain file"):
        empty.import_head(parcel)


@pytest.mark.parametrize("name", ["../head.json", "/etc/passwd", "sub/card.md", "head.pkl", "", "manifest.json"])
def test_a_manifest_names_no_path(parcel, empty, name):
    manifest = json.loads((parcel / "manifest.json").read_text())
    manifest["files"][name] = manifest["files"].pop("card.md")
    (parcel / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadFileError, match="which no head has|lacks"):
        empty.import_head(parcel)


MANIFESTS = {
    "[]": "is not that of a head",
    '{"format": "rmstore head", "format_version": 2, "files": {}}': "has format version 2, this rmstore reads 1",
    '{"format": "rmstore head", "format_version": 1, "files": []}': "files of manifest.json is",
    '{"format": "rmstore head", "format_version": 1, "files": {}}': "manifest.json names",
    '{"format": "rmstore head", "format_version": 1, "files": {"card.md": {"size": "1"}}}': "card.md in manifest",
    "{": "is not JSON",
    "[" * 50_000: "is not JSON",
    " " * 70_000: "has 70000 bytes",
}


@pytest.mark.parametrize("text", MANIFESTS)
def test_other_manifests_are_refused(parcel, empty, text):
    (parcel / "manifest.json").write_text(text)
    with pytest.raises(BadFileError, match=MANIFESTS[text]):
        empty.import_head(parcel)


def fact(name, value):
    return lambda said: said["facts"].__setitem__(name, value)


CHANGES = {
    "n_used of facts": fact("n_used", "many"),
    "n_skipped of facts": fact("n_skipped", True),
    "seed of facts": fact("seed", 2**70),
    "temperature is": fact("temperature", 0),
    "member_scales is": fact("member_scales", [0.0, 1.0]),
    "member_means of facts": fact("member_means", [None, 1]),
    "has a field 'snapshot_id' that nobody knows": fact("snapshot_id", 1),
    "facts of head.json has no field 'options'": lambda said: said["facts"].pop("options"),
    "head.json has no field 'card'": lambda said: said.pop("card"),
    "have 2 members; head.json says 8 and 1": lambda said: said["facts"].update(member_means=[0], member_scales=[1]),
    "says 9 and 2": lambda said: said["facts"]["inputs"][0].update(width=9),
    "name of an input": lambda said: said["facts"]["inputs"][0].update(name=3),
    "width of an input is": lambda said: said["facts"]["inputs"][0].update(width=-8),
    "is not the id of a group": lambda said: said["group_ids"].append("'; drop table heads"),
    "a metric of head.json has a field 'p'": lambda said: said["metrics"][0].update(p=1),
    "does not have the key": lambda said: said["encoder"].update(dim=9),
    "encoder of head.json does not have": lambda said: said["encoder"].pop("kind"),
    "fingerprint of snapshot": lambda said: said["snapshot"].update(fingerprint=None),
    "descriptions of head.json has a field 'secret'": lambda said: said["descriptions"].update(secret="x"),
    "card of head.json names no head": lambda said: said["card"].pop("head"),
    "votes of the card": lambda said: said["card"]["labels"].update(votes={"a": 1}),
    "prompts of the card": lambda said: said["card"]["prompts_and_policies"].update(prompts=[{"a": 1}, {"b": 1}]),
}


@pytest.mark.parametrize("message", CHANGES)
def test_facts_that_no_head_has_are_refused(parcel, empty, message):
    rewrite(parcel, CHANGES[message])
    with pytest.raises(BadFileError, match=message):
        empty.import_head(parcel)
    assert empty.heads() == []


@pytest.mark.parametrize("text", ['{"seconds": NaN}', "[]", "{", "\xff"])
def test_facts_that_are_no_object_are_refused(parcel, empty, text):
    replace(parcel, "head.json", text.encode("latin-1"))
    with pytest.raises(BadFileError, match=r"head.json is (not JSON|\[\], not an object)"):
        empty.import_head(parcel)


def test_unknown_kinds_names_and_layouts_are_refused(parcel, empty):
    rewrite(parcel, fact("kind", "os.system"))
    with pytest.raises(UnknownNameError, match="no head kind is called|no head is called"):
        empty.import_head(parcel)
    rewrite(parcel, fact("kind", "mlp"))
    with pytest.raises(BadFileError, match="cannot read a mlp head"):
        empty.import_head(parcel)
    rewrite(parcel, fact("layout", "x || y"))
    with pytest.raises(RmstoreError):
        empty.import_head(parcel)
    rewrite(parcel, lambda said: said.update(name="../h"))
    with pytest.raises(InvalidNameError):
        empty.import_head(parcel)
    with pytest.raises(InvalidNameError):
        empty.import_head(parcel, name="a b")
    assert empty.heads() == []


def test_weights_that_are_no_safetensors_are_refused(parcel, empty):
    replace(parcel, "head.safetensors", b"tree\nnot really")
    with pytest.raises(BadFileError, match="does not hold what its ending says"):
        empty.import_head(parcel)


def test_training_again_gives_the_imported_head(trained, folder, other, tmp_path):
    other.ingest(tmp_path / "tiny.jsonl", format="pairs", dataset="tiny")
    embed(other, "tiny", snapshot="tiny", encoder="toy", layout="joint")
    other.import_head(folder)
    result = other.train("h", snapshot="tiny", members=2)
    assert (result.info.reference, result.is_new) == ("h@1", False)
    copied = other.train("mine", snapshot="tiny", members=2).info
    assert head_store.origin(other, copied.head_id)["reference"] == "h@1"
    assert np.isfinite(other.head("mine").score(np.ones((1, 8)))).all()


def test_dropping_an_imported_head_leaves_nothing_behind(parcel, other):
    other.import_head(parcel)
    other.drop_head("h")
    for table in ("head_origins", "head_descriptions", "head_training", "head_weights"):
        assert other.value(f"select count(*) from rm.main.{table}") == 0
    assert other.import_head(parcel).info.reference == "h@2"


def test_commands(cli, parcel, tmp_path):
    cli("init")
    assert "h@1 imported" in cli("head", "import", parcel).out
    assert "h@1 is there already" in cli("head", "import", parcel).out
    assert "theirs@1 imported" in cli("head", "import", parcel, "--name", "theirs").out
    assert f"theirs@1 in {tmp_path / 'out'}" in cli("head", "export", "theirs", tmp_path / "out").out
    refused = cli("head", "export", "theirs", tmp_path / "out")
    assert refused.code == 1 and "--force" in refused.err
    assert cli("head", "export", "theirs", tmp_path / "out", "--force").code == 0
