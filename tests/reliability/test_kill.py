"""Killed at any moment, a store reopens, and the same command finishes the work (design.md, promise 1)."""

import random
import shutil
from contextlib import chdir

import contents
import killing
import operations
import pytest

ROUNDS, IN_A_ROW = 8, 2
"""Rounds per operation, and kills that hit the same store before the work is finished."""


def kill_and_finish(bench, operation, moments, count_kill, *, small_log=False):
    """Kill an operation at each moment, a share of its time, one after the other; then finish it and compare."""
    whole = bench.undisturbed(operation)
    folder = bench.copy(operation)
    for number, moment in enumerate(moments):
        with killing.Worker(operation, folder, *(["small-log"] if small_log else [])) as worker:
            hit = worker.kill_after(moment * whole.seconds)
        count_kill(operation, hit=hit)
        if operations.OPERATIONS[operation].opens and not (folder / operations.STORE).exists():
            continue  # killed before the store was there
        # a store that lacks a migration is not opened for reading; what is opened for writing brings in the log
        killing.check_sound(folder, read_only=number == 0 and not operations.OPERATIONS[operation].opens)
    with chdir(folder):
        operations.perform(operation)
    tables, files = killing.held(folder)
    assert contents.unlike(tables, whole.tables) == []
    assert files.keys() == whole.files.keys()
    assert files == whole.files
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize(("operation", "moment"), [("init", 0.5), ("ingest", 0.5), ("migrate", 0.4)])
def test_killed_once(bench, count_kill, operation, moment):
    kill_and_finish(bench, operation, [moment], count_kill)


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(ROUNDS))
@pytest.mark.parametrize("operation", operations.OPERATIONS)
def test_killed_at_any_moment(bench, count_kill, operation, turn):
    draw = random.Random(f"{operation} {turn}")
    moments = [(turn + draw.random()) / ROUNDS, *(0.6 * draw.random() for _ in range(1, IN_A_ROW))]
    kill_and_finish(bench, operation, moments, count_kill, small_log=turn % 2 == 1)
