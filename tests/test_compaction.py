"""Compaction: a smaller file with the same content, or the old one untouched."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import textwrap
import threading

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from golden.refresh import schema
from lab import save_head
from stocking import stock

import rmstore
from rmstore import compaction, doctor, snapshots
from rmstore.embedding import embed
from rmstore.errors import Interrupted, NoRoomError, StoreError, StoreLockedError

MANY = [(f"prompt {number // 4}", f"answer {number}") for number in range(400)]


def tables(store):
    """Every table of the store as arrow, with its rows in order."""
    names = store.rows("select table_name as name from duckdb_tables() where database_name = 'rm' order by name")
    return {row["name"]: store.con.sql(f"from rm.main.{row['name']}").to_arrow_table() for row in names}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file with two snapshots, of which one is dropped; its vectors are noise that no compression makes smaller."""
    place = tmp_path_factory.mktemp("made") / "made.duckdb"
    with rmstore.connect(place) as store:
        stock(store, MANY)
        store.sql("""
            insert into dataset_files by name
            select 1 as file_id, 1 as dataset_id, 'f' as path, 'x' as sha256, 'pairs' as format, 0 as n_rows,
                   0 as n_prompts, 0 as n_responses, 0 as n_preferences, 0 as n_ratings, 0 as n_rejected,
                   now()::timestamp as ingested_at
        """)
        embed(store, "d", snapshot="noise", encoder="toy:600", layout="joint")
        store.sql("""
            insert into embeddings_600_f32
            select 1, uuid(), list_transform(range(600), lambda place: random() + range)::float[600], null
            from range(2000)
        """)
        embed(store, "d", snapshot="d", encoder="toy:3", layout="joint")
        store.sql("checkpoint rm")
        save_head(store, snapshots.resolve(store, "d"), [], name="h")
        snapshots.drop(store, "noise")
    return place


