"""report rerun: a run repeated from its own record, whoever wrote that."""

import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lab import fill, save_head
from own_reports import ROWS, VOTES, changed, fill_eight, write

import rmstore
from rmstore import head_store, reports, snapshots
from rmstore.errors import BadFileError, ReportError, UnknownNameError
from rmstore.reports import rerun
from rmstore.reports.rows import differences, same


@pytest.fixture
def filled(store):
    """Eight prompts of two data sets, the head h and the head flat."""
    return fill_eight(store)


def rewritten(file, to=None, rows=None, **said):
    """Write a Parquet file with other metadata, or other rows, as somebody might who wants something."""
    table = pq.read_table(file)
    metadata = {**table.schema.metadata}
    for key, value in said.items():
        metadata[f"rmstore.{key}".encode()] = json.dumps(value).encode()
    table = rows(table) if rows else table
    pq.write_table(table.replace_schema_metadata(metadata), to or file)
    return to or file


@pytest.mark.parametrize(
    "name, ending",
    [("accuracy", "parquet"), ("accuracy", "csv"), ("bon", "parquet"), ("bon", "jsonl"), ("hits", "json")],
)
def test_a_file_repeats_its_run(filled, dirs, tmp_path, name, ending):
    target = tmp_path / f"a[b].{ending}"
    made = reports.run(filled, name, {"head": "h"}, to=target, dirs=dirs)
    save_head(filled, snapshots.resolve(filled, "s"), (), name="h", weights=((-1.0,),))  # h means another version now
    n_runs = filled.value("select count(*) from report_runs")
    again = filled.rerun_report(target, dirs=dirs)
    assert (again.is_equal, again.differences, again.notes) == (True, [], [])
    assert again.table.equals(made.table) and again.provenance["heads"]["head"]["reference"] == "h@1"
    assert filled.value("select count(*) from report_runs") == n_runs


@pytest.mark.parametrize("options", [{"compare": "flat"}, {"where": "subset = 'easy'"}, {"folds": 2}])
def test_folds_condition_and_comparison_are_repeated(filled, dirs, tmp_path, options):
    made = reports.run(filled, "hits", {"head": "h", "least": 3}, to=tmp_path / "a.parquet", dirs=dirs, **options)
    again = rerun.rerun(filled, tmp_path / "a.parquet", dirs=dirs)
    assert again.is_equal and again.table.column_names == made.table.column_names
    assert again.provenance["parameters"]["least"] == 3


def test_a_run_of_the_store_is_repeated_by_the_first_digits_of_its_id(filled, dirs, tmp_path):
    kept = reports.run(filled, "hits", {"head": "h"}, to=tmp_path / "a.parquet", dirs=dirs)
    shown = reports.run(filled, "hits", {"head": "h"}, dirs=dirs)
    assert rerun.rerun(filled, kept.provenance["run_id"][:8]).is_equal, "its SQL is in report_runs"
    unkept = rerun.rerun(filled, shown.provenance["run_id"][:8].upper())
    assert unkept.is_equal is None and unkept.table.equals(shown.table)
    assert "the rows of then were not kept" in unkept.notes[-1]
    (tmp_path / "a.parquet").unlink()
    assert rerun.rerun(filled, kept.provenance["run_id"]).is_equal is None
    listed = filled.report_runs("hits")
    assert {row["run_id"] for row in listed} == {kept.provenance["run_id"], shown.provenance["run_id"]}
    assert {(row["head"], row["snapshot"], row["n_rows"]) for row in listed} == {("h@1", "s@1", 3)}
    with pytest.raises(UnknownNameError, match="no file or run is called 'acc.parquet'"):
        rerun.rerun(filled, "acc.parquet")


def test_a_changed_cell_is_found(filled, dirs, tmp_path):
    file = tmp_path / "a.parquet"
    reports.run(filled, "hits", {"head": "h"}, to=file, dirs=dirs)

    def bent(table):
        accuracy = [*table["accuracy"].to_pylist()[:2], 0.75 + 1e-8]
        place = table.column_names.index("accuracy")
        return table.set_column(place, "accuracy", pa.array(accuracy))

    again = rerun.rerun(filled, rewritten(file, rows=bent), dirs=dirs)
    assert again.is_equal is False
    assert again.differences == [{"row": 3, "column": "accuracy", "recorded": 0.75 + 1e-8, "now": 0.75}]
    fewer = rerun.rerun(filled, rewritten(file, rows=lambda table: table.slice(1)), dirs=dirs)
    assert fewer.differences == [{"row": None, "column": "rows", "recorded": 2, "now": 3}]


