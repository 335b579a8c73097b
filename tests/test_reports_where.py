"""report run --where: the operator's own condition on the rows that a report reads."""

import json

import pytest
from lab import fill
from own_reports import changed, write
from tracing import fill_traces, until

import rmstore
from rmstore import reports
from rmstore.errors import InputError, OptionError, ReportError, UnknownNameError
from rmstore.reports.cover import Covers
from rmstore.reports.header import FILTERED
from rmstore.store import statement

ROWS = [
    {"prompt": f"p{i}", "text": text, "reward": reward, "dataset": "de"[i % 2], "policy": text,
     "split": "train" if i < 4 else "test"}
    for i in range(8)
    for text, reward in (("good answer", 1.0 if i < 6 else -1.0), ("bad", 0.0))
]  # fmt: skip
VOTES = [(2 * i, 2 * i + 1, 1.0, ("easy", "hard")[i >= 6]) for i in range(8)]


@pytest.fixture(scope="module")
def store():
    """Eight prompts of two data sets; the head is wrong on the last two, which are hard."""
    with rmstore.connect() as opened:
        fill(opened, ROWS, VOTES)
        yield opened


def run(store, dirs, where, name="hits", **options):
    return reports.run(store, name, {"head": "h"}, dirs=dirs, where=where, **options)


def total(result):
    return result.table.to_pylist()[-1]


def test_a_condition_filters_the_votes(store, dirs):
    assert total(run(store, dirs, None))["accuracy"] == 0.75
    assert total(run(store, dirs, "subset = 'easy'"))["accuracy"] == 1
    hard = run(store, dirs, "subset = 'hard' -- and no more")
    assert (total(hard)["n_pairs"], total(hard)["accuracy"]) == (2, 0)
    assert [row["dataset"] for row in run(store, dirs, "dataset = 'd'").table.to_pylist()] == ["d", "all"]


def test_it_reaches_what_the_macros_of_the_report_read_and_not_their_uncovered_twins(store, tmp_path):
    store.sql("create or replace macro memory.main.nested(snapshot) as table select prob from rm_pairs(snapshot)")
    nested = [write(tmp_path / "n", changed(("_rm_policy_guess($snapshot)", "nested($snapshot)")))]
    assert total(run(store, nested, "subset = 'hard'"))["n_policy"] == 2
    uncovered = [write(tmp_path / "u", changed(("_rm_policy_guess($snapshot)", "_rm_all_pairs($snapshot)")))]
    assert total(run(store, uncovered, "subset = 'hard'"))["n_policy"] == 8
    assert total(run(store, uncovered, "subset = 'hard'"))["n_pairs"] == 2


def test_it_leaves_nothing_on_other_cursors(store, dirs):
    run(store, dirs, "false")
    assert store.value("select count(*) from rm_pairs('s')") == 8
    assert total(run(store, dirs, None))["n_pairs"] == 8


def test_provenance_has_the_condition_and_what_it_kept(store, dirs):
    result = run(store, dirs, "subset = 'hard'")
    assert result.provenance["where"] == {
        "sql": "subset = 'hard'", "kept": [{"table": "rm_pairs", "n": 8, "n_kept": 2}]
    }  # fmt: skip
    assert run(store, dirs, None).provenance["where"] is None
    assert "--where 'false' keeps none of the 8 rows of rm_pairs" in run(store, dirs, "false").provenance["notes"]


@pytest.mark.parametrize("table", ["rm_rows", "rm_rewards"])
def test_other_tables_are_filtered_too(store, tmp_path, table):
    dirs = [write(tmp_path / "r", changed(("filter:  rm_pairs", f"filter:  {table}")))]
    result = run(store, dirs, "dataset = 'e'")
    assert [row["dataset"] for row in result.table.to_pylist()] == ["e", "all"]
    assert result.provenance["where"]["kept"] == [{"table": table, "n": 16, "n_kept": 8}]


def test_a_condition_may_ask_other_tables_and_score(store, dirs):
    assert total(run(store, dirs, "chosen_id in (select response_id from rm_rows('s@1') where n_chars > 5)"))["n_pairs"]
    wrong = run(store, dirs, "rm_score('h', chosen_embedding) < rm_score('h', rejected_embedding)")
    assert (total(wrong)["n_pairs"], total(wrong)["accuracy"]) == (2, 0)


