"""report run --all: every report that fits, what changed alone; and reports that cannot be read."""

import json
import os
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from lab import fill, save_head
from own_reports import changed, write

import rmstore
from rmstore import head_store, reports, snapshots
from rmstore.errors import OptionError, ReportError, UnknownNameError
from rmstore.reports import batch, rerun, site

ROWS = [
    {"prompt": f"p{i}", "text": text, "reward": reward, "dataset": "de"[i % 2]}
    for i in range(8)
    for text, reward in (("good", 1.0 if i < 6 else -1.0), ("bad", 0.0))
]
VOTES = [(2 * i, 2 * i + 1, 1.0, ("easy", "hard")[i >= 6]) for i in range(8)]
COUNTS = """\
-- report:  counts
-- title:   Heads that live
-- grain:   one row per head
-- engines: duckdb
-- params:
-- columns: name VARCHAR, version INTEGER
select name, version from rm_heads() order by name, version
"""
TWO = COUNTS.replace("counts", "two").replace("params:", "params:  a SNAPSHOT, b SNAPSHOT")


@pytest.fixture
def filled(store, monkeypatch):
    """The heads h and flat on s@1; only reports of the test, and accuracy and bon, are there."""
    fill(store, ROWS, VOTES)
    save_head(store, snapshots.resolve(store, "s"), (), name="team/flat", weights=((0.0,),))
    few(monkeypatch)
    return store


def few(monkeypatch):
    """Leave few of the built-in reports, so that the test does not grow with them."""
    from rmstore import resources

    names = resources.names
    monkeypatch.setattr(
        resources,
        "names",
        lambda folder, path="": ["accuracy.sql", "bon.sql"] if path == "reports" else names(folder, path),
    )


@pytest.fixture
def dirs(tmp_path):
    """A folder with the report hits and one that has no head and no snapshot."""
    write(tmp_path / "reports", COUNTS, "counts")
    return [write(tmp_path / "reports")]


def states(rows):
    return {(row.report, row.head): row.state for row in rows}


def test_every_head_has_a_file_of_every_report_that_fits(filled, dirs, tmp_path):
    rows = filled.run_reports(tmp_path / "out", dirs=dirs)
    assert states(rows) == {
        ("accuracy", "h@1"): "written", ("accuracy", "team/flat@1"): "written",
        ("bon", "h@1"): "skipped", ("bon", "team/flat@1"): "skipped",
        ("counts", None): "written",
        ("hits", "h@1"): "written", ("hits", "team/flat@1"): "written",
    }  # fmt: skip
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.parquet"))
    assert files == [
        "accuracy/h@1+s@1.parquet", "accuracy/team~flat@1+s@1.parquet", "counts/all.parquet",
        "hits/h@1+s@1.parquet", "hits/team~flat@1+s@1.parquet",
    ]  # fmt: skip
    bon = next(row for row in rows if row.report == "bon")
    assert "no response is rated by attribute gold" in bon.reason or "rows" in bon.reason or "gold" in bon.reason
    alone = reports.run(filled, "hits", {"head": "h"}, dirs=dirs)
    assert pq.read_table(tmp_path / "out" / files[3]).to_pylist() == alone.table.to_pylist()
    assert rerun.rerun(filled, tmp_path / "out" / files[3], dirs=dirs).is_equal
    assert filled.value("select count(*) from report_runs where report = 'hits' and output is not null") == 2


def test_what_has_not_changed_is_left_alone(filled, dirs, tmp_path, monkeypatch):
    filled.run_reports(tmp_path / "out", dirs=dirs)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    n_runs = filled.value("select count(*) from report_runs")
    monkeypatch.setattr(batch, "execute", lambda *_: pytest.fail("nothing is to be computed"))
    again = filled.run_reports(tmp_path / "out", dirs=dirs)
    assert set(states(again).values()) == {"unchanged", "skipped"}
    assert all(row.reason for row in again if row.state == "skipped")
    assert next(row for row in again if row.report == "hits").n_rows == 3
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    assert filled.value("select count(*) from report_runs") == n_runs


def changed_sql(store, dirs):
    write(dirs[0], changed(("'all' marks the total", "'all' is the total")))


def changed_votes(store, dirs):
    store.sql("delete from preferences where subset = 'hard'")


def changed_head(store, dirs):
    save_head(store, snapshots.resolve(store, "s"), (), name="h", weights=((-1.0,),))


def changed_gold(store, dirs):
    store.sql("insert into ratings select uuid(), response_id, 1, 'gold', null, length(text) from responses")


