"""Opening stores, running SQL, transactions, and errors with their type."""

import os
import signal
import subprocess
import sys
import threading
import time

import duckdb
import pytest

import rmstore
from rmstore.errors import Interrupted, QueryError, StoreError, StoreLockedError, StoreVersionError
from rmstore.store import quote_identifier, quote_literal, statement


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "lab.duckdb"
    with rmstore.connect(place):
        pass
    return place


def test_connect_gives_the_public_class(store):
    assert isinstance(store, rmstore.Store)
    assert repr(store) == "<Store in memory>"


def test_sql_returns_a_relation_that_needs_no_open_result(store):
    relation = store.sql("select $a + 1 as b", {"a": 1})
    store.sql("select 2")
    assert relation.fetchall() == [(2,)]
    assert store.query("select 1 as a").fetchall() == [(1,)]


def test_rows_and_value(store):
    assert store.rows("select 1 as a, 'x' as b") == [{"a": 1, "b": "x"}]
    assert store.value("select 5") == 5
    assert store.value("select 5 where false") is None


def test_tables_are_found_by_bare_name(store):
    assert store.value("select count(*) from prompts") == 0
    assert store.cursor().execute("select count(*) from prompts").fetchone() == (0,)


def test_macros_are_no_part_of_the_file(path):
    with duckdb.connect(str(path)) as con:
        assert con.execute(
            "select count(*) from duckdb_functions() where starts_with(function_name, 'rm_')"
        ).fetchone() == (0,)
        assert con.execute("select count(*) from prompts").fetchone() == (0,)


def test_atomic_is_all_or_nothing(store):
    with pytest.raises(ZeroDivisionError), store.atomic() as cursor:
        cursor.execute("insert into _rm_meta values ('k', 'v')")
        1 / 0  # noqa: B018
    assert store.value("select count(*) from _rm_meta where key = 'k'") == 0
    with store.atomic() as cursor:
        cursor.execute("insert into _rm_meta values ('k', 'v')")
    assert store.value("select count(*) from _rm_meta where key = 'k'") == 1


def test_read_only_stores_are_shared_and_not_written(path):
    with rmstore.connect(path, read_only=True) as one, rmstore.connect(path, read_only=True) as two:
        assert one.value("select count(*) from prompts") == two.value("select count(*) from prompts") == 0
        with pytest.raises(StoreError, match="read-only"), one.atomic():
            pass


def test_engine_errors_become_query_errors(store):
    with pytest.raises(QueryError, match="nowhere"):
        store.sql("from nowhere")


def test_trace_shows_statements(store):
    seen = []
    with store.trace(seen.append):
        store.sql("select 42")
    store.sql("select 43")
    assert seen == ["select 42"]


def test_run_quotes_identifiers(store):
    assert statement("doctor/rows", table='a"b').endswith('"a""b"\n')
    assert store.run("doctor/rows", table="prompts") == [{"count_star()": 0}]
    assert quote_identifier('a"b') == '"a""b"' and quote_literal("it's") == "'it''s'"


def test_a_missing_store_or_folder(tmp_path):
    for options in ({"read_only": True}, {"create": False}):
        with pytest.raises(StoreError, match="no store"):
            rmstore.connect(tmp_path / "none.duckdb", **options)
    with pytest.raises(StoreError, match="folder"):
        rmstore.connect(tmp_path / "none" / "lab.duckdb")


def test_not_a_duckdb_file(tmp_path):
    for name, content in {"blocks.txt": b"hello " * 1000, "short.duckdb": b"x"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StoreError, match="not a DuckDB file"):
            rmstore.connect(tmp_path / name)


def test_a_file_of_a_newer_duckdb(path):
    data = bytearray(path.read_bytes())
    assert data[8:12] == b"DUCK"
    data[12:20] = (9999).to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises((StoreVersionError, StoreError)) as caught:
        rmstore.connect(path)
    assert str(path) in str(caught.value)


def test_compat_is_checked(tmp_path):
    with pytest.raises(StoreError, match="not a DuckDB version"):
        rmstore.connect(tmp_path / "lab.duckdb", compat="'; drop")


def test_a_locked_store_names_the_holder(path):
    code = f"import rmstore, sys, time\nwith rmstore.connect({str(path)!r}): print('open', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "open\n"
        for read_only in (False, True):
            with pytest.raises(StoreLockedError, match=rf"process {holder.pid}"):
                rmstore.connect(path, read_only=read_only)
    finally:
        holder.kill()
        holder.communicate()


def test_ctrl_c_stops_a_query_and_the_store_goes_on(store):
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        store.sql("select count(*) from range(100000000000) a, range(100000000000) b")
    assert time.monotonic() - began < 20
    assert store.value("select 1") == 1 and not store.stop.is_set()


def test_attach_gives_functions_to_a_connection_and_creates_nothing():
    con = duckdb.connect()
    con.execute("create table mine as select 1 as a")
    with pytest.warns(UserWarning, match="heads live in memory"):
        store = rmstore.attach(con)
    with store:
        assert con.sql("select * from rm_heads()").fetchall() == []
        assert store.value("select a from mine") == 1
    tables = con.execute("select table_name from duckdb_tables() where database_name = 'memory'").fetchall()
    assert tables == [("mine",)]
    con.close()


def test_unknown_attribute_of_the_package():
    with pytest.raises(AttributeError, match="nonsense"):
        rmstore.nonsense  # noqa: B018


def test_times_with_a_zone_reach_python(store):
    assert store.rows("select '2026-01-01 00:00:00+00'::timestamptz as t")[0]["t"].utcoffset() is not None
