"""Folders and files that cannot be written: reading works, writing and exporting say which place refuses."""

import os
import shutil
import subprocess
import sys

import operations
import pytest


@pytest.fixture
def unprivileged():
    """Words before a command that take away the right of root to write everywhere."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to take that away")
    return ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]


@pytest.fixture
def rmstore(bench, tmp_path, unprivileged):
    """Run a command on a store whose folder is ``lab`` and cannot be written, from a folder that can."""
    lab = tmp_path / "lab"
    shutil.copytree(bench.start("trained"), lab)
    for place in (lab, *lab.rglob("*")):
        place.chmod(place.stat().st_mode & ~0o222)

    def run(*words):
        command = [*unprivileged, sys.executable, "-m", "rmstore", "--store", str(lab / operations.STORE), *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    yield run
    for place in (lab, *lab.rglob("*")):
        place.chmod(place.stat().st_mode | 0o200)


@pytest.mark.slow
def test_reading_works(rmstore, tmp_path):
    for words in (
        ["status", "--json"],
        ["doctor"],
        ["head", "list"],
        ["query", "select count(rm_score('helpful@1', embedding)) as n from rm_rows('s') group by dataset"],
        ["score", "helpful@1", "--snapshot", "s", "--to", "scores.parquet"],
        ["head", "export", "helpful@1", "folder"],
    ):
        done = rmstore(*words)
        assert done.returncode == 0, (words, done.stderr)
    assert (tmp_path / "scores.parquet").exists() and (tmp_path / "folder" / "manifest.json").exists()


@pytest.mark.slow
def test_what_does_not_fit_the_memory_goes_elsewhere(rmstore, tmp_path):
    text = "select md5(range::varchar) as s from range(1500000)"
    sql = f"set memory_limit = '80MB'; select count(distinct s) as n from ({text})"
    done = rmstore("query", sql, "--csv")
    assert done.returncode == 0 and done.stdout.split() == ["n", "1500000"], done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["train", "other", "--snapshot", "s"],
        ["ingest", "lab/parts/0.jsonl", "--format", "pairs", "--dataset", "e"],
        ["dataset", "drop", "d", "--force"],
        ["migrate"],
    ],
)
def test_writing_is_refused(rmstore, words):
    done = rmstore(*words)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "lab.duckdb' cannot be written" in done.stderr and "hint: " in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["head", "export", "helpful@1", "lab/out"],
        ["head", "export", "helpful@1", "lab/helpful.sql"],
        ["score", "helpful@1", "--snapshot", "s", "--to", "lab/scores.parquet"],
        ["query", "select 1 as one", "--to", "lab/one.csv"],
    ],
)
def test_exporting_there_is_refused(rmstore, words):
    done = rmstore(*words)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "lab' cannot be written" in done.stderr and "hint: " in done.stderr


def test_a_new_store_there_is_refused(rmstore):
    done = rmstore("--store", "lab/new.duckdb", "init")
    assert done.returncode == 1 and "lab/new.duckdb' cannot be written" in done.stderr
