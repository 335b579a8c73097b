"""Several processes give the vectors of one, and leave nobody behind."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from rmstore.encoders import load_encoder, workers
from rmstore.errors import InputError, Interrupted, OptionError

TEXTS = [("river rain " * (number % 40)) + str(number) for number in range(60)]

SCRIPT = """
import multiprocessing, os, sys
from rmstore.encoders import load_encoder, workers
workers._CHARS_PER_TASK = 500
if __name__ == "__main__":
    encoder = load_encoder(sys.argv[1], {"processes": 2})
    print(float(encoder.encode(["river rain " * 30] * 20).sum()), flush=True)
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    if sys.argv[2] == "wait":
        sys.stdin.read()
"""


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return str(tiny_models.bert(tmp_path_factory.mktemp("models") / "bert"))


@pytest.fixture
def small_tasks(monkeypatch):
    monkeypatch.setattr(workers, "_CHARS_PER_TASK", 500)


def gone(pids, *, within=120):
    """Return True as soon as none of the processes lives."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with Path(f"/proc/{pid}/stat").open(encoding="utf-8") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def before(small_tasks):
    """Processes that were there already."""
    return set(multiprocessing.active_children())


def test_vectors_are_those_of_one_process_and_an_interrupt_stops_them(bert, before):
    """One start of the workers for several checks, as it takes seconds."""
    encoder, alone = load_encoder(bert, {"processes": 2}), load_encoder(bert)
    assert encoder.spec == alone.spec
    assert encoder.commit_size == 2 * alone.commit_size
    found = encoder.encode(TEXTS)
    started = set(multiprocessing.active_children()) - before
    assert len(started) == 2
    np.testing.assert_allclose(found, alone.encode(TEXTS), atol=1e-5)
    order = np.random.default_rng(0).permutation(len(TEXTS))
    np.testing.assert_allclose(encoder.encode([TEXTS[row] for row in order]), found[order], atol=1e-5)
    assert encoder.encode([]).shape == (0, encoder.spec.dim)

    def stop():
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        encoder.encode(TEXTS, poll=stop)
    np.testing.assert_allclose(encoder.encode(TEXTS), found, atol=1e-5)  # the workers are there still
    assert set(multiprocessing.active_children()) - before == started
    del encoder
    gc.collect()
    assert gone([child.pid for child in started])


@pytest.mark.slow
def test_a_killed_worker_is_an_error_and_the_next_call_starts_new_ones(bert, before):
    encoder = load_encoder(bert, {"processes": 2})
    found = encoder.encode(TEXTS)
    started = set(multiprocessing.active_children()) - before
    os.kill(next(iter(started)).pid, signal.SIGKILL)
    with pytest.raises(InputError, match="one of 2 encoder processes did not start or was killed"):
        for _ in range(100):
            encoder.encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), found, atol=1e-5)  # by new ones

    last = set(multiprocessing.active_children()) - before
    del encoder
    gc.collect()
    assert gone([child.pid for child in last | started])


def test_few_texts_start_nobody(bert):
    before = set(multiprocessing.active_children())
    load_encoder(bert, {"processes": 2}).encode(["river", "rain"])
    assert set(multiprocessing.active_children()) <= before
    with pytest.raises(OptionError, match="processes"):
        load_encoder(bert, {"processes": 0})


@pytest.mark.slow
@pytest.mark.parametrize("end", ["return", "kill"])
def test_workers_end_with_the_program(bert, tmp_path, end):
    script = tmp_path / "program.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(script), bert, "wait" if end == "kill" else "return"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        timer = threading.Timer(500, program.kill)
        timer.start()
        assert float(program.stdout.readline()) != 0
        pids = [int(pid) for pid in program.stdout.readline().split()]
        timer.cancel()
        assert len(pids) == 2
        if end == "kill":
            program.send_signal(signal.SIGKILL)
        program.wait(120)
    assert gone(pids)


@pytest.mark.slow
def test_a_program_without_the_guard_is_told_so(bert, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"), encoding="utf-8")
    done = subprocess.run([sys.executable, str(script), bert, "return"], capture_output=True, text=True, timeout=500)
    assert done.returncode != 0
    assert "if __name__ == '__main__'" in done.stderr
