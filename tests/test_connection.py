"""Opening stores and attaching functions to a connection that the user opened."""

import os
import signal
import subprocess
import sys
import threading
import warnings

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rmstore
from rmstore import connection, reports
from rmstore.connection import migrate_file
from rmstore.errors import Interrupted, StoreError, StoreLockedError, StoreVersionError


def test_a_store_that_this_process_has_open_is_named(tmp_path):
    path = tmp_path / "lab.duckdb"
    with rmstore.connect(path), pytest.raises(StoreLockedError, match="open in this process already"):
        rmstore.connect(path)


def test_a_store_left_open_makes_no_noise_at_exit():
    code = "import rmstore; store = rmstore.connect(); store.sql('from rm_heads()')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_what_is_written_stays(tmp_path):
    path = tmp_path / "lab.duckdb"
    with rmstore.connect(path) as store:
        store.sql("insert into datasets values (1, 'a', null, null, 'hh', now()::timestamp, null)")
    with rmstore.connect(path, read_only=True) as store:
        assert store.sql("select name from datasets").fetchall() == [("a",)]
        with pytest.raises(StoreError, match="read-only"), store.atomic():
            pass


def test_the_file_is_plain_duckdb(tmp_path):
    path = tmp_path / "lab.duckdb"
    rmstore.connect(path).close()
    with duckdb.connect(str(path), read_only=True) as plain:
        assert plain.execute("select count(*) from duckdb_functions() where function_name like '%rm\\_%' escape '\\'"
                             " and database_name = 'lab'").fetchall() == [(0,)]  # fmt: skip
        assert ("heads",) in plain.execute("select table_name from duckdb_tables()").fetchall()


def test_a_missing_store_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"no store at .*nothing\.duckdb"):
        rmstore.connect(tmp_path / "nothing.duckdb", create=False)
    with pytest.raises(StoreError, match="folder .* does not exist"):
        rmstore.connect(tmp_path / "no" / "lab.duckdb")


def test_what_is_no_store_is_left_alone(tmp_path):
    text = tmp_path / "text.duckdb"
    text.write_text("this is not a database, " * 1_000)
    with pytest.raises(StoreError, match="not a DuckDB file"):
        rmstore.connect(text)
    theirs = tmp_path / "theirs.duckdb"
    with duckdb.connect(str(theirs)) as con:
        con.execute("create table mine (i int)")
    before = theirs.read_bytes()
    with pytest.raises(StoreError, match="not an rmstore store"):
        rmstore.connect(theirs)
    assert theirs.read_bytes() == before


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "jsonl"])
def test_a_file_of_data_is_no_store_whatever_the_engine_makes_of_its_ending(tmp_path, ending):
    data = tmp_path / f"data.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table({"a": [1]}), data)
    else:
        data.write_text("a\n1\n" if ending == "csv" else '{"a": 1}\n')
    before = data.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="not a DuckDB file"):
            rmstore.connect(data, read_only=read_only)
    assert data.read_bytes() == before


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.97, 0.9999])
def test_a_store_cut_short_is_named_however_it_is_opened(tmp_path, kept):
    path = tmp_path / "lab.duckdb"
    with rmstore.connect(path) as store:
        store.sql("create table more as select random() as number from range(100_000)")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"lab\.duckdb' is a DuckDB file that was cut short") as caught:
            rmstore.connect(path, read_only=read_only)
        assert "from a copy" in caught.value.hint
        with duckdb.connect() as con, pytest.raises(StoreError, match="cut short"):
            rmstore.attach(con, path, read_only=read_only)
    with pytest.raises(StoreError, match="cut short"):
        migrate_file(path, dry_run=True)
    assert path.read_bytes() == before


def test_an_empty_file_and_a_folder(tmp_path, cli):
    for read_only in (False, True):
        with pytest.raises(StoreError, match="is a folder and no store"):
            rmstore.connect(tmp_path, read_only=read_only)
    told = cli("--store", str(tmp_path), "status")
    assert told.code == 1 and "give the file of a store" in told.err and "IO Error" not in told.err
    (tmp_path / "empty.duckdb").touch()
    with pytest.raises(StoreError, match="not a DuckDB file"):
        rmstore.connect(tmp_path / "empty.duckdb")


def test_a_newer_store_is_refused_with_the_version_it_needs(tmp_path):
    path = tmp_path / "lab.duckdb"
    with rmstore.connect(path) as store:
        store.sql("insert into _rm_migrations values (9000, '9000_later', 'x', now()::timestamp, '7.1.0')")
    for read_only in (False, True):
        with pytest.raises(StoreVersionError, match="install rmstore 7.1.0 or newer"):
            rmstore.connect(path, read_only=read_only)


def test_a_second_process_is_told_who_holds_the_store(tmp_path):
    path = tmp_path / "lab.duckdb"
    rmstore.connect(path).close()
    code = f"import rmstore; s = rmstore.connect({str(path)!r}); print('open', flush=True); input(); s.close()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"open\n"
        for read_only in (False, True):
            with pytest.raises(StoreLockedError, match=f"process {holder.pid}"):
                rmstore.connect(path, read_only=read_only)
        holder.communicate(b"\n")
    rmstore.connect(path).close()


