"""Snapshots as folders: the same bytes each time, and readable by an engine that knows no rmstore."""

import json
import threading

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from sharing import DATA_FILES, NAMES, fill, manifest, shown

import rmstore
from rmstore import snapshot_folder, snapshot_vectors
from rmstore.errors import InputError, StoreError, UnknownNameError

LAYOUTS = ("joint", "response", "prompt||response", "joint||response", "prompt||response||prompt*response")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A store with votes, ratings and steps, and a snapshot of all in every precision."""
    with rmstore.connect() as store:
        fill(store, tmp_path_factory.mktemp("data"))
        for precision in ("f32", "f16", "i8"):
            store.embed(NAMES, encoder="toy", snapshot=precision, encoder_options={"precision": precision}, steps=True)
        yield store


def opened(folder):
    """Return a plain DuckDB connection that has read ``rows.sql``."""
    con = duckdb.connect()
    con.execute(f"set file_search_path = '{folder}'")
    con.execute((folder / "rows.sql").read_text(encoding="utf-8"))
    return con


def plain(rows):
    """Return rows with ids as text and vectors as they are."""
    return sorted([tuple(str(value) for value in row) for row in rows])


@pytest.mark.parametrize("precision", ["f32", "f16", "i8"])
def test_plain_duckdb_shows_the_same_rows_and_pairs(origin, tmp_path, precision):
    origin.export_snapshot(precision, tmp_path / "out")
    con = opened(tmp_path / "out")
    rows, pairs = shown(origin, precision)
    assert plain(con.sql('from "rows"').fetchall()) == plain(rows) and len(rows) > 70
    wanted = origin.sql("select * exclude (dataset_id, file_id) from rm_pairs($s)", {"s": precision})
    columns = ", ".join(f'"{name}"' for name in wanted.columns)
    assert plain(con.sql(f"select {columns} from pairs").fetchall()) == plain(pairs)
    assert con.sql('select distinct typeof(embedding) from "rows"').fetchall() == [("FLOAT[16]",)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_put_together_from_its_parts(origin, tmp_path, layout):
    name = layout.replace("||", "-").replace("*", ".")
    origin.embed("votes", encoder="toy", snapshot=name, layout=layout)
    origin.export_snapshot(name, tmp_path / "out")
    assert plain(opened(tmp_path / "out").sql('from "rows"').fetchall()) == plain(shown(origin, name)[0])
    parts = {path.stem for path in (tmp_path / "out").glob("vectors_*")}
    assert parts == {f"vectors_{part}" for part in ("joint", "prompt", "response") if part in layout}


def test_halves_are_bits_that_numpy_reads(origin, tmp_path):
    origin.export_snapshot("f16", tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "vectors_joint.parquet")
    bits = np.array(table["embedding"].to_pylist(), np.uint16)
    rows = opened(tmp_path / "out").sql("select embedding[:8] from vectors order by response_id").fetchall()
    assert np.array_equal(bits.view(np.float16).astype(np.float32), np.array([row[0] for row in rows], np.float32))


@pytest.mark.parametrize("numbers", [[0.0, -0.0, 1.0, -1.5, 65504.0, 6e-8, -6.1e-5, 0.333]])
def test_every_kind_of_half_reads_as_the_number_it_is(numbers):
    halves = np.array(numbers, np.float16)
    text = snapshot_folder.fill_in(snapshot_folder.statement("exchange/views/floats_f16"), {"dim": "8"})
    con = duckdb.connect()
    query = f"select {text} from (select $bits::usmallint[] as embedding)"
    found = con.execute(query, {"bits": halves.view(np.uint16).tolist()}).fetchone()[0]
    assert np.array(found, np.float32).tobytes() == halves.astype(np.float32).tobytes()


def test_the_same_snapshot_has_the_same_bytes_whatever_the_threads(origin, tmp_path):
    origin.export_snapshot("f32", tmp_path / "one")
    threads = origin.value("select current_setting('threads')")
    origin.sql("set threads = 1")
    origin.export_snapshot("f32@1", tmp_path / "two")
    origin.sql(f"set threads = {int(threads)}")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_the_order_of_the_vectors_in_the_store_does_not_show(origin, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot_vectors, "_GROUP", 1)
    origin.export_snapshot("f16", tmp_path / "before")
    table = "rm.main.embeddings_8_f16"
    origin.con.execute(f"create temp table taken as from {table} order by md5(text_id::varchar)")
    origin.con.execute(f"delete from {table}; insert into {table} from taken")
    origin.export_snapshot("f16", tmp_path / "after")
    for path in (tmp_path / "before").iterdir():
        assert path.read_bytes() == (tmp_path / "after" / path.name).read_bytes(), path.name


def test_a_vector_that_stands_twice_is_not_exported(tmp_path):
    with rmstore.connect() as store:
        fill(store, tmp_path)
        store.embed("votes", encoder="toy", snapshot="s", layout="joint")
        store.con.execute("insert into rm.main.embeddings_8_f32 from rm.main.embeddings_8_f32 limit 1")
        with pytest.raises(StoreError, match="does not hold one vector for each"):
            store.export_snapshot("s", tmp_path / "out")


def test_the_manifest_says_what_it_is_made_of(origin, tmp_path):
    info = origin.export_snapshot("f32", tmp_path / "out")
    said = manifest(tmp_path / "out")
    assert (said["format"], said["format_version"], said["rmstore_version"]) == (
        "rmstore snapshot", 1, rmstore.__version__)  # fmt: skip
    assert said["snapshot"]["fingerprint"] == info.fingerprint == said["snapshot"]["members_fingerprint"]
    assert said["snapshot"]["n_members"] == info.n_rows and said["encoder"]["key"] == info.encoder_key
    assert [(row["name"], row["license"]) for row in said["datasets"]] == [
        ("rated", "CC-BY-4.0"), ("traces", None), ("votes", "MIT")]  # fmt: skip
    names = {f"{name}.parquet" for name in (*DATA_FILES, "vectors_joint", "vectors_response", "vectors_step")}
    assert said["files"].keys() == names | {"rows.sql", "README.md"}
    for name in names:
        assert pq.read_metadata(tmp_path / "out" / name).num_rows == said["files"][name]["n_rows"]
    readme = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "rated: CC-BY-4.0" in readme and "traces: licence not recorded" in readme


def test_vectors_of_steps_go_along_where_every_step_has_one(origin, tmp_path):
    origin.embed("traces", encoder="toy:4", snapshot="bare", layout="joint")
    origin.export_snapshot("bare", tmp_path / "bare")
    assert not (tmp_path / "bare" / "vectors_step.parquet").exists()
    assert pq.read_metadata(tmp_path / "bare" / "steps.parquet").num_rows > 0
    origin.embed("traces", encoder="toy:4", snapshot="bare", layout="joint", steps=True)
    origin.export_snapshot("bare", tmp_path / "full")
    assert (tmp_path / "full" / "vectors_step.parquet").exists()


def test_a_filtered_snapshot_takes_only_what_belongs_to_it(origin, tmp_path):
    origin.embed("votes", encoder="toy", snapshot="odd", where="subset = 'odd'")
    origin.export_snapshot("odd", tmp_path / "out")
    con = opened(tmp_path / "out")
    assert plain(con.sql('from "rows"').fetchall()) == plain(shown(origin, "odd")[0])
    assert con.sql("select distinct dataset from 'generations.parquet'").fetchall() == [("votes",)]
    files = con.sql("select dataset, file from 'dataset_files.parquet'").fetchall()
    assert files == [("votes", 1)]


def test_a_split_that_another_data_set_published_goes_along(tmp_path):
    lines = [{"prompt": f"Q {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(9)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    other = {"prompt": [{"role": "user", "content": "Q 1"}, {"role": "assistant", "content": "x"},
                        {"role": "user", "content": "y"}], "chosen": "c", "rejected": "d"}  # fmt: skip
    (tmp_path / "b.jsonl").write_text(json.dumps(other))
    with rmstore.connect() as store, rmstore.connect() as there:
        store.ingest(tmp_path / "a.jsonl", format="pairs", dataset="a", split="train")
        store.ingest(tmp_path / "b.jsonl", format="pairs", dataset="b", split="test", license="MIT")
        store.embed("a", encoder="toy", snapshot="s")
        assert store.value("select count(*) from rm_rows('s') where split = 'test'") == 2
        store.export_snapshot("s", tmp_path / "out")
        assert [row["name"] for row in manifest(tmp_path / "out")["datasets"]] == ["a", "b"]
        there.import_snapshot(tmp_path / "out")
        assert shown(there, "s") == shown(store, "s")
        assert there.value("select count(*) from responses") == 18


def test_vectors_of_version_0_1_get_their_checksums(origin, tmp_path):
    origin.export_snapshot("i8", tmp_path / "before")
    origin.con.execute("begin; update rm.main.embeddings_8_i8 set checksum = null")
    origin.con.execute("commit")
    origin.export_snapshot("i8", tmp_path / "after")
    name = "vectors_joint.parquet"
    assert (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()


def test_what_is_there_is_not_overwritten(origin, tmp_path):
    origin.export_snapshot("f32", tmp_path / "out")
    with pytest.raises(StoreError, match="is there already"):
        origin.export_snapshot("i8", tmp_path / "out")
    origin.export_snapshot("i8", tmp_path / "out", force=True)
    assert manifest(tmp_path / "out")["snapshot"]["name"] == "i8"
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match=r"holds 'thesis.tex', which is not ours"):
        origin.export_snapshot("f32", tmp_path / "out", force=True)
    with pytest.raises(UnknownNameError):
        origin.export_snapshot("nothing", tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_snapshot_that_lost_members_or_vectors_is_not_exported(tmp_path):
    with rmstore.connect() as store:
        fill(store, tmp_path)
        store.embed("votes", encoder="toy", snapshot="s", layout="joint")
        store.con.execute(
            "delete from rm.main.renderings where item_id = (select min(item_id) from rm.main.renderings)"
        )
        with pytest.raises(StoreError, match="1 vectors of part 'joint' of 's@1' are missing"):
            store.export_snapshot("s", tmp_path / "out")
        store.con.execute("delete from rm.main.snapshot_members where rowid = 0")
        with pytest.raises(StoreError, match="are not those that were frozen"):
            store.export_snapshot("s", tmp_path / "out")
        store.drop_snapshot("s")
        with pytest.raises((InputError, UnknownNameError)):
            store.export_snapshot("s@1", tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_snapshot_without_members_is_not_exported(tmp_path):
    with rmstore.connect() as store:
        fill(store, tmp_path)
        store.embed("votes", encoder="toy", snapshot="s", layout="joint")
        store.drop_dataset("votes", force=True)
        with pytest.raises(InputError, match=r"all \d+ responses of snapshot 's@1' were withdrawn"):
            store.export_snapshot("s", tmp_path / "out")
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("moment", ["prompts", "generations", "step_labels", "vectors_joint"])
def test_what_is_dropped_while_it_is_exported_goes_along(tmp_path, moment):
    with rmstore.connect() as store, rmstore.connect() as there:
        fill(store, tmp_path)
        store.embed(NAMES, encoder="toy", snapshot="s", layout="joint")
        store.export_snapshot("s", tmp_path / "before")

        def drop(done, total, what):
            if what == moment:
                dropper = threading.Thread(target=store.drop_dataset, args=("votes",), kwargs={"force": True})
                dropper.start()
                dropper.join()

        store.export_snapshot("s", tmp_path / "out", progress=drop)
        assert store.snapshot("s").n_withdrawn > 0
        for path in (tmp_path / "before").iterdir():
            assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes(), path.name
        assert there.import_snapshot(tmp_path / "out").is_new


def test_commands(cli, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "p", "chosen": "good", "rejected": "bad bad"}\n')
    cli("init")
    cli("ingest", tmp_path / "a.jsonl", "--format", "pairs", "--dataset", "d")
    cli("embed", "d", "--encoder", "toy", "--snapshot", "s")
    done = cli("snapshot", "export", "s", "--to", tmp_path / "out")
    assert done.out.startswith(f"s@1 in {tmp_path / 'out'}: 2 responses"), done.err
    refused = cli("snapshot", "export", "s", "--to", tmp_path / "out")
    assert refused.code == 1 and "--force" in refused.err
    assert cli("snapshot", "export", "s", "--to", tmp_path / "out", "--force").code == 0
    assert "s@1 is there already" in cli("snapshot", "import", tmp_path / "out").out
    done = cli("snapshot", "import", tmp_path / "out", "--name", "theirs")
    assert "theirs@1 imported: 2 responses, 0 of them and 0 vectors new here" in done.out
    said = json.loads(cli("snapshot", "import", tmp_path / "out", "--name", "b", "--json").out)
    assert said["snapshot"] == "b@1" and said["is_new"] is True and said["added"]["responses"] == 0


def test_no_folder_of_this_machine_leaves_with_an_export(store, tmp_path):
    fill(store, tmp_path)
    store.embed(NAMES, encoder="toy", snapshot="s", layout="joint")
    folder = tmp_path / "out"
    store.export_snapshot("s", folder)
    for name in ("datasets", "dataset_files"):
        shown = str(duckdb.sql(f"from read_parquet('{folder}/{name}.parquet')").fetchall())
        assert ".jsonl" in shown and str(tmp_path) not in shown
    for path in (folder / "README.md", folder / "manifest.json"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_file_names_lose_their_folders(store):
    given = "/home/me/data/a.jsonl, b.jsonl, hf://owner/name, C:\\data\\c.csv"
    assert store.value("select _rm_file_names($given)", {"given": given}) == "a.jsonl, b.jsonl, hf://owner/name, c.csv"
    assert store.value("select _rm_file_names(null::varchar)") is None
