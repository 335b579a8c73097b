"""report diff: two runs of one report beside each other."""

import json

import pytest
from own_reports import changed, fill_eight, write

import rmstore
from rmstore import head_store, reports
from rmstore.errors import ReportError, UnknownNameError
from rmstore.reports import diff


@pytest.fixture
def filled(store):
    """The head h is right on six of eight votes, flat says nothing."""
    return fill_eight(store)


def ran(store, dirs, to=None, head="h", name="hits", **params):
    options = {key: params.pop(key) for key in ("where", "folds", "compare") if key in params}
    result = reports.run(store, name, {"head": head, **params}, dirs=dirs, to=to, **options)
    return to or result.provenance["run_id"]


def row_of(found, **keys):
    return next(row for row in found.table.to_pylist() if all(row[key] == value for key, value in keys.items()))


def what(found):
    return {row["what"]: (row["left"], row["right"]) for row in found.provenance}


def test_files_of_two_heads(filled, dirs, tmp_path):
    left, right = (ran(filled, dirs, tmp_path / f"{head}.parquet", head) for head in ("h", "flat"))
    found = filled.diff_reports(left, right, dirs=dirs)
    assert found.keys == ("dataset",) and found.notes == []
    total = row_of(found, dataset="all")
    assert (total["accuracy_left"], total["accuracy_right"], total["accuracy_difference"]) == (0.75, 0.5, 0.25)
    assert (total["n_pairs_left"], total["n_pairs_difference"], total["is_short_left"]) == (8, 0, False)
    assert "is_short_difference" not in total
    compared = reports.run(filled, "hits", {"head": "h"}, dirs=dirs, compare="flat").table.to_pylist()
    for row in compared:
        paired = row_of(found, dataset=row["dataset"])
        assert [paired[name] for name in diff.PAIRED] == [row[name] for name in ("n", "difference", "low", "high", "z")]
    facts = what(found)
    assert facts["parameters.head"] == ("h@1", "flat@1") and facts["heads.head"] == ("h@1 (h)", "flat@1 (flat)")
    assert not {"sql_sha256", "snapshots.snapshot", "rmstore", "where", "n_rows"} & set(facts)


def test_runs_that_kept_no_rows_are_done_again(filled, dirs):
    left, right = ran(filled, dirs), ran(filled, dirs, where="subset = 'easy'")
    found = diff.diff(filled, left[:8], right[:8], dirs=dirs)
    total = row_of(found, dataset="all")
    assert (total["accuracy_left"], total["accuracy_right"], total["n_pairs_difference"]) == (0.75, 1.0, 2)
    assert (total["n_paired"], total["paired_difference"]) == (6, 0), "only what both judged is paired"
    assert what(found)["where"] == (None, "subset = 'easy'")


def test_rows_of_one_side_alone(filled, dirs, tmp_path):
    left = ran(filled, dirs, tmp_path / "a.parquet", where="dataset = 'd'")
    right = ran(filled, dirs, tmp_path / "b.parquet", where="dataset = 'e'")
    found = diff.diff(filled, left, right, dirs=dirs)
    assert found.table["dataset"].to_pylist() == ["d", "all", "e"]
    d, e = row_of(found, dataset="d"), row_of(found, dataset="e")
    assert (d["n_pairs_left"], d["n_pairs_right"], d["n_pairs_difference"]) == (4, None, None)
    assert (e["n_pairs_left"], e["n_pairs_right"], e["n_paired"]) == (None, 4, 0)
    assert "n_unpaired" in found.notes[0]


def test_text_files_are_read_in_the_types_of_the_report(filled, dirs, tmp_path):
    left, right = ran(filled, dirs, tmp_path / "a.csv"), ran(filled, dirs, tmp_path / "b.json", "flat")
    total = row_of(diff.diff(filled, left, right, dirs=dirs), dataset="all")
    assert (total["n_pairs_left"], total["accuracy_difference"]) == (8, 0.25)


def test_without_the_head_there_is_no_interval_and_the_reason(filled, other, dirs, tmp_path):
    left, right = (ran(filled, dirs, tmp_path / f"{head}.parquet", head) for head in ("h", "flat"))
    head_store.drop(filled, "flat")
    found = diff.diff(filled, left, right, dirs=dirs)
    assert "low" not in found.table.column_names
    assert found.notes[0].startswith("no interval: head 'flat@1' (head) of ")
    elsewhere = diff.diff(other, left, right)
    assert elsewhere.notes[0].startswith("no interval: no report called 'hits' is known here")
    assert row_of(elsewhere, dataset="all")["accuracy_difference"] == 0.25


