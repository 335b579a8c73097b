"""Threads of one process: readers on cursors that come and go while another thread trains and embeds."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import operations
import pytest

import rmstore

QUERIES = {
    "score": "select sum(rm_score('helpful@1', embedding)::decimal(18, 4)) from rm_rows('s@1')",
    "members": "select sum(len(rm_score_members('helpful@2', embedding))) from rm_rows('s@1')",
    "rows": "select count(*), count(distinct response_id), sum(embedding[1]::decimal(18, 4)) from rm_rows('s@1')",
    "embed": "select sum(rm_embed('toy', p, p)[2]::decimal(18, 4)) from (select 'word ' || range as p from range(300))",
    "win_prob": "select sum(rm_win_prob('helpful@1', chosen_embedding, rejected_embedding)::decimal(18, 4)) "
    "from rm_pairs('s@1')",
}
READERS = 4
COLLECTS = int(duckdb.__version__.partition(".")[0]) >= 2
"""Whether cursors may be left to the collector beside running functions; DuckDB 1.5 locks up."""


def run_for(seconds, lab):
    """Read in threads and write in one; return how many queries ran and what went wrong."""
    with rmstore.connect(lab) as store:
        wanted = {name: store.cursor().execute(query).fetchall() for name, query in QUERIES.items()}
        end, wrong, counts = time.monotonic() + seconds, [], []

        def read(first):
            n, names = 0, list(QUERIES)
            while time.monotonic() < end and not wrong:
                name = names[(first + n) % len(names)]
                cursor = store.cursor()
                found = cursor.execute(QUERIES[name]).fetchall()
                if n % 2 or not COLLECTS:
                    cursor.close()  # the others are left to the collector
                if found != wanted[name]:
                    wrong.append((name, found, wanted[name]))
                n += 1
            counts.append(n)

        def write():
            n = 0
            while time.monotonic() < end and not wrong:
                n += 1
                operations.write_pairs(lab.parent / "more.jsonl", 40, seed=1000 + n, prompts="more")
                store.ingest(lab.parent / "more.jsonl", format="pairs", dataset="more")
                store.embed(["d", "more"], encoder="toy", snapshot="s", batch_size=50)
                store.train("other", snapshot="s", members=2, seed=n)
            counts.append(-n)

        with ThreadPoolExecutor(READERS + 1) as pool:
            jobs = [pool.submit(read, first) for first in range(READERS)] + [pool.submit(write)]
            problems = [problem for job in jobs if (problem := job.exception()) is not None]
        if problems:
            raise problems[0]
        assert wrong == []
        assert not [finding for finding in store.doctor(everything=True) if finding.is_wrong]
        assert len(store.heads("other")) == -min(counts)
    return sum(count for count in counts if count > 0)


@pytest.fixture
def lab(bench):
    return bench.copy("score") / operations.STORE


def test_readers_beside_a_writer(lab):
    assert run_for(2, lab) > READERS


@pytest.mark.slow
def test_readers_beside_a_writer_for_long(lab):
    assert run_for(90, lab) > 100


@pytest.mark.slow
def test_cursors_come_and_go_by_thousands(lab):
    with rmstore.connect(lab, read_only=True) as store:
        query = "select sum(rm_score('helpful@1', embedding)::decimal(18, 4)) from (from rm_rows('s@1') limit 3)"
        wanted = store.value(query)
        failures = []

        def churn():
            for _ in range(500):
                kept = [store.cursor() for _ in range(3)]
                if kept[1].execute(query).fetchone()[0] != wanted:
                    failures.append("another sum")
                if not COLLECTS:
                    for cursor in kept:
                        cursor.close()
                del kept

        threads = [threading.Thread(target=churn) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_an_exit_with_open_cursors_is_quiet(lab):
    program = (
        "import sys, threading, rmstore\n"
        "store = rmstore.connect(sys.argv[1])\n"
        "cursors = [store.cursor() for _ in range(5)]\n"
        "def use(cursor):\n"
        "    cursor.execute(\"select rm_score('helpful@1', embedding) from rm_rows('s')\").fetchone()\n"
        "threads = [threading.Thread(target=use, args=(cursor,)) for cursor in cursors]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "kept = store.cursor().sql(\"from rm_rows('s')\")\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(lab)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