@contextlib.contextmanager
def full_disk(n_bytes):
    """Let no file grow beyond some bytes: writing more fails as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lab.duckdb"


@pytest.fixture
def filled(made, path):
    shutil.copy(made, path)
    with rmstore.connect(path) as store:
        yield store


def test_the_file_shrinks_and_its_content_stays(filled, path):
    filled.sql("create view mine as select rm_score('h', [1.0::float]) as score")
    filled.sql("create index by_text on responses (text)")
    found = filled.gc(compact=True)
    before, golden = tables(filled), schema(filled)
    again = compaction.compact(filled)
    assert found.encoders[0].n_vectors == 2400 and found.compaction.n_before > 4_800_000
    assert found.compaction.n_before - found.compaction.n_after > 3_000_000, "of the 4.8 MB that went"
    assert again.n_after == path.stat().st_size <= found.compaction.n_after
    assert tables(filled) == before and schema(filled) == golden, "rows in order, types, comments"
    assert [finding for finding in doctor.check(filled) if finding.is_wrong] == [] and filled.snapshot(
        "d"
    ).n_rows == 400
    assert filled.value("select score from mine") == 1.0
    assert filled.value("select index_count from duckdb_tables() where table_name = 'responses'") == 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_store_goes_on_working_and_is_there_when_it_is_opened_again(filled, path):
    old = filled.cursor()
    compaction.compact(filled)
    stock(filled, [("x", "y")])
    assert old.execute("select count(*) from responses").fetchall() == [(401,)], "a cursor made before goes on too"
    filled.close()
    with rmstore.connect(path, read_only=True) as store:
        assert store.value("select count(*) from responses") == 401
        assert store.snapshot("d").fingerprint and store.head("h").info.version == 1


def test_row_groups_and_the_storage_version_stay(path):
    with rmstore.connect(path, compat="1.5") as store:
        wide = pa.table({"number": np.arange(30_000)})
        store.con.register("wide", wide)
        store.sql("create table numbers as select number from wide")
        old = "select tags['storage_version'] from duckdb_databases() where database_name = 'rm'"
        groups = "select max(count) from pragma_storage_info('rm.main.numbers') where segment_type = 'BIGINT'"
        before = store.value(old), store.value(groups)
        compaction.compact(store)
        assert (store.value(old), store.value(groups)) == before == (before[0], 12_288)
        assert store.sql("from numbers").fetchnumpy()["number"].tolist() == list(range(30_000))


def test_names_that_need_quotes_and_links(tmp_path):
    odd = tmp_path / "it\"s; a 'lab'.duckdb"
    link = tmp_path / "link.duckdb"
    with rmstore.connect(odd) as store:
        stock(store, MANY[:4])
    link.symlink_to(odd)
    odd.chmod(0o640)
    with rmstore.connect(link) as store:
        compaction.compact(store)
        assert store.value("select count(*) from responses") == 4
    assert link.is_symlink() and odd.stat().st_mode & 0o777 == 0o640


def test_stores_without_a_file_or_for_reading_are_refused(store, path):
    with pytest.raises(StoreError, match="in memory has no file"):
        compaction.compact(store)
    rmstore.connect(path).close()
    with rmstore.connect(path, read_only=True) as reading, pytest.raises(StoreError, match="read-only"):
        compaction.compact(reading)


def test_too_little_disk_is_said_with_what_it_takes(path):
    with pytest.raises(
        NoRoomError, match=r"lab.duckdb': compacting it needs 1,000,000,000 MB of free disk, and there are [\d,]+ MB"
    ):
        compaction._check_room(path, 10**15)


@pytest.mark.parametrize("stop", ["copying", "copied"])
def test_ctrl_c_leaves_the_store_as_it_was_or_done(filled, path, stop):
    before = tables(filled)
    run = contextlib.nullcontext() if stop == "copied" else pytest.raises(Interrupted)
    with run:
        compaction.compact(filled, progress=lambda done, total, note: note == stop and filled.stop.set())
    filled.stop.clear()
    assert tables(filled) == before and [file.name for file in path.parent.iterdir()] == [path.name]
    assert compaction.compact(filled).n_after > 0


def test_leftovers_of_a_killed_compaction_go(filled, path):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    running, theirs = f".lab.duckdb.{os.getppid()}.compact", ["lab.duckdb.compact", ".other.duckdb.1.compact"]
    for name in (f".lab.duckdb.{gone.pid}.compact", f".lab.duckdb.{gone.pid}.compact.wal", running, *theirs):
        path.with_name(name).write_bytes(b"half a copy")
    compaction.compact(filled)
    assert {file.name for file in path.parent.iterdir()} == {path.name, running, *theirs}
    assert path.with_name("lab.duckdb.compact").read_bytes() == b"half a copy", "whose it is, nobody knows"


def test_a_copy_that_lacks_rows_is_never_used(filled, path, monkeypatch):
    before = tables(filled)
    run = type(filled).execute

    def losing(self, cursor, query, params=None):
        found = run(self, cursor, query, params)
        if query.startswith("copy from"):
            cursor.execute(f"delete from {compaction._COPY}.main.responses where text = 'answer 7'")
        return found

    monkeypatch.setattr(type(filled), "execute", losing)
    with pytest.raises(StoreError, match=r"table main.responses: 399 rows of 400"):
        compaction.compact(filled)
    monkeypatch.undo()
    assert tables(filled) == before
    stock(filled, [("still", "writable")])
    assert [file.name for file in path.parent.iterdir() if file.suffix == ".compact"] == []


def test_an_open_transaction_is_refused(filled):
    filled.sql("begin transaction")
    filled.sql("delete from responses")
    with pytest.raises(StoreError, match="a transaction is open"):
        compaction.compact(filled)
    filled.sql("rollback")
    assert compaction.compact(filled).n_after > 0 and filled.value("select count(*) from responses") == 400


def test_a_transaction_of_another_thread_is_waited_for(filled):
    cursor = filled.cursor()
    cursor.execute("begin transaction")
    cursor.execute("delete from responses where text = 'answer 3'")
    timer = threading.Timer(0.5, lambda: cursor.execute("commit"))
    timer.start()
    compaction.compact(filled)
    timer.join()
    assert filled.value("select count(*) from responses") == 399


def test_a_transaction_that_does_not_end_loses_nothing(filled, path, monkeypatch):
    monkeypatch.setattr(compaction, "_PATIENCE", 0.2)
    cursor = filled.cursor()
    cursor.execute("begin transaction")
    cursor.execute("delete from responses where text = 'answer 3'")
    with pytest.raises(StoreLockedError, match=r"cannot be opened again[\s\S]*nothing is lost"):
        compaction.compact(filled)
    cursor.execute("commit")
    filled.close()
    with rmstore.connect(path) as store:
        assert store.value("select count(*) from responses") == 399


def test_nobody_can_write_while_the_copy_is_made(filled, monkeypatch):
    seen = []
    compare = compaction._compare

    def meanwhile(store, cursor):
        with pytest.raises(duckdb.Error, match="read-only"):
            store.con.execute("delete from rm.main.responses")
        seen.append(store.con.execute("select count(*) from rm.main.responses").fetchall())
        compare(store, cursor)

    monkeypatch.setattr(compaction, "_compare", meanwhile)
    compaction.compact(filled)
    assert seen == [[(400,)]]


def test_a_reader_in_another_process_is_named(path):
    with rmstore.connect(path) as store:
        stock(store, MANY[:4])
    script = f"""
        import sys, rmstore
        with rmstore.connect({str(path)!r}, read_only=True):
            print("open", flush=True)
            sys.stdin.readline()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout.readline() == "open\n"
        with pytest.raises(StoreLockedError, match=f"process {reader.pid}"):
            rmstore.connect(path)
        reader.communicate("\n")
    with rmstore.connect(path) as store:
        compaction.compact(store)


def test_a_connection_of_the_user_is_served_too(made, path, tmp_path):
    shutil.copy(made, path)
    con = duckdb.connect(tmp_path / "own.duckdb")
    con.execute("create table mine as select 1 as one")
    store = rmstore.attach(con, path)
    con.execute("use rm")
    assert store.gc(compact=True).compaction.n_after < 10_000_000
    assert con.execute("select count(*) from rm.main.responses").fetchall() == [(400,)]
    assert con.execute("select one from own.main.mine").fetchall() == [(1,)]
    con.close()


@pytest.mark.parametrize("logged", [True, False])
def test_a_disk_that_fills_up_meanwhile_leaves_the_store_as_it_was(filled, path, logged):
    """Either what stands in the log does not fit the file any more, or the copy does not fit the disk."""
    if logged:
        filled.sql("create table more as select random() as number from range(300_000)")
    before = tables(filled)
    with full_disk(2_000_000), pytest.raises(StoreError, match="no room left"):
        compaction.compact(filled)
    assert tables(filled) == before and [file.name for file in path.parent.iterdir() if "compact" in file.name] == []
    stock(filled, [("still", "writable")])
    assert compaction.compact(filled).n_after > 2_000_000
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_killed_while_it_copies_the_store_is_whole_and_the_next_one_clears_up(made, path):
    shutil.copy(made, path)
    with rmstore.connect(path, read_only=True) as store:
        before = tables(store)
    script = f"""
        import os, signal, rmstore
        from rmstore import compaction
        compaction._compare = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        compaction.compact(rmstore.connect({str(path)!r}))
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert killed.returncode == -9 and len(list(path.parent.glob(".lab.duckdb.*.compact"))) == 1
    with rmstore.connect(path) as store:
        assert tables(store) == before
        compaction.compact(store)
        assert tables(store) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