def test_folds_and_condition_lie_over_each_other(store, dirs):
    both = run(store, dirs, "subset = 'easy'", folds=2)
    assert total(both)["n_pairs"] == 6 and both.provenance["folds"]["k"] == 2
    assert sum(both.provenance["folds"]["n_used"]) == 8, "the fold heads learn from all votes"
    assert both.provenance["where"]["kept"] == [{"table": "rm_pairs", "n": 8, "n_kept": 6}]


@pytest.mark.parametrize(
    "where, message",
    [
        ("subzet = 'hard'", r"(?s)cannot be used: Referenced column \"subzet\" not found.*it may name .*prob.*subset"),
        ("snapshot = 's@1'", 'cannot be used: Referenced column "snapshot" not found'),
        ("true; drop table heads", "--where"),
        ("true) union select (1", "--where"),
        ("(select true", r"(?s)--where .*does not parse.*hint: one condition, such as split = 'train'"),
        ("true, false", r"'true, false' is a value of type .*, not a condition"),
        ("chosen_chars", r"'chosen_chars' is a value of type BIGINT, not a condition\n  hint: compare it"),
        ("'true'", "is a value of type VARCHAR, not a condition"),
        ("", "--where"),
        ("count(*) > 1", "cannot be used: WHERE clause cannot contain aggregates"),
        ("row_number() over () = 1", "cannot be used: WHERE clause cannot contain window functions"),
        ("subset = $split", "--where"),
        ("subset::integer > 3", "cannot be used: Could not convert string"),
        ("preference_id in (select preference_id from rm_pairs('s@1'))", "--where .* cannot be used: "),
        ("rm_score('nobody', chosen_embedding) > 0", "no head is called 'nobody'"),
    ],
)
def test_what_is_no_condition_says_so_and_harms_nothing(store, dirs, where, message):
    before = store.value("select count(*) from report_runs")
    with pytest.raises((InputError, UnknownNameError), match=message):
        run(store, dirs, where)
    assert store.value("select count(*) from report_runs") == before
    assert store.value("select count(*) from heads") == 1


def test_a_report_that_takes_none_names_those_that_do(store, tmp_path):
    dirs = [write(tmp_path / "r", changed(("-- filter:  rm_pairs\n", "")))]
    with pytest.raises(ReportError, match="report 'hits' takes no condition\n  hint: these do: .*-- filter: rm_pairs"):
        run(store, dirs, "true")


def test_a_subset_that_is_not_there_is_an_error_and_no_empty_table(store, dirs):
    assert reports.run(store, "hits", {"head": "h", "subset": "hard"}, dirs=dirs).table.num_rows == 3
    with pytest.raises(UnknownNameError, match="no subset is called 'esay'\n  hint: did you mean 'easy'"):
        reports.run(store, "hits", {"head": "h", "subset": "esay"}, dirs=dirs)
    with pytest.raises(OptionError, match="subset of report 'hits' is 3"):
        reports.run(store, "hits", {"head": "h", "subset": 3}, dirs=dirs)


def test_the_command_line_takes_a_condition(cli, tmp_path, dirs):
    with rmstore.connect(tmp_path / "lab.duckdb") as opened:
        fill(opened, ROWS, VOTES)
    asked = ("report", "run", "hits", "--reports", dirs[0], "--head", "h", "--where")
    found = json.loads(cli(*asked, "subset = 'hard'", "--json").out)
    assert found["rows"][-1]["n_pairs"] == 2 and found["provenance"]["where"]["sql"] == "subset = 'hard'"
    wrong = cli(*asked, "subzet = 'hard'")
    assert wrong.code == 1 and "it may name" in wrong.err and wrong.out == ""


@pytest.fixture(scope="module")
def traces():
    """Two solutions of three steps."""
    with rmstore.connect() as opened:
        fill_traces(opened, [{"prompt": p, "logits": [1, -1, 1], "labels": until(3, 2)} for p in "ab"])
        yield opened


@pytest.mark.parametrize("name", FILTERED)
def test_every_table_function_that_a_header_may_name_can_be_covered(store, traces, name):
    filled = traces if "step" in name else store
    reads = "" if name == "rm_votes" else "'h', 's'" if "reward" in name else "'s'"
    with filled.cursor("report_macros") as cursor:

        def count():
            return cursor.execute(f"select count(*) from {name}({reads})").fetchone()[0]

        before, covers = count(), Covers(filled, cursor)
        assert before
        for where, kept in (("group_id is not null", before), ("false", 0), ("true", 0)):
            covers.lay(name, statement(f"reports/filters/{name}"), {"where": where})
            assert count() == kept, "every layer holds"
