"""Numbered SQL migrations: pending, applied, apply; each in one transaction with its hash."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass

import duckdb

from rmstore import __version__, disk, resources
from rmstore.errors import StoreError, StoreVersionError
from rmstore.hashing import ID_VERSION
from rmstore.store import fill_in, quote_identifier, utc_now


@dataclass(frozen=True)
class Migration:
    """One file of ``migrations/``."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Hash of the text, recorded beside the migration."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def known() -> list[Migration]:
    """Return every migration that this version ships, in order."""
    return [
        Migration(int(name[:4]), name.removesuffix(".sql"), resources.text("migrations", name))
        for name in resources.names("migrations")
    ]


def applied(con: duckdb.DuckDBPyConnection) -> dict[int, dict[str, str]]:
    """Return number -> name, sha256, rmstore_version of what the store has; looking never writes."""
    if not _has_table(con, "_rm_migrations"):
        return {}
    rows = con.execute("select number, name, sha256, rmstore_version from rm.main._rm_migrations").fetchall()
    return {row[0]: dict(zip(("name", "sha256", "rmstore_version"), row[1:], strict=True)) for row in rows}


def pending(con: duckdb.DuckDBPyConnection) -> list[Migration]:
    """Return the migrations that the attached store ``rm`` lacks.

    Raises:
        StoreVersionError: the store has a migration that this version does not know, or another text of one.
        StoreError: the file is a DuckDB database of somebody else.
    """
    have, ship = applied(con), {migration.number: migration for migration in known()}
    if not have and _tables(con):
        raise StoreError(
            "this DuckDB file holds tables but is not an rmstore store",
            hint="give a new path, or use rmstore.attach to get the functions on your own connection",
        )
    for number, row in have.items():
        if number not in ship:
            raise StoreVersionError(
                f"the store has migration {row['name']!r}, which rmstore {__version__} does not know",
                hint=f"install rmstore {row['rmstore_version']} or newer",
            )
        if row["sha256"] != ship[number].sha256:
            raise StoreVersionError(
                f"migration {row['name']!r} was applied with another text (sha256 {row['sha256'][:12]})",
                hint=f"the store was written by rmstore {row['rmstore_version']}; open it with that version",
            )
    return [migration for number, migration in sorted(ship.items()) if number not in have]


def apply(con: duckdb.DuckDBPyConnection) -> list[Migration]:
    """Bring the attached store ``rm`` up to date and return what was applied.

    Everything that can be refused is refused before the first statement runs.

    Raises:
        StoreError: the store cannot be brought up to date, or a migration failed and was undone.
        NoRoomError: the disk is full.
    """
    todo = pending(con)
    for migration in todo:
        con.execute("begin transaction")
        try:
            _apply_one(con, migration)
            con.execute("commit")
        except BaseException as problem:
            with suppress(duckdb.Error):  # after a fatal error there is nothing left to roll back
                con.execute("rollback")
            if isinstance(problem, duckdb.Error):
                raise disk.no_room(str(problem)) or StoreError(
                    f"migration {migration.name!r} failed and changed nothing: {problem}",
                    hint="keep a copy of the store, and go on with the version of rmstore that wrote it",
                ) from problem
            raise
    return todo


def _apply_one(con: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    now = utc_now()
    if not _has_table(con, "_rm_migrations"):
        con.execute(resources.text("sql", "queries/migrations_table.sql"))
    for text in _texts(con, migration.sql):
        con.execute(text)
    con.execute(
        "insert into rm.main._rm_migrations values (?, ?, ?, ?, ?)",
        [migration.number, migration.name, migration.sha256, now, __version__],
    )
    if migration.number == 1:
        rows = [("id_version", str(ID_VERSION)), ("created_at", now.isoformat()), ("created_by", __version__)]
        con.executemany("insert into rm.main._rm_meta values (?, ?)", rows)


def _texts(con: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """Return what a migration runs: its text, or one text for each table of vectors where its header says so.

    Such tables are made when an encoder of a width is first used, so no file can name them.
    """
    if not re.search(r"^-- each: *embedding table$", sql, re.MULTILINE):
        return [sql]
    tables = sorted(name for name in _tables(con) if re.fullmatch(r"embeddings_\d+_\w+", name))
    return [fill_in(sql, {"table": quote_identifier(name)}) for name in tables]


def _tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    rows = con.execute("select table_name from duckdb_tables() where database_name = 'rm'").fetchall()
    return {row[0] for row in rows}


def _has_table(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    return name in _tables(con)
