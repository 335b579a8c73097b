"""A full disk: a clear error, an unharmed store, and the same command finishes once there is room."""

import re
import shutil
import subprocess
from contextlib import chdir

import contents
import killing
import operations
import pytest

OPERATIONS = [
    "ingest",
    "embed",
    "train-linear",
    "head-export",
    "score",
    "snapshot-export",
    "snapshot-import",
    "gc-compact",
]
ROOM = [0, 40, 400]
"""KB that are left."""

REFUSALS = [
    r"NoRoomError: no room left to write '.+': (No space left on device|File too large)",
    r"NoRoomError: no room left to write '.+': compacting it needs \d+ MB of free disk, and there are \d+ MB",
]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 32 MB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place, *, leaving):
    """Fill a disk to some KB and return the file that does."""
    filler = place / "filler"
    with filler.open("wb") as stream:
        stream.write(b"x" * max(0, shutil.disk_usage(place).free - leaving * 1024))
    return filler


def refused(worker):
    """Run a worker to its end; return whether it was refused, and check how."""
    code, told = worker.finish()
    assert code in (0, 1), told
    if code:
        assert any(re.match(pattern, told) for pattern in REFUSALS), told
        assert "hint: make room" in told
    return bool(code)


def finishes(bench, operation, folder):
    """Check that a store is sound and that the operation finishes on it with what it always leaves."""
    killing.check_sound(folder, read_only=True)
    with chdir(folder):
        operations.perform(operation)
    tables, files = killing.held(folder)
    whole = bench.undisturbed(operation)
    assert contents.unlike(tables, whole.tables) == []
    assert files == whole.files


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_room_on_the_disk(bench, small_disk, operation):
    n_refused = 0
    for room in ROOM:
        folder = small_disk / f"work-{room}"
        shutil.copytree(bench.start(operations.OPERATIONS[operation].start), folder)
        filler = fill(small_disk, leaving=room)
        n_refused += refused(killing.Worker(operation, folder))
        filler.unlink()
        finishes(bench, operation, folder)
        shutil.rmtree(folder)
    assert n_refused


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_file_may_grow(bench, operation):
    folder = bench.copy(operation)
    size = (folder / operations.STORE).stat().st_size
    limits = [4_096, size + 100_000]
    n_refused = sum(refused(killing.Worker(operation, folder, f"file-limit={limit}")) for limit in limits)
    assert n_refused
    finishes(bench, operation, folder)