def test_several_readers_share_a_file(tmp_path):
    path = tmp_path / "lab.duckdb"
    rmstore.connect(path).close()
    code = f"import rmstore; s = rmstore.connect({str(path)!r}, read_only=True); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code + "; s.close()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout.readline() == b"open\n"
        with rmstore.connect(path, read_only=True) as store:
            assert store.sql("select count(*) from heads").fetchall() == [(0,)]
        reader.communicate(b"\n")


def made(con):
    return {name for (name,) in con.execute("select function_name from duckdb_functions()").fetchall()}


def test_ctrl_c_while_a_store_is_opened_is_no_fault_and_leaves_it_closed(tmp_path, monkeypatch):
    opened = []

    def endless(con, *, read_only):
        opened.append(con)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        con.execute("select sum(i * i % 7) from range(1000000000000) as t(i)").fetchall()

    monkeypatch.setattr(connection, "_bring_up_to_date", endless)
    monkeypatch.setattr(connection.migrate, "apply", lambda con: endless(con, read_only=False))
    with pytest.raises(Interrupted):
        rmstore.connect(tmp_path / "lab.duckdb")
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        opened[0].execute("select 1")
    with pytest.raises(Interrupted):
        migrate_file(tmp_path / "lab.duckdb")
    with duckdb.connect() as mine, warnings.catch_warnings(action="ignore"), pytest.raises(Interrupted):
        rmstore.attach(mine)


def test_the_warning_of_attach_names_the_line_that_called_it():
    with duckdb.connect() as mine, pytest.warns(UserWarning, match="no store given") as told:
        rmstore.attach(mine)
    assert told[0].filename == __file__


def test_what_reports_alone_use_waits_for_the_first_report(toured):
    with rmstore.connect(toured / "tour.duckdb", read_only=True) as store:
        before = made(store.con)
        store.sql("begin")
        n_rows = reports.run(store, "accuracy", {"head": "tour-linear"}).table.num_rows
        store.sql("commit")
        added = made(store.con) - before
    assert n_rows > 0
    assert "_rm_judged_votes" in added and all(name.startswith("_rm_") for name in added)


@pytest.fixture
def mine(tmp_path):
    """A user's own database file with vectors."""
    rng = np.random.default_rng(3)
    column = pa.FixedSizeListArray.from_arrays(pa.array(rng.standard_normal(600).astype(np.float32)), 3)
    with duckdb.connect(str(tmp_path / "mine.duckdb")) as con:
        con.register("arrow_rows", pa.table({"i": np.arange(200), "e": column}))
        con.execute("create table vectors as from arrow_rows")
        con.unregister("arrow_rows")
        yield con


TRAIN = "select rm_train('h', a.e, b.e).version from vectors a join vectors b on b.i = a.i + 100"


def test_attach_without_a_store_keeps_heads_in_memory_and_the_users_file_untouched(mine):
    with pytest.warns(UserWarning, match="heads live in memory"):
        rmstore.attach(mine)
    assert mine.execute(TRAIN).fetchall() == [(1,)]
    assert mine.execute("select count(rm_score('h', e)) from vectors").fetchall() == [(200,)]
    tables = mine.execute("select table_name from duckdb_tables() where database_name = 'mine'").fetchall()
    macros = mine.execute("select count(*) from duckdb_functions() where database_name = 'mine' and not internal")
    assert tables == [("vectors",)]
    assert macros.fetchall() == [(0,)]


def test_attach_with_a_store_keeps_heads_there(mine, tmp_path):
    path = tmp_path / "lab.duckdb"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rmstore.attach(mine, path)
    mine.execute(TRAIN)
    mine.execute("detach rm")
    with rmstore.connect(path, read_only=True) as store:
        assert store.sql("select name, version from rm_heads()").fetchall() == [("h", 1)]


def test_attach_twice_is_refused(mine):
    with pytest.warns(UserWarning, match="in memory"):
        rmstore.attach(mine)
    with pytest.raises(StoreError, match="already has a database called 'rm'"):
        rmstore.attach(mine)


def test_cursors_of_an_attached_connection_score_by_full_name(mine):
    with pytest.warns(UserWarning, match="in memory"):
        store = rmstore.attach(mine)
    mine.execute(TRAIN)
    assert store.cursor().execute("select count(rm_score('h', e)) from vectors").fetchall() == [(200,)]


def test_an_optimizer_that_gives_wrong_results_is_switched_off(mine):
    setting = "select current_setting('disabled_optimizers')"
    known = {name for (name,) in mine.execute("select name from duckdb_optimizers()").fetchall()}
    wrong = known & {"common_subplan"}
    with rmstore.connect() as store:
        assert set(store.value(setting).split(",")) - {""} == wrong
    mine.execute("set disabled_optimizers = 'top_n'")
    with pytest.warns(UserWarning, match="in memory"):
        rmstore.attach(mine)
    assert set(mine.execute(setting).fetchall()[0][0].split(",")) == wrong | {"top_n"}
