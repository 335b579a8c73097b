"""Migrations: fresh equals golden, each runs once, a failure leaves it pending, newer stores are refused."""

import gzip
import hashlib
import sys
from pathlib import Path

import duckdb
import pytest

import rmstore
from rmstore import migrate, resources
from rmstore.connection import migrate_file
from rmstore.errors import StoreError, StoreVersionError

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))

from refresh import schema  # noqa: E402

LEGACY = Path(__file__).parent / "legacy"


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A store, and one more migration that it does not have yet."""
    path = tmp_path / "lab.duckdb"
    with rmstore.connect(path):
        pass
    extra = migrate.Migration(9000, "9000_extra", "create table extra (a integer not null)")
    known = migrate.known()
    monkeypatch.setattr(migrate, "known", lambda: [*known, extra])
    return path


def test_fresh_equals_golden(store):
    assert schema(store) == (GOLDEN / "schema").read_text(encoding="utf-8"), "python tests/golden/refresh.py"


def test_every_table_has_a_comment(store):
    assert "None" not in schema(store)


def test_numbers_are_consecutive():
    assert [migration.number for migration in migrate.known()] == list(range(1, len(migrate.known()) + 1))


def test_released_migrations_do_not_change():
    lines = resources.tree("migrations").joinpath("frozen.txt").read_text(encoding="utf-8").splitlines()
    for digest, name in (line.split() for line in lines if line and not line.startswith("#")):
        text = resources.text("migrations", f"{name}.sql")
        assert hashlib.sha256(text.encode()).hexdigest() == digest, f"{name} is released; write a new migration"


def test_each_is_recorded_with_its_hash(store):
    applied = migrate.applied(store.con)
    assert {row["name"]: row["sha256"] for row in applied.values()} == {
        migration.name: migration.sha256 for migration in migrate.known()
    }
    assert migrate.pending(store.con) == []


@pytest.mark.parametrize("packed", sorted(LEGACY.glob("*.duckdb.gz")), ids=lambda path: path.name)
def test_a_store_of_an_earlier_version_comes_up_to_date(packed, tmp_path):
    path = tmp_path / "old.duckdb"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    with duckdb.connect(str(path), read_only=True) as con:
        before = {name: con.sql(f"from {name} order by all").fetchall() for name in ("responses", "heads", "snapshots")}
        vectors = con.sql("select encoder_id, text_id, embedding from embeddings_4_f32 order by all").fetchall()
    with rmstore.connect(path) as store:
        assert without_vectors(schema(store)) == (GOLDEN / "schema").read_text(encoding="utf-8")
        after = {name: store.cursor().sql(f"from {name} order by all").fetchall() for name in before}
        assert after == before
        kept = store.cursor().sql("select encoder_id, text_id, embedding from embeddings_4_f32 order by all").fetchall()
        assert kept == vectors and vectors
        assert not [finding for finding in store.doctor(everything=True) if finding.is_wrong]
        assert store.value("select count(rm_score('helpful', embedding)) from rm_rows('all')") == 48


def without_vectors(text):
    """Return a schema without the tables that embedding makes, which a fresh store has not."""
    shown, kept = [], True
    for line in text.splitlines(keepends=True):
        if not line.startswith(" "):
            kept = not line.startswith("embeddings_")
        if kept:
            shown.append(line)
    return "".join(shown)


def test_opening_for_writing_applies_what_is_missing(old):
    with rmstore.connect(old) as store:
        assert store.value("select count(*) from extra") == 0
    with rmstore.connect(old, read_only=True) as store:
        assert 9000 in migrate.applied(store.con)


def test_opening_for_reading_refuses_an_old_store(old):
    with pytest.raises(StoreVersionError, match="rmstore migrate"):
        rmstore.connect(old, read_only=True)


def test_migrate_file_looks_or_applies(old):
    assert [migration.number for migration in migrate_file(old, dry_run=True)] == [9000]
    assert [migration.number for migration in migrate_file(old)] == [9000]
    assert migrate_file(old) == []
    with pytest.raises(StoreError, match="no store"):
        migrate_file(old.with_name("none.duckdb"))


def test_a_failure_leaves_it_pending(old, monkeypatch):
    broken = migrate.Migration(9001, "9001_broken", "create table half (a integer); select error('stop')")
    known = migrate.known()
    monkeypatch.setattr(migrate, "known", lambda: [*known, broken])
    with pytest.raises(StoreError, match="'9001_broken' failed and changed nothing: .*stop"):
        rmstore.connect(old)
    assert [migration.number for migration in migrate_file(old, dry_run=True)] == [9001]
    monkeypatch.setattr(migrate, "known", lambda: known)
    with rmstore.connect(old) as store:
        assert store.value("select count(*) from duckdb_tables() where table_name = 'half'") == 0


def test_a_newer_store_is_refused_with_its_version(tmp_path):
    path = tmp_path / "lab.duckdb"
    with rmstore.connect(path) as store:
        store.sql("insert into _rm_migrations values (77, '0077_later', 'x', now()::timestamp, '9.1.0')")
    with pytest.raises(StoreVersionError, match=r"rmstore 9\.1\.0 or newer"):
        rmstore.connect(path)


def test_another_text_of_a_migration_is_refused(tmp_path):
    path = tmp_path / "lab.duckdb"
    with rmstore.connect(path) as store:
        store.sql("update _rm_migrations set sha256 = 'abc'")
    with pytest.raises(StoreVersionError, match="another text"):
        rmstore.connect(path)


def test_a_database_of_somebody_else_is_refused(tmp_path):
    path = tmp_path / "own.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("create table mine (a integer)")
    with pytest.raises(StoreError, match="not an rmstore store"):
        rmstore.connect(path)
    with duckdb.connect(str(path)) as con:
        assert [row[0] for row in con.execute("show tables").fetchall()] == ["mine"]
