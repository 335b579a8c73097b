"""report run --compare: two heads on the same units, paired group by group."""

import json
import re
from math import sqrt

import numpy as np
import pyarrow.parquet as pq
import pytest
from lab import fill, save_head
from own_reports import changed, write
from scipy import stats
from spans import paired_share

import rmstore
from rmstore import reports, snapshots
from rmstore.errors import OptionError, ReportError, UnknownNameError
from rmstore.reports import compare as report_compare
from rmstore.reports.header import parse
from rmstore.reports.units import units_sql

ROWS = [
    {"prompt": f"p{i}", "text": text, "reward": reward, "dataset": "de"[i % 2]}
    for i in range(8)
    for text, reward in (("good", 1.0 if i < 6 else -1.0), ("bad", 0.0))
]
VOTES = [(2 * i, 2 * i + 1) for i in range(8)]


@pytest.fixture(scope="module")
def store():
    """The head h is right on six of eight votes, flat@1 says nothing, informed@1 saw the groups of p0 and p1."""
    with rmstore.connect() as opened:
        groups = fill(opened, ROWS, VOTES)
        info = snapshots.resolve(opened, "s")
        save_head(opened, info, (), name="flat", weights=((0.0,),))
        save_head(opened, info, [groups["p0"], groups["p1"]], name="informed", weights=((-1.0,),))
        yield opened


def run(store, dirs, compare="flat", name="hits", **options):
    return reports.run(store, name, {"head": "h"}, dirs=dirs, compare=compare, **options)


def test_a_difference_worked_out_by_hand(store, dirs):
    result = run(store, dirs)
    d, e, total = result.table.to_pylist()
    assert list(total) == [
        "dataset", "n", "n_groups", "n_unpaired", "accuracy", "accuracy_compared", "difference", "low", "high", "z",
    ]  # fmt: skip
    assert [row["dataset"] for row in (d, e, total)] == ["d", "e", "all"]
    assert (total["n"], total["n_groups"], total["n_unpaired"]) == (8, 8, 0)
    assert (total["accuracy"], total["accuracy_compared"], total["difference"]) == (0.75, 0.5, 0.25)
    # six groups differ by 0.5, two by -0.5: squared deviations from 0.25 add up to 6 / 16 + 2 * 9 / 16 = 1.5
    error = sqrt(8 / 7 * 1.5) / 8
    assert total["z"] == pytest.approx(0.25 / error, rel=1e-12)
    assert total["high"] == pytest.approx(0.25 + stats.t.ppf(0.975, 7) * error, rel=1e-7)
    assert total["low"] == pytest.approx(0.25 - stats.t.ppf(0.975, 7) * error, rel=1e-7)
    assert result.provenance["notes"] == []


def test_only_groups_that_neither_head_saw_count_and_the_rest_is_noted(store, dirs):
    result = run(store, dirs, compare="informed")
    total = result.table.to_pylist()[-1]
    assert (total["n"], total["n_groups"], total["n_unpaired"]) == (6, 6, 2)
    assert (total["accuracy"], total["accuracy_compared"]) == (pytest.approx(4 / 6), pytest.approx(2 / 6))
    assert "left out (n_unpaired): at most 2 of 8 in a row" in result.provenance["notes"][0]


def test_a_picture_of_differences_names_what_varies(store, dirs):
    table = run(store, dirs, name="accuracy").table
    chart = report_compare.as_report(reports.get("accuracy"), table, "h@1", "flat@1").chart
    assert set(table["split"].to_pylist()) == {"test"} and chart.channels["x"] == ("dataset",)


def test_the_heads_change_sides(store, dirs):
    one = run(store, dirs).table.to_pylist()
    other = reports.run(store, "hits", {"head": "flat"}, dirs=dirs, compare="h").table.to_pylist()
    for row, back in zip(one, other, strict=True):
        assert back["difference"] == pytest.approx(-row["difference"])
        assert (back["low"], back["high"]) == (pytest.approx(-row["high"]), pytest.approx(-row["low"]))
        assert back["accuracy"] == row["accuracy_compared"]


def test_random_rewards_against_numpy(tmp_path):
    rng = np.random.default_rng(3)
    n = 300
    group = rng.integers(0, 60, n)
    rewards = rng.normal(size=2 * n)
    rows = {"prompt": [f"p{group[i // 2]}" for i in range(2 * n)], "text": [f"t{i}" for i in range(2 * n)],
            "reward": rewards}  # fmt: skip
    with rmstore.connect() as opened:
        fill(opened, rows, [(2 * i, 2 * i + 1) for i in range(n)])
        save_head(opened, snapshots.resolve(opened, "s"), (), name="minus", weights=((-1.0,),))
        found = run(opened, [write(tmp_path / "r")], compare="minus").table.to_pylist()[-1]
    gap = np.sign(rewards.astype(np.float32)[0::2] - rewards.astype(np.float32)[1::2])
    names = np.unique(group)
    totals, counts = (np.array([values[group == name].sum() for name in names]) for values in (gap, np.ones(n)))
    mean = totals.sum() / n
    g = len(names)
    variance = g / (g - 1) * ((totals - mean * counts) ** 2).sum() / n**2
    assert (found["n"], found["n_groups"]) == (n, g)
    assert found["difference"] == pytest.approx(mean, abs=1e-12)
    assert found["z"] == pytest.approx(mean / sqrt(variance), rel=1e-9)
    assert found["high"] == pytest.approx(mean + stats.t.ppf(0.975, g - 1) * sqrt(variance), rel=1e-6)


