"""Several processes and one file: one writer or many readers, and who comes late is told who holds it."""

import re
import signal
import subprocess
import sys

import operations
import pytest

import rmstore
from rmstore.errors import StoreLockedError

HOLD = """
import sys, rmstore
with rmstore.connect(sys.argv[1], read_only=sys.argv[2] == "read") as store:
    if sys.argv[2] != "read":
        store.ingest(sys.argv[3], format="pairs", dataset="more")
    print("holding", flush=True)
    sys.stdin.read()
"""

SCORE = """
import sys, rmstore
with rmstore.connect(sys.argv[1], read_only=True) as store:
    print("open", flush=True)
    sys.stdin.read()
    for _ in range(5):
        print(store.value("select sum(rm_score('helpful@1', embedding)::decimal(18, 4)) from rm_rows('s')"))
"""


class Child:
    """A process that opens a store, says so, and goes on when it is let."""

    def __init__(self, program, *words):
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.first = self.process.stdout.readline()

    def go_on(self):
        return self.process.communicate()

    def __enter__(self):
        assert self.first, self.process.stderr.read()
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def lab(bench):
    folder = bench.copy("score")
    operations.write_pairs(folder / "more.jsonl", 40, seed=99)
    return folder / operations.STORE


@pytest.mark.slow
def test_a_writer_keeps_everybody_out_until_it_ends(lab):
    with Child(HOLD, lab, "write", lab.parent / "more.jsonl") as writer:
        for read_only in (False, True):
            with pytest.raises(StoreLockedError) as caught:
                rmstore.connect(lab, read_only=read_only)
            told = str(caught.value)
            assert str(lab) in told and f"(process {writer.process.pid})" in told
            assert re.search(r"held by \S*python", told) and "exported snapshot" in told
        command = subprocess.run(
            [sys.executable, "-m", "rmstore", "--store", str(lab), "status"], capture_output=True, text=True
        )
        assert command.returncode == 1 and f"(process {writer.process.pid})" in command.stderr
        assert "Traceback" not in command.stderr
        _, told = writer.go_on()
        assert writer.process.returncode == 0, told
    with rmstore.connect(lab) as store:
        assert {row["name"] for row in store.datasets()} == {"d", "more"}


def test_a_killed_writer_keeps_nobody_out(lab):
    with Child(HOLD, lab, "write", lab.parent / "more.jsonl") as writer:
        writer.process.send_signal(signal.SIGKILL)
        writer.process.wait()
        with rmstore.connect(lab, read_only=True) as store:
            assert store.value("select count(*) from datasets where name = 'more'") == 1
        with rmstore.connect(lab) as store:
            assert not [finding for finding in store.doctor(everything=True) if finding.is_wrong]


@pytest.mark.slow
def test_readers_share_and_a_writer_is_told_of_them(lab):
    with rmstore.connect(lab, read_only=True) as store:
        wanted = store.value("select sum(rm_score('helpful@1', embedding)::decimal(18, 4)) from rm_rows('s')")
    with Child(SCORE, lab) as one, Child(SCORE, lab) as two, Child(SCORE, lab) as three:
        with pytest.raises(StoreLockedError, match=r"is held by .*\(process \d+\)") as caught:
            rmstore.connect(lab)
        held = int(re.search(r"process (\d+)", str(caught.value))[1])
        assert held in {reader.process.pid for reader in (one, two, three)}
        for reader in (one, two, three):
            out, err = reader.go_on()
            assert out.split() == [str(wanted)] * 5, err
    with rmstore.connect(lab) as store:
        store.sql("delete from head_tags")


def test_a_store_is_opened_once_in_a_process(lab):
    with rmstore.connect(lab), pytest.raises(StoreLockedError, match="open in this process already"):
        rmstore.connect(lab)
    with rmstore.connect(lab):
        pass
