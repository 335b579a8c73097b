"""Ctrl-C in long commands: exit code 130, a store that is sound, and the same command finishes the work."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest

import rmstore
from rmstore import doctor


class Running:
    """A command whose stderr is a terminal, so that it shows its progress."""

    def __init__(self, *words):
        leader, follower = pty.openpty()
        command = [sys.executable, "-m", "rmstore", *map(str, words)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, text=True)
        os.close(follower)
        self.seen = ""
        self.reader = threading.Thread(target=self._read, args=(leader,), daemon=True)
        self.reader.start()

    def _read(self, leader):
        while True:
            try:
                data = os.read(leader, 4096)
            except OSError:
                break
            if not data:
                break
            self.seen += data.decode(errors="replace")
        os.close(leader)

    def interrupt_when(self, text, seconds=60):
        """Send Ctrl-C when the progress shows a text; return exit code and seconds until the end."""
        try:
            end = time.monotonic() + seconds
            while text not in self.seen:
                assert self.process.poll() is None, f"ended before {text!r}: {self.seen}"
                assert time.monotonic() < end, f"no {text!r}: {self.seen}"
                time.sleep(0.02)
            began = time.monotonic()
            self.process.send_signal(signal.SIGINT)
            self.process.communicate(timeout=60)
            return self.process.returncode, time.monotonic() - began
        finally:
            self.process.kill()
            self.process.communicate()
            self.reader.join(timeout=10)


@pytest.fixture
def path(tmp_path, monkeypatch):
    place = tmp_path / "lab.duckdb"
    monkeypatch.setenv("RMSTORE", str(place))
    with rmstore.connect(place):
        pass
    return place


def pairs(n, words=6):
    for number in range(n):
        filler = " ".join("word" * (1 + (number * place) % 5) for place in range(words))
        yield {
            "prompt": f"Question {number}?",
            "chosen": f"A good answer {number} {filler}",
            "rejected": f"No {number} {filler}",
        }


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def sound(store):
    return [finding for finding in doctor.check(store) if finding.n] == []


def test_ingest(path, tmp_path, cli):
    folder = tmp_path / "parts"
    folder.mkdir()
    for part in range(30):
        write(folder / f"{part:03}.jsonl", ({**row, "prompt": f"{part} {row['prompt']}"} for row in pairs(1_000)))
    words = ("ingest", f"{folder}/*.jsonl", "--format", "pairs", "--dataset", "d")
    code, seconds = Running(*words).interrupt_when(".jsonl: ")
    assert code == 130 and seconds < 20
    with rmstore.connect(path) as store:
        assert sound(store)
        n_files = store.value("select count(*) from dataset_files")
        assert n_files < 30
        assert store.value("select count(*) from preferences") == 1_000 * n_files
    assert cli(*words).code == 0
    with rmstore.connect(path) as store:
        assert store.value("select count(*) from preferences") == 30_000
        assert sound(store)


def test_embed(path, tmp_path, cli):
    cli("ingest", write(tmp_path / "pairs.jsonl", pairs(4_000)), "--format", "pairs", "--dataset", "d")
    words = ("embed", "d", "--encoder", "toy", "--snapshot", "s", "--batch-size", "20")
    code, seconds = Running(*words).interrupt_when("/s")
    assert code == 130 and seconds < 20
    with rmstore.connect(path) as store:
        assert sound(store)
        n_before = store.value("select count(*) from embeddings_8_f32")
        assert n_before > 0
        assert store.snapshots() == []
    done = json.loads(cli("embed", "d", "--encoder", "toy", "--snapshot", "s", "--json").out)
    assert done["rows"] == 8_000
    with rmstore.connect(path) as store:
        assert store.value("select count(*) from embeddings_8_f32") == n_before + done["embedded"]
        assert sound(store)


def test_train(path, tmp_path, cli):
    cli("ingest", write(tmp_path / "pairs.jsonl", pairs(3_000)), "--format", "pairs", "--dataset", "d")
    cli("embed", "d", "--encoder", "toy", "--snapshot", "s")
    slow = ("-o", "epochs=3000", "-o", "patience=3000", "--members", "4")
    code, seconds = Running("train", "h", "--snapshot", "s", "--head", "mlp", *slow).interrupt_when("/s")
    assert code == 130 and seconds < 20
    with rmstore.connect(path) as store:
        assert sound(store) and store.heads() == []
    assert cli("train", "h", "--snapshot", "s", "--head", "mlp", "-o", "epochs=2").code == 0
    with rmstore.connect(path) as store:
        assert [head.reference for head in store.heads()] == ["h@1"]


def endless(marker):
    """Two statements, of which the first leaves a file and the second does not end."""
    return f"copy (select 1) to '{marker}'; select count(*) from range(10000000000) a, range(10000000000);"


def interrupted(command, marker, script=None):
    """Send Ctrl-C to a command that is in its second statement; return exit code and what it wrote to stderr."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-m", "rmstore", *command], **pipes, text=True)
    if script is not None:
        process.stdin.write(script)
        process.stdin.flush()
    while not marker.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    time.sleep(0.5)  # it is at the second one by now, and as good where it is not
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    return process.returncode, err


def test_query(path, tmp_path):
    marker = tmp_path / "started.csv"
    code, err = interrupted(["query", endless(marker)], marker)
    assert code == 130 and "Traceback" not in err and "committed" in err


def test_script_of_the_shell_ends(path, tmp_path):
    marker, after = tmp_path / "started.csv", tmp_path / "after.csv"
    script = endless(marker).replace("; ", ";\n") + f"\ncopy (select 2) to '{after}';\n"
    code, err = interrupted(["shell"], marker, script)
    assert code == 130 and "Traceback" not in err and "committed" in err
    assert not after.exists()