def test_where_nothing_varies_there_is_no_z(store, tmp_path):
    info = snapshots.resolve(store, "s")
    same = save_head(store, info, (), name="h-again").reference
    row = run(store, [write(tmp_path / "r")], compare=same).table.to_pylist()[-1]
    assert (row["difference"], row["low"], row["high"], row["z"]) == (0, None, None, None)


def test_one_group_has_a_difference_and_no_interval(tmp_path):
    with rmstore.connect() as opened:
        fill(opened, ROWS[:2], VOTES[:1])
        save_head(opened, snapshots.resolve(opened, "s"), (), name="flat", weights=((0.0,),))
        row = run(opened, [write(tmp_path / "r")]).table.to_pylist()[-1]
    assert (row["n"], row["difference"], row["low"], row["high"], row["z"]) == (1, 0.5, None, None, None)


def test_a_difference_of_shares_stays_within_one_and_any_other_is_not_held_back(tmp_path):
    """Two groups, one for either head: t errors of one degree of freedom would reach beyond 6."""
    share = changed(("-- compare: accuracy", "-- compare: share accuracy"))
    with rmstore.connect() as opened:
        fill(opened, ROWS[10:14], [(0, 1), (2, 3)])
        save_head(opened, snapshots.resolve(opened, "s"), (), name="flat", weights=((0.0,),))
        row = run(opened, [write(tmp_path / "share", share)]).table.to_pylist()[-1]
        other = run(opened, [write(tmp_path / "any")]).table.to_pylist()[-1]
    assert (row["low"], row["high"]) == pytest.approx(paired_share(0, 1 / 4, 2)) and row["high"] < 1
    assert (other["low"], other["high"]) == pytest.approx((-12.7062047364 / 2, 12.7062047364 / 2))
    assert row["z"] == other["z"] == 0


def test_a_report_without_keys_and_with_weights(store, tmp_path):
    text = changed(
        ("in groups by dataset", "in groups"),
        ("sum(n)::bigint as n, sum(n * hit) as hits", "sum(n) * 0.25e0 as n, sum(n * hit) * 0.25e0 as hits"),
        ("group by grouping sets ((dataset, group_id), (group_id))", "where dataset = 'e' group by dataset, group_id"),
    )
    (row,) = run(store, [write(tmp_path / "r", text)]).table.to_pylist()
    assert (row["n"], row["n_groups"], row["difference"]) == (1.0, 4, 0.25)


def test_a_key_called_n_and_one_without_units(store, tmp_path):
    text = changed(
        ("columns: dataset VARCHAR, n_pairs", "columns: n INTEGER, n_pairs"), ("in groups by dataset", "in keyed by n"),
        ("= hits / n in", "= hits / size in"),
        (")\nselect dataset, sum(n)", "),\nkeyed as (select 3 as n, group_id, n as size, hits from groups where "
                                      "dataset = 'all')\nselect 3 as n, sum(n)"),
    )  # fmt: skip
    dirs = [write(tmp_path / "r", text)]
    assert reports.check(store, reports.get("hits", dirs)) == []
    (row,) = run(store, dirs).table.to_pylist()
    assert (row["n"], row["n_units"], row["difference"]) == (3, 8, 0.25)
    runs = [reports.run(store, "hits", {"head": head, "split": "all"}, dirs=dirs) for head in ("h", "flat")]
    with pytest.raises(ReportError, match="several rows of the left run have the same n"):
        store.diff_reports(*(done.provenance["run_id"] for done in runs), dirs=dirs)
    bare = [write(tmp_path / "bare", changed(("in groups by dataset", "in groups")))]
    (row,) = run(store, bare, where="false").table.to_pylist()
    assert (row["n"], row["n_groups"], row["n_unpaired"], row["difference"]) == (0, 0, 0, None)


def test_a_condition_and_folds_hold_for_both_heads(store, dirs):
    assert run(store, dirs, where="dataset = 'd'").table.to_pylist()[-1]["n"] == 4
    both = run(store, dirs, folds=2)
    assert both.table.to_pylist()[-1]["n"] == 8 and len(both.provenance["notes"]) == 2


