"""A migration that fails or is killed leaves the store as it was, byte for byte in content."""

import gzip

import contents
import duckdb
import operations
import pytest

import rmstore
from rmstore import migrate, resources
from rmstore.errors import StoreError


@pytest.fixture
def old(tmp_path):
    """A store of version 0.1.0 with two tables of vectors."""
    path = tmp_path / operations.STORE
    path.write_bytes(gzip.decompress(operations.LEGACY.read_bytes()))
    return path


def held(path):
    """Return schema and rows of a store as plain DuckDB sees them, with times and run ids."""
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute("select table_name, sql, comment from duckdb_tables() order by all").fetchall()
        columns = con.execute("select table_name, column_name, comment from duckdb_columns() order by all").fetchall()
        rows = {name: con.execute(f'from "{name}" order by all').fetchall() for name, _, _ in tables}
    return tables, columns, rows


def failing(number, text):
    return migrate.Migration(number, f"{number:04}_fails", text)


@pytest.mark.parametrize(
    "text",
    [
        "alter table prompts add column extra integer; select error('stop')",
        "delete from snapshots; update heads set name = 'x'; drop table ratings; select error('stop')",
        "-- each: embedding table\nalter table rm.main.{table} add column extra integer;\n"
        "select case when '{table}' like '%8_f32%' then error('stop') end",
        "-- each: embedding table\ndelete from rm.main.{table};\nalter table rm.main.{table} drop column nothing",
    ],
    ids=["added", "deleted", "second of two tables", "first of two tables"],
)
def test_a_failure_changes_nothing(old, monkeypatch, text):
    before, released = held(old), migrate.known()[:1]
    assert len([name for name in before[2] if name.startswith("embeddings_")]) == 2
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "known", lambda: [*released, failing(2, text)])
        with pytest.raises(StoreError, match="failed and changed nothing"):
            rmstore.connect(old)
        assert held(old) == before
    with rmstore.connect(old) as store:  # with the migrations as they are
        assert migrate.pending(store.con) == []
        assert not [finding for finding in store.doctor(everything=True) if finding.is_wrong]


def test_what_came_before_the_failure_stays(old, monkeypatch):
    known = migrate.known()
    broken = failing(9000, "-- each: embedding table\ndrop table rm.main.{table}; select error('stop')")
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "known", lambda: [*known, broken])
        with pytest.raises(StoreError, match="failed and changed nothing"):
            rmstore.connect(old)
    with rmstore.connect(old, read_only=True) as store:
        assert set(migrate.applied(store.con)) == {migration.number for migration in known}
        after_failure = contents.of_store(store)
    fresh = old.with_name("fresh.duckdb")
    fresh.write_bytes(gzip.decompress(operations.LEGACY.read_bytes()))
    with rmstore.connect(fresh) as store:
        assert contents.unlike(contents.of_store(store), after_failure) == []


def test_released_migrations_of_vectors_fill_in_every_table(old):
    each = [migration for migration in migrate.known() if "-- each: embedding table" in migration.sql]
    assert each, resources.names("migrations")
    with rmstore.connect(old) as store:
        for table in ("embeddings_4_f32", "embeddings_8_f32"):
            columns = store.rows(f"select column_name from duckdb_columns() where table_name = '{table}'")
            assert {"column_name": "checksum"} in columns