def test_votes_that_came_since_make_other_numbers(filled, dirs, tmp_path):
    reports.run(filled, "hits", {"head": "h"}, to=tmp_path / "a.parquet", dirs=dirs)
    filled.sql("delete from preferences where subset = 'hard'")
    again = rerun.rerun(filled, tmp_path / "a.parquet", dirs=dirs)
    assert again.is_equal is False and {"n_pairs", "accuracy"} <= {row["column"] for row in again.differences}


def test_what_fractions_may_differ_by():
    then = {"a": [1.0, float("nan"), None], "b": [[1.0], None, [2.0]], "c": ["x", "y", None]}
    table = pa.table(then)
    close = pa.table({**then, "a": [1.0 + 5e-10, float("nan"), None]})
    assert differences(table, close) == []
    far = pa.table({**then, "a": [1.0 + 2e-9, 0.0, None], "b": [[1.0], None, [3.0]], "c": ["x", "z", None]})
    assert [(row["row"], row["column"]) for row in differences(table, far)] == [(1, "a"), (2, "a"), (2, "c"), (3, "b")]
    assert not same(10**15, 10**15 + 1) and not same("1", 1) and same(True, True)
    assert same({"low": 1.0}, {"low": 1.0 + 1e-12}) and not same({"low": 1.0}, {"high": 1.0})


def test_a_head_or_snapshot_that_is_gone_is_named(filled, dirs, tmp_path):
    file = tmp_path / "a.parquet"
    reports.run(filled, "hits", {"head": "flat"}, to=file, dirs=dirs)
    head_store.drop(filled, "flat@1")
    with pytest.raises(ReportError, match=r"head 'flat@1' \(head\) of '.*a.parquet' is not in this store"):
        rerun.rerun(filled, file, dirs=dirs)
    with rmstore.connect() as bare:
        fill_eight(bare)
        bare.sql("update snapshots set dropped_at = now()")
        with pytest.raises(ReportError, match=r"snapshot 's@1' \(snapshot\) of .* is not in this store"):
            rerun.rerun(bare, file, dirs=dirs)


def test_another_head_or_snapshot_of_the_same_name_is_refused(filled, other, dirs, tmp_path):
    file = tmp_path / "a.parquet"
    reports.run(filled, "hits", {"head": "h"}, to=file, dirs=dirs)
    fill(other, ROWS[:-2], VOTES[:-1])
    other.sql("update snapshots set fingerprint = 'of fewer rows'")
    with pytest.raises(ReportError, match=r"snapshot 's@1' \(snapshot\) is another one here: its fingerprint is"):
        rerun.rerun(other, file, dirs=dirs)
    said = json.loads(pq.read_metadata(file).metadata[b"rmstore.heads"])
    said["head"]["fingerprint"] = "somebody-else"
    with pytest.raises(ReportError, match=r"head 'h@1' \(head\) is another one here: .* is h, .* says somebody-else"):
        rerun.rerun(filled, rewritten(file, heads=said), dirs=dirs)


def test_sql_that_only_a_file_brings_is_not_run_unless_it_is_trusted(filled, other, dirs, tmp_path):
    file = tmp_path / "a.parquet"
    made = reports.run(filled, "hits", {"head": "h"}, to=file, dirs=dirs)
    fill(other, ROWS, VOTES)
    with pytest.raises(ReportError, match=r"no report called 'hits' is known here.*\n  hint: .*--trust"):
        rerun.rerun(other, file)
    elsewhere = [write(tmp_path / "others", changed(("sum(n)::bigint as n_pairs", "7::bigint as n_pairs")))]
    with pytest.raises(ReportError, match=r"(?s)report 'hits' has other SQL here .*--trust"):
        rerun.rerun(other, file, dirs=elsewhere)
    assert rerun.rerun(other, file, trust=True).table.equals(made.table)
    assert rerun.rerun(filled, file, dirs=elsewhere).is_equal, "this store recorded that SQL itself"


def test_a_condition_that_only_a_file_brings_is_not_run_unless_it_is_trusted(filled, dirs, tmp_path):
    file = tmp_path / "a.parquet"
    reports.run(filled, "hits", {"head": "h"}, to=file, dirs=dirs, where="subset = 'easy'")
    assert rerun.rerun(filled, file, dirs=dirs).is_equal
    bent = rewritten(file, tmp_path / "bent.parquet", where={"sql": "1 = (select 1)", "kept": []})
    with pytest.raises(ReportError, match=r"was made with --where '1 = \(select 1\)', which this store did not record"):
        rerun.rerun(filled, bent, dirs=dirs)
    assert rerun.rerun(filled, bent, dirs=dirs, trust=True).is_equal is False


def sql_said(text):
    import hashlib

    return {"sql": text, "sql_sha256": hashlib.sha256(text.encode()).hexdigest()}


