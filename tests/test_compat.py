"""Files and two versions of the engine: a store made with --compat 1.5 is read and written by both.

The other version is a folder that ``pip install --target FOLDER duckdb==1.5.6`` made, named by RMSTORE_OTHER_DUCKDB.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import rmstore
from rmstore import doctor
from rmstore.errors import StoreError, StoreVersionError

WRITE = """
import json, sys, rmstore
from stocking import stock
with rmstore.connect(sys.argv[1], **json.loads(sys.argv[2])) as store:
    stock(store, [(f"q{i}", f"a{i} {'x' * i}", sys.argv[3]) for i in range(int(sys.argv[4]), int(sys.argv[4]) + 9)])
    store.sql("delete from prompt_sources")
    store.embed("d", snapshot="d", encoder="toy", layout="joint")
    store.sql("select rm_train('h', a.embedding, b.embedding) from rm_rows('d') as a join rm_rows('d') as b "
              "on a.n_chars > b.n_chars")
"""
READ = """
import json, sys, duckdb, rmstore
from rmstore import doctor
with rmstore.connect(sys.argv[1], read_only=True) as store:
    print(json.dumps({
        "duckdb": duckdb.__version__,
        "rows": store.value("select count(*) from rm_rows('d')"),
        "reward": store.value("select round(sum(rm_score('h', embedding)), 3)::double from rm_rows('d@1')"),
        "wrong": [f.check for f in store.doctor(everything=True) if f.is_wrong],
        "storage": doctor.facts(store)["storage version"],
    }))
"""


@pytest.fixture(scope="module")
def other():
    """The folder of the other engine."""
    place = os.environ.get("RMSTORE_OTHER_DUCKDB")
    if not place or not Path(place).is_dir():
        pytest.skip("RMSTORE_OTHER_DUCKDB does not name a folder with another version of duckdb")
    return place


def python(code, *arguments, engine=""):
    """Run code in a process of its own, with the engine of a folder or the usual one, and return what it prints."""
    root = Path(rmstore.__file__).parent.parent
    paths = [engine, str(Path(__file__).parent), str(root), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
    )  # fmt: skip
    assert done.returncode == 0 or engine is None, done.stderr[-2_000:]
    return done


def read(file, engine):
    return json.loads(python(READ, file, engine=engine).stdout)


def as_2(other):
    """Return (folder of 1.5, folder of 2.0); the engine that runs the tests is one of them, and has no folder."""
    return ("", other) if duckdb.__version__.startswith("1.") else (other, "")


@pytest.mark.parametrize("maker", ["1.5", "2.0"])
def test_both_engines_read_and_write_a_compatible_store(tmp_path, other, maker):
    file, (old, new) = tmp_path / "lab.duckdb", as_2(other)
    first, second = (old, new) if maker == "1.5" else (new, old)
    python(WRITE, file, json.dumps({"compat": "1.5"} if maker == "2.0" else {}), "p", 0, engine=first)
    found = [read(file, engine) for engine in (first, second)]
    assert {one["duckdb"][:2] for one in found} == {"1.", "2."}
    assert found[0]["rows"] == found[1]["rows"] == 9 and found[0]["wrong"] == found[1]["wrong"] == []
    assert found[0]["reward"] == pytest.approx(found[1]["reward"], rel=1e-4)
    python(WRITE, file, "{}", "q", 9, engine=second)  # what the other writes, the first still reads
    again = [read(file, engine) for engine in (first, second)]
    assert again[0]["rows"] == again[1]["rows"] == 18 and again[0]["wrong"] == again[1]["wrong"] == []


def test_a_store_of_2_is_refused_by_1_with_the_next_step(tmp_path, other):
    file, (old, new) = tmp_path / "lab.duckdb", as_2(other)
    python(WRITE, file, "{}", "p", 0, engine=new)
    code = """
import sys, rmstore
from rmstore.errors import StoreVersionError
try:
    rmstore.connect(sys.argv[1])
except StoreVersionError as problem:
    print(problem)
"""
    said = python(code, file, engine=old).stdout
    assert "newer DuckDB than 1." in said and "pip install -U duckdb" in said and "--compat 1.5" in said


def test_the_storage_version_is_told_and_kept(tmp_path):
    file = tmp_path / "lab.duckdb"
    rmstore.connect(file, compat="1.5").close()
    for _ in range(2):
        with rmstore.connect(file) as store:
            facts = doctor.facts(store)
            assert "1.5" in facts["storage version"] or duckdb.__version__.startswith("1.")
            store.sql("insert into snapshot_tags values ('x', 'y', 1, now()::timestamp)")


def test_versions_that_are_none(tmp_path):
    for compat in ("new", "1.5'); drop", "", "9.9"):
        if compat:
            with pytest.raises(StoreError):
                rmstore.connect(tmp_path / "x.duckdb", compat=compat)
        assert not (tmp_path / "x.duckdb").exists()


def test_a_file_of_a_later_engine_is_refused(tmp_path):
    file = tmp_path / "lab.duckdb"
    rmstore.connect(file).close()
    data = bytearray(file.read_bytes())
    assert data[8:12] == b"DUCK"
    data[12] = 0xFF  # the version of the format, far ahead
    file.write_bytes(data)
    with pytest.raises(StoreError) as problem:
        rmstore.connect(file)
    told = str(problem.value)
    assert isinstance(problem.value, StoreVersionError) or "not a DuckDB file" in told or "damaged" in told