@pytest.mark.parametrize(
    "change, written",
    [
        (changed_sql, {"hits"}),
        (changed_votes, {"accuracy", "counts", "hits"}),
        (changed_head, {"accuracy", "counts", "hits"}),
        (changed_gold, {"accuracy", "bon", "counts", "hits"}),
    ],
)
def test_a_change_computes_what_depends_on_it(filled, dirs, tmp_path, change, written):
    filled.run_reports(tmp_path / "out", dirs=dirs)
    change(filled, dirs)
    rows = filled.run_reports(tmp_path / "out", dirs=dirs)
    assert {row.report for row in rows if row.state == "written"} == written
    if change is changed_head:
        assert states(rows)["hits", "h@2"] == "written" and states(rows)["hits", "team/flat@1"] == "unchanged"
        assert (tmp_path / "out" / "hits" / "h@1+s@1.parquet").exists(), "an older version that lives keeps its file"


def test_a_file_that_was_damaged_or_is_gone_is_written_again(filled, dirs, tmp_path):
    filled.run_reports(tmp_path / "out", dirs=dirs)
    (tmp_path / "out/hits/h@1+s@1.parquet").write_bytes(b"PAR1")
    (tmp_path / "out/counts/all.parquet").unlink()
    (tmp_path / "out/skipped.json").write_text("[")
    rows = filled.run_reports(tmp_path / "out", dirs=dirs)
    assert {(row.report, row.head) for row in rows if row.state == "written"} == {("hits", "h@1"), ("counts", None)}


def test_heads_snapshots_and_parameters_can_be_chosen(filled, dirs, tmp_path):
    rows = filled.run_reports(tmp_path / "out", heads=["team/flat"], frozen=["s"], params={"subset": "easy"}, dirs=dirs)
    assert states(rows)["hits", "team/flat@1"] == "written" and ("hits", "h@1") not in states(rows)
    assert pq.read_table(tmp_path / "out/hits/team~flat@1+s@1.parquet")["n_pairs"].to_pylist()[-1] == 6
    with pytest.raises(UnknownNameError, match="no head is called 'flta'"):
        filled.run_reports(tmp_path / "out", heads=["flta"], dirs=dirs)
    with pytest.raises(OptionError, match="no parameter of any report is called 'sbuset'"):
        filled.run_reports(tmp_path / "out", params={"sbuset": "easy"}, dirs=dirs)
    for params, said in (({"split": "tset"}, "split is 'tset'\n  hint: one of"), ({"least": "few"}, "least is 'few'")):
        with pytest.raises(OptionError, match=said):
            filled.run_reports(tmp_path / "new", params=params, dirs=dirs)
    assert not (tmp_path / "new").exists()


def test_what_does_not_apply_has_a_reason_and_does_not_fail_the_rest(filled, tmp_path):
    folder = tmp_path / "reports"
    write(folder, TWO, "two")
    write(folder, changed(("least INTEGER = 0", "least INTEGER")), "needy")
    write(folder, changed(("where $split in", "where false and $split in")), "empty")
    write(folder, "-- report:  torn\nselect 1\n", "torn")
    write(folder, changed(("rm_pairs($snapshot)", "rm_pears($snapshot)")), "wrong")
    rows = filled.run_reports(tmp_path / "out", heads=["h"], dirs=[folder])
    found = {row.report: (row.state, row.reason) for row in rows}
    assert found["accuracy"] == ("written", "")
    assert found["two"] == ("skipped", "it needs 2 snapshots: run it by itself")
    assert found["needy"][0] == "skipped" and "needs 'least'" in found["needy"][1]
    assert found["empty"][0] == "skipped" and "the report has no rows" in found["empty"][1]
    assert found["torn"][0] == "failed" and "torn.sql" in found["torn"][1]
    assert found["wrong"][0] == "failed" and "rm_pears" in found["wrong"][1]
    again = filled.run_reports(tmp_path / "out", heads=["h"], dirs=[folder])
    assert {row.report: row.reason for row in again} == {name: reason for name, (_, reason) in found.items()}


def test_a_store_without_heads_has_reports_without_heads(store, dirs, tmp_path, monkeypatch):
    few(monkeypatch)
    rows = store.run_reports(tmp_path / "a" / "out", dirs=dirs)
    assert {row.report: row.reason for row in rows if row.report != "counts"} == dict.fromkeys(
        ("accuracy", "bon", "hits"), "there is no head"
    )


