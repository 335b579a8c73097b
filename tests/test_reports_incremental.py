"""What a batch computes again: where data change, all that they concern, and nothing besides."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from elsewhere import ingest, lines
from lab import save_head
from own_reports import write

import rmstore
from rmstore import resources, snapshots
from rmstore.reports import batch as report_batch
from rmstore.reports import record
from rmstore.reports.execution import Job, prepare
from rmstore.reports.files import get
from rmstore.reports.inputs import Inputs

COUNTS = """\
-- report:  counts
-- title:   Votes here, and all that there are
-- grain:   one row
-- engines: duckdb
-- params:  snapshot SNAPSHOT
-- columns: n_here BIGINT, n_votes BIGINT
select (select count(*) from rm_pairs($snapshot)) as n_here, count(*) as n_votes from preferences
"""
GOLDS = """\
-- report:  golds
-- title:   Ratings from a file
-- grain:   one row
-- engines: duckdb
-- params:
-- columns: gold BIGINT
select gold from read_csv('FILE')
"""
BOUND, WHOLE = {"bon", "margins", "steps"}, {"counts", "leaks"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A store with the snapshot home@1 of three data sets, a head on it, and few of the built-in reports."""
    names, few = resources.names, [f"{name}.sql" for name in ("bon", "consistency", "leaks", "margins", "steps")]
    monkeypatch.setattr(resources, "names", lambda folder, path="": few if path == "reports" else names(folder, path))
    with rmstore.connect() as store:
        found = ingest(store, tmp_path, "home", "prompt")
        store.embed(found, snapshot="home", encoder="toy", layout="joint", steps=True)
        info = snapshots.resolve(store, "home")
        save_head(store, info, (), weights=(tuple(map(float, np.linspace(-1, 1, info.dim))),), objective="logistic")
        yield store


@pytest.fixture
def dirs(tmp_path):
    return [write(tmp_path / "own", COUNTS, "counts")]


def files(folder):
    """Return rows, to nine places, sources and notes of every result by report."""
    kept = ("heads", "snapshots", "datasets", "notes")
    return {
        file.parent.name: (
            [{name: round(value, 9) if isinstance(value, float) else value for name, value in row.items()}
             for row in pq.read_table(file).to_pylist()],
            [record.provenance_of(file)[key] for key in kept],
        )
        for file in folder.glob("*/*.parquet")
    }  # fmt: skip


def test_a_data_set_of_its_own_leaves_other_snapshots_alone(home, dirs, tmp_path, monkeypatch):
    def batch(folder):
        return {row.report: row.state for row in home.run_reports(tmp_path / folder, frozen=["home"], dirs=dirs)}

    done, execute = [], report_batch.execute
    monkeypatch.setattr(report_batch, "execute", lambda *given: done.append(given[1].report.name) or execute(*given))
    assert {name for name, state in batch("out").items() if state == "written"} == BOUND | WHOLE
    done.clear()
    found = ingest(home, tmp_path, "away", "elsewhere")
    home.embed(found, snapshot="away", encoder="toy", layout="prompt||response", steps=True)
    home.sql("update generations set origin = 'crossed' where dataset_id = 4")
    assert {name for name, state in batch("out").items() if state == "unchanged"} == BOUND
    assert set(done) == WHOLE | {"consistency"}, "why there is nothing to say may depend on the whole store"
    batch("fresh")
    assert files(tmp_path / "out") == files(tmp_path / "fresh")


def vote(store, folder):
    rows = [{"prompt": "prompt 1 so ", "chosen": "rain on 1", "rejected": "a good bridge a good bridge 1"}]
    store.ingest(lines(folder / "vote.jsonl", rows), format="pairs", dataset="home-votes")


def rating(store, folder):
    rows = [{"prompt": "prompt 1 so ", "response": "rain on 1", "gold": 9}]
    store.ingest(lines(folder / "rating.jsonl", rows), format="responses", dataset="other")


def split(store, folder):
    rows = [{"prompt": "prompt 1 so ", "response": "nobody embeds this"}]
    store.ingest(lines(folder / "split.jsonl", rows), format="responses", dataset="third", split="train")


def vectors(store, folder):
    found = [f"home-{kind}" for kind in ("votes", "golds", "steps")]
    store.embed(found, snapshot="apart", encoder="toy", layout="response")


def withdrawal(store, folder):
    store.drop_dataset("home-golds", force=True)


CHANGES = {
    "a vote": vote,
    "a rating from elsewhere": rating,
    "a split that is published elsewhere": split,
    "vectors of another layout": vectors,
    "a subset": "update generations set subset = 'late' where dataset_id = 1",
    "the subset of votes": "update preferences set subset = 'late' where dataset_id = 1",
    "an origin": "update generations set origin = 'crossed' where dataset_id = 2",
    "ratings": "update ratings set value = value + 1 where dataset_id = 2",
    "the format of a file": "update dataset_files set format = 'npy' where dataset_id = 1",
    "a likelihood": "update generations set logp = -1 where dataset_id = 2",
    "labels of steps": "update step_labels set label = 1 - label where dataset_id = 3",
    "where a prompt stands": "update prompt_sources set metadata = '{}' where dataset_id = 1",
    "a temperature": "update heads set temperature = 2 where name = 'h'",
    "what a head saw": "insert into head_training select head_id, uuid() from heads where name = 'h'",
    "a licence": "update datasets set license = 'MIT' where dataset_id = 1",
    "a withdrawal": withdrawal,
}


def test_whatever_concerns_a_snapshot_is_computed_again(home, dirs, tmp_path):
    found = ingest(home, tmp_path, "away", "elsewhere")
    home.embed(found, snapshot="away", encoder="toy", layout="joint", steps=True)
    far = snapshots.resolve(home, "away")
    save_head(home, far, (), name="far", weights=((1.0,) * far.dim,))

    def digests():
        inputs = Inputs(home)
        jobs = [Job(get("bon"), {"head": name}) for name in ("h", "far")]
        jobs.append(Job(get("counts", dirs), {"snapshot": "away"}))
        return [inputs.digest(job.report, prepare(home, job)) for job in jobs]

    before = digests()
    assert digests() == before
    for name, change in CHANGES.items():
        change(home, tmp_path) if callable(change) else home.sql(change)
        here, away, whole = digests()
        assert here != before[0] and whole != before[2], name
        assert away == before[1], name
        before = [here, away, whole]
    save_head(home, far, (), name="new", weights=((1.0,) * far.dim,))
    assert digests()[:2] == before[:2] and digests()[2] != before[2]


def test_the_code_is_an_input(home, tmp_path, monkeypatch):
    home.run_reports(tmp_path / "out")
    assert {row.state for row in home.run_reports(tmp_path / "out")} == {"unchanged", "skipped"}
    monkeypatch.setattr("rmstore.reports.inputs.code", lambda: "other")
    assert {row.state for row in home.run_reports(tmp_path / "out")} == {"written", "skipped"}


def test_a_report_that_reads_a_file_is_run_every_time(home, tmp_path):
    file = tmp_path / "golds.csv"
    dirs = [write(tmp_path / "files", GOLDS.replace("FILE", str(file)), "golds")]
    for gold in (1, 2, 2):
        file.write_text(f"gold\n{gold}\n")
        rows = home.run_reports(tmp_path / "out", dirs=dirs)
        assert next(row.state for row in rows if row.report == "golds") == "written"
        assert pq.read_table(tmp_path / "out/golds/all.parquet")["gold"].to_pylist() == [gold]