def test_versions_of_a_report_are_told(filled, dirs, tmp_path):
    left = ran(filled, dirs, tmp_path / "a.parquet")
    write(dirs[0], changed(("'all' marks the total", "'all' is the total")))
    right = ran(filled, dirs, tmp_path / "b.parquet")
    found = diff.diff(filled, left, right, dirs=dirs)
    assert "sql_sha256" in what(found) and row_of(found, dataset="all")["paired_difference"] == 0


def test_reports_without_a_compare_line_are_matched_by_their_leading_columns(filled, tmp_path):
    dirs = [write(tmp_path / "own", changed(("-- compare: accuracy = hits / n in groups by dataset\n", "")))]
    found = diff.diff(filled, ran(filled, dirs), ran(filled, dirs, head="flat"), dirs=dirs)
    assert found.keys == ("dataset",) and "no line 'compare'" in found.notes[0]
    counting = """\
-- report:  counting
-- title:   Rewards by data set and length
-- grain:   one row per data set and length
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT
-- columns: dataset VARCHAR, n_chars BIGINT, n BIGINT, reward DOUBLE
select dataset, n_chars, count(*) as n, avg(reward) as reward
from rm_rewards($head, $snapshot)
group by dataset, n_chars
order by dataset, n_chars
"""
    dirs = [write(tmp_path / "counting", counting, "counting")]
    found = diff.diff(
        filled, ran(filled, dirs, name="counting"), ran(filled, dirs, head="flat", name="counting"), dirs=dirs
    )
    assert found.keys == ("dataset", "n_chars") and found.table.num_rows == 4
    assert row_of(found, dataset="d", n_chars=3)["n_difference"] == 0
    dirs = [write(tmp_path / "alike", counting.replace("dataset, n_chars, count", "'x' as dataset, 1::bigint as "
                                                       "n_chars, count"), "counting")]  # fmt: skip
    with pytest.raises(ReportError, match="rows of this report cannot be matched"):
        diff.diff(filled, ran(filled, dirs, name="counting"), ran(filled, dirs, name="counting"), dirs=dirs)


def test_what_cannot_be_put_beside_each_other(filled, dirs, tmp_path):
    hits, bon = ran(filled, dirs), ran(filled, dirs, name="bon")
    with pytest.raises(ReportError, match="is a run of 'hits', .* one of 'bon'\n  hint: only runs of one report"):
        diff.diff(filled, hits, bon, dirs=dirs)
    with pytest.raises(ReportError, match="one run compares two heads, the other has one"):
        diff.diff(filled, hits, ran(filled, dirs, compare="flat"), dirs=dirs)
    with pytest.raises(UnknownNameError, match="no file or run is called 'abc'"):
        diff.diff(filled, "abc", hits, dirs=dirs)
    both = [ran(filled, dirs, compare="flat") for _ in range(2)]
    found = diff.diff(filled, *both, dirs=dirs)
    assert found.keys == ("dataset",) and "comparisons themselves" in found.notes[0]


def test_a_prefix_of_several_runs_is_an_error(filled, dirs):
    ran(filled, dirs), ran(filled, dirs)
    filled.sql("update report_runs set run_id = ('aaaa' || substr(run_id::varchar, 5))::uuid")
    with pytest.raises(ReportError, match="2 runs begin with 'aaaa'"):
        diff.diff(filled, "aaaa", "aaaa", dirs=dirs)


def test_a_measure_without_keys(filled, tmp_path):
    text = changed(
        ("in groups by dataset", "in groups"), ("-- columns: dataset VARCHAR, n_pairs", "-- columns: n_pairs"),
        ("select dataset, sum(n)", "select sum(n)"),
        ("from groups\ngroup by dataset\norder by dataset = 'all', dataset", "from groups"),
        ("group by grouping sets ((dataset, group_id), (group_id))", "group by dataset, group_id"),
    )  # fmt: skip
    dirs = [write(tmp_path / "own", text)]
    (row,) = diff.diff(filled, ran(filled, dirs), ran(filled, dirs, head="flat"), dirs=dirs).table.to_pylist()
    assert (row["accuracy_difference"], row["paired_difference"], row["n_paired"]) == (0.25, 0.25, 8)


def test_the_command_line(cli, tmp_path, dirs):
    with rmstore.connect(tmp_path / "lab.duckdb") as opened:
        fill_eight(opened)
    for head in ("h", "flat"):
        cli("report", "run", "hits", "--reports", dirs[0], "--head", head, "--to", tmp_path / f"{head}.parquet")
    asked = ("report", "diff", tmp_path / "h.parquet", tmp_path / "flat.parquet", "--reports", dirs[0])
    shown = cli(*asked)
    assert shown.code == 0 and "accuracy_difference" in shown.out and "parameters.head" in shown.out
    found = json.loads(cli(*asked, "--json").out)
    assert found["keys"] == ["dataset"] and found["rows"][-1]["paired_difference"] == 0.25
    assert cli("report", "diff", tmp_path / "h.parquet", "nobody").code == 1