def test_a_comparison_is_a_table_with_its_provenance(store, dirs, tmp_path):
    result = run(store, dirs, compare="informed", to=tmp_path / "both.parquet")
    read = pq.read_table(tmp_path / "both.parquet")
    assert read.to_pylist() == result.table.to_pylist()
    said = {key.decode(): json.loads(value) for key, value in read.schema.metadata.items() if b"rmstore." in key}
    assert said["rmstore.compare"] == "informed@1"
    assert {key: head["reference"] for key, head in said["rmstore.heads"].items()} == {
        "head": "h@1", "compare": "informed@1",
    }  # fmt: skip
    assert said["rmstore.title"].endswith(": h@1 beside informed@1")
    recorded = store.rows("select head_id, provenance from report_runs order by created_at, n_rows")[-1]
    assert recorded["head_id"] == 1 and json.loads(recorded["provenance"])["run_id"] == said["rmstore.run_id"]


def test_what_cannot_be_compared_says_so(store, dirs, tmp_path):
    with pytest.raises(OptionError, match="compare is 'h', which is h@1, the head itself\n  hint: give another head"):
        run(store, dirs, compare="h")
    with pytest.raises(UnknownNameError, match="no head is called 'flta'\n  hint: did you mean 'flat'"):
        run(store, dirs, compare="flta")
    plain = [write(tmp_path / "plain", changed(("-- compare: accuracy = hits / n in groups by dataset\n", "")))]
    with pytest.raises(ReportError, match="runs of report 'hits' are not compared: .*\n  hint: these have: "):
        run(store, plain)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("order by dataset = 'all', dataset\n", "union all select 'x', 0, 0e0, 0, false\n", "ends in union"),
        ("= hits / n in groups", "= hits / n in group_s", r"Table with name \"?group_s\"? does not exist"),
        ("= hits / n in", "= hitz / n in", "hitz"),
        (
            "= hits / n in groups by dataset",
            "= dataset / n in groups by dataset",
            "dataset is VARCHAR in groups, and no number",
        ),
        ("in groups by dataset", "in groups by dataset, n_policy", "n_policy"),
        ("in groups by dataset", "in pairs by dataset", "hits"),
    ],
)
def test_report_check_finds_a_compare_line_that_lies(store, tmp_path, old, new, message):
    dirs = [write(tmp_path / "r", changed((old, new)))]
    problems = reports.check(store, reports.get("hits", dirs))
    assert any("compare: " in problem for problem in problems), problems
    assert re.search(message, "; ".join(problems)), problems


def test_from_before_select_is_no_single_final_select(store, tmp_path):
    first = "select dataset, sum(n)::bigint as n_pairs"
    text = changed(("from groups\ngroup by", "group by"), (first, "from groups\n" + first))
    (problem,) = reports.check(store, reports.get("hits", [write(tmp_path / "r", text)]))
    assert problem.startswith("compare: ") and "does not end in one SELECT" in problem


def test_a_sound_compare_line_is_checked_with_its_filter(store, dirs):
    assert reports.check(store, reports.get("hits", dirs)) == []


def test_the_final_select_is_found_behind_words_comments_and_bytes(store):
    text = changed(
        ("-- select ( in a comment", "-- ä€ select ( union\n    /* select ) */"),
        ("'select (' as \"select union\"", "'it''s ä select )' as \"select ) ä\""),
    )
    sql = units_sql(parse(text, name="hits", path="hits.sql"))
    assert sql.count("n_policy") == text.count("n_policy") - 1 and "order by" not in sql
    assert sql.rstrip().endswith('from "groups"')
    assert units_sql(parse(text.replace("\nselect dataset, sum", "\nSELECT dataset, sum"), name="hits", path="x"))


def test_without_a_common_table_expression_there_is_nothing_to_compare():
    text = changed()
    header = text[: text.index("with rewards")]
    with pytest.raises(ReportError, match="does not begin with a common table expression"):
        units_sql(parse(header + "select 1 as n", name="hits", path="hits.sql"))


def test_the_command_line_compares(cli, tmp_path, dirs):
    with rmstore.connect(tmp_path / "lab.duckdb") as opened:
        fill(opened, ROWS, VOTES)
        save_head(opened, snapshots.resolve(opened, "s"), (), name="flat", weights=((0.0,),))
    asked = ("report", "run", "hits", "--reports", dirs[0], "--head", "h", "--compare")
    shown = cli(*asked, "flat")
    assert shown.code == 0 and "accuracy_compared" in shown.out and "1.52753" in shown.out
    assert json.loads(cli(*asked, "flat", "--json").out)["rows"][-1]["difference"] == 0.25
    assert "did you mean 'flat'" in cli(*asked, "falt").err


def test_a_report_without_a_head_is_compared_by_diff(store, tmp_path):
    text = changed(
        ("params:  head HEAD,", "params:  head HEAD = NULL,"), ("rm_rewards($head,", "rm_rewards(coalesce($head, 'h'),")
    )
    dirs = [write(tmp_path / "r", text)]
    with pytest.raises(ReportError, match="no head that another could stand for\n  hint: .*report diff"):
        reports.run(store, "hits", {"snapshot": "s"}, dirs=dirs, compare="flat")
