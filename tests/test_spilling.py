"""What does not fit the memory goes beside the store, into a folder of one connection, and does not stay there."""

import subprocess
import sys
import tempfile
from pathlib import Path

import rmstore
from rmstore import spilling

SPILLED = """
import os, sys, rmstore
store = rmstore.connect(sys.argv[1], memory_limit="60MB", threads=1)
store.sql("create temp table many as select range as i, md5(range::varchar) as s from range(2000000)")
print(store.value("select current_setting('temp_directory')"), flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), 9)
store.close()
"""


def run(store, end, folder):
    done = subprocess.run([sys.executable, "-c", SPILLED, store, end], cwd=folder, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return Path(done.stdout.split()[-1])  # the engine may show its progress before it


def test_it_goes_beside_the_store_and_goes_away(tmp_path):
    lab, elsewhere = tmp_path / "lab", tmp_path / "elsewhere"
    lab.mkdir()
    elsewhere.mkdir()
    place = run(str(lab / "a.duckdb"), "closed", elsewhere)
    assert place.parent == lab and place.name.startswith("a.duckdb.") and not place.exists()
    assert list(elsewhere.iterdir()) == []
    left = run(str(lab / "a.duckdb"), "killed", elsewhere)
    assert list(left.glob("duckdb_temp_*")) and list(elsewhere.iterdir()) == []
    kept = lab / "a.duckdb.77-1.tmp"
    kept.mkdir()
    (kept / "mine").write_text("not the engine's")
    with rmstore.connect(lab / "a.duckdb", read_only=True):
        assert left.exists()  # another reader may be using such a folder
    with rmstore.connect(lab / "a.duckdb"):
        assert not left.exists() and (kept / "mine").exists()


def test_connections_have_folders_of_their_own(tmp_path):
    system = Path(tempfile.gettempdir())
    places = [
        spilling.folder(None),
        spilling.folder(None),
        spilling.folder(tmp_path / "a"),
        spilling.folder(tmp_path / "a"),
    ]
    assert len(set(places)) == 4
    assert [place.parent for place in places] == [system, system, tmp_path, tmp_path]
    with rmstore.connect() as store, rmstore.connect() as other:
        setting = "select current_setting('temp_directory')"
        assert store.value(setting) != other.value(setting)