def test_files_of_what_is_gone_are_named_and_removed_when_asked(filled, dirs, tmp_path):
    out = tmp_path / "out"
    filled.run_reports(out, dirs=dirs)
    reports.run(filled, "hits", {"head": "h"}, dirs=dirs, to=out / "hits" / "mine.parquet")
    head_store.drop(filled, "team/flat@1")
    filled.sql("delete from preferences")
    rows = filled.run_reports(out, dirs=dirs)
    stale = {(row.file.relative_to(out).as_posix(), row.reason) for row in rows if row.state == "stale"}
    assert ("hits/team~flat@1+s@1.parquet", "head team/flat@1 is gone") in stale
    assert ("hits/h@1+s@1.parquet", "it does not apply any more") in stale
    assert not any("mine" in name for name, _ in stale)
    assert (out / "hits/h@1+s@1.parquet").exists()
    filled.run_reports(out, dirs=dirs, prune=True)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.parquet")) == [
        "counts/all.parquet", "hits/mine.parquet",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_made_is_an_error(filled, dirs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(rmstore.errors.StoreError, match="cannot make the folder"):
        filled.run_reports(tmp_path / "file" / "out", dirs=dirs)


SLOW = """
import sys, rmstore
from rmstore.reports import batch
execute, seen = batch.execute, []
def slow(*args):
    if len(seen) == 2:
        print("ready", flush=True)
        import time; time.sleep(60)
    seen.append(1)
    return execute(*args)
batch.execute = slow
with rmstore.connect(sys.argv[1]) as store:
    store.run_reports(sys.argv[2], dirs=[sys.argv[3]])
"""


def test_a_batch_that_was_killed_is_finished_by_the_next(dirs, tmp_path):
    path, out = tmp_path / "lab.duckdb", tmp_path / "out"
    with rmstore.connect(path) as opened:
        fill(opened, ROWS, VOTES)
    process = subprocess.Popen([sys.executable, "-c", SLOW, path, out, dirs[0]], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    (out / "accuracy").mkdir(exist_ok=True)
    (out / "accuracy" / f".h@1+s@1.parquet.{process.pid}.part").write_bytes(b"half")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    for file in out.rglob("*.parquet"):
        pq.read_table(file)  # complete or absent
    with rmstore.connect(path) as opened:
        for file in out.rglob("accuracy/*.parquet"):
            file.unlink()  # so that the leftover of the killed process has its file written again
        rows = opened.run_reports(out, dirs=dirs)
        assert states(rows)["hits", "h@1"] == states(rows)["accuracy", "h@1"] == "written"
        assert {row.state for row in opened.run_reports(out, dirs=dirs)} <= {"unchanged", "skipped"}
    assert not list(out.rglob(".*"))


def test_the_command_line_runs_all(cli, tmp_path, dirs, monkeypatch):
    few(monkeypatch)
    with rmstore.connect(tmp_path / "lab.duckdb") as opened:
        fill(opened, ROWS, VOTES)
        save_head(opened, snapshots.resolve(opened, "s"), (), name="flat", weights=((0.0,),))
    asked = ("report", "run", "--all", "--to", tmp_path / "out", "--reports", dirs[0])
    shown = cli(*asked)
    assert shown.code == 0 and "written" in shown.out and "hits/h@1+s@1.parquet" in shown.out
    assert "5 written" in shown.err
    outcome = cli(*asked, "--head", "h", "--head", "flat", "--split", "all", "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert {row["state"] for row in told if row["report"] == "hits"} == {"unchanged"}, "all is the default of hits"
    assert {row["state"] for row in told if row["report"] == "accuracy"} == {"written"}
    (dirs[0] / "torn.sql").write_text("select 1")
    wrong = cli(*asked)
    assert wrong.code == 1 and "failed" in wrong.out and "torn.sql" in wrong.out
    for words in (("accuracy", "--all", "--to", "x"), ("--all",), ("--all", "--to", "x", "--folds", "3"), ()):
        assert cli("report", "run", *words).code == 2


def test_one_report_that_cannot_be_read_stops_no_other(cli, tmp_path, dirs):
    with rmstore.connect(tmp_path / "lab.duckdb") as opened:
        fill(opened, ROWS, VOTES)
    (dirs[0] / "torn.sql").write_text("-- report:  torn\nselect 1")
    listed = json.loads(cli("report", "list", "--reports", dirs[0], "--json").out)
    torn = next(row for row in listed if row["report"] == "torn")
    assert torn["title"].startswith("BROKEN: ") and "torn.sql" in torn["title"]
    assert {"accuracy", "hits"} < {row["report"] for row in listed}
    assert cli("report", "run", "hits", "--reports", dirs[0], "--head", "h").code == 0
    checked = cli("report", "check", "--reports", dirs[0])
    assert checked.code == 1 and "WRONG" in checked.out and "torn.sql" in checked.out
    assert "torn.sql" in cli("report", "run", "torn", "--reports", dirs[0]).err
    with pytest.raises(ReportError, match=r"torn\.sql"):
        reports.list_reports(dirs)


def test_a_page_says_what_of_it_is_gone_and_which_report_is_wrong(filled, dirs, tmp_path):
    out = tmp_path / "out"
    filled.run_reports(out, dirs=dirs)
    filled.drop_head("team/flat@1")
    write(dirs[0], "select 1", "torn")
    wrong, gone = site.publish(filled, out, dirs=dirs).notes
    assert wrong.startswith("report torn is wrong: ") and "no line '-- report:'" in wrong
    n_stale = len(list(out.glob("*/team~flat@1+s@1.parquet")))
    assert gone.startswith(f"{n_stale} of the results show what is gone") and "--prune" in gone and n_stale > 0
    filled.run_reports(out, dirs=dirs, prune=True)
    assert len(site.publish(filled, out, dirs=dirs).notes) == 1