@pytest.mark.parametrize(
    "said, message",
    [
        ({"sql": "select 1"}, "contradicts itself: its SQL has the hash"),
        ({"sql_sha256": "0" * 64}, "contradicts itself"),
        ({"heads": {"head": "h@1"}}, "head has no reference"),
        ({"heads": {"head": {"reference": "h@1"}}}, "head has no fingerprint"),
        ({"heads": []}, "not whole: heads is"),
        ({"parameters": {"head": ["h@1"]}}, "a parameter is"),
        ({"parameters": {"head": "h@2"}}, "contradicts itself: head is 'h@2' in its parameters, 'h@1' in its heads"),
        ({"parameters": {"head": "h@1"}}, "it says nothing of snapshot, split"),
        ({"where": "true"}, "not whole: where is 'true'"),
        ({"where": {"sql": 3}}, "where has no sql"),
        ({"folds": {"k": True}}, "folds has no k"),
        ({"report": "../../accuracy"}, "no report called '../../accuracy' is known here"),
        (sql_said("drop table heads"), "--trust"),
    ],
)
def test_tampered_metadata_is_refused(filled, dirs, tmp_path, said, message):
    file = tmp_path / "a.parquet"
    reports.run(filled, "hits", {"head": "h"}, to=file, dirs=dirs)
    with pytest.raises(ReportError, match=message):
        rerun.rerun(filled, rewritten(file, **said), dirs=dirs)
    assert filled.value("select count(*) from heads") == 2


def test_trusted_sql_is_still_one_select_with_a_header(filled, dirs, tmp_path):
    file = tmp_path / "a.parquet"
    reports.run(filled, "hits", {"head": "h"}, to=file, dirs=dirs)
    with pytest.raises(ReportError):
        rerun.rerun(filled, rewritten(file, **sql_said("drop table heads")), trust=True)
    several = changed(("order by dataset = 'all', dataset\n", "; drop table rm.main.heads"))
    with pytest.raises(ReportError, match="2 statements"):
        rerun.rerun(filled, rewritten(file, **sql_said(several)), trust=True)
    assert filled.value("select count(*) from heads") == 2


def test_files_without_a_run(filled, tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "plain.parquet")
    with pytest.raises(ReportError, match="has no provenance of a report"):
        rerun.rerun(filled, tmp_path / "plain.parquet")
    (tmp_path / "no.parquet").write_text("no")
    with pytest.raises(BadFileError, match="(?s)is no Parquet file.*hint: write it again"):
        rerun.rerun(filled, tmp_path / "no.parquet")
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(ReportError, match=r"has no provenance beside it.*\n  hint: it is in 'a.csv.provenance.json'"):
        rerun.rerun(filled, tmp_path / "a.csv")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(BadFileError, match="holds no rows that can be read back"):
        rerun.rerun(filled, tmp_path / "a.txt")


def test_versions_that_differ_are_told(filled, dirs, tmp_path):
    file = tmp_path / "a.parquet"
    reports.run(filled, "hits", {"head": "h"}, to=file, dirs=dirs)
    again = rerun.rerun(filled, rewritten(file, duckdb="1.0.0"), dirs=dirs)
    assert again.is_equal and again.notes == [f"duckdb was 1.0.0, it is {duckdb.__version__}"]


def test_the_command_line(cli, tmp_path, dirs):
    with rmstore.connect(tmp_path / "lab.duckdb") as opened:
        fill(opened, ROWS, VOTES)
    file, folder = tmp_path / "a.parquet", dirs[0]
    assert "no report has been run" in cli("report", "runs").out
    cli("report", "run", "hits", "--head", "h", "--reports", folder, "--to", file)
    (run,) = json.loads(cli("report", "runs", "--json").out)
    assert run["report"] == "hits" and run["run_id"][:8] in cli("report", "runs").out
    assert "no run of 'misses' is recorded" in cli("report", "runs", "--report", "misses").out
    equal = cli("report", "rerun", file, "--reports", folder)
    assert (equal.code, equal.out) == (0, "equal: 3 rows of hits\n")
    assert cli("report", "rerun", run["run_id"][:8]).code == 0
    bent = rewritten(file, rows=lambda table: table.slice(0, 2))
    wrong = cli("report", "rerun", bent, "--reports", folder)
    assert wrong.code == 1 and "DIFFERENT" in wrong.out and "rows" in wrong.out
    told = json.loads(cli("report", "rerun", bent, "--reports", folder, "--json").out)
    assert told["is_equal"] is False and told["differences"][0]["now"] == 3
    assert cli("report", "rerun", "nothing.parquet").code == 1
