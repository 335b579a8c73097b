"""How far a report can reach: its snapshots alone, the whole store, or outside it."""

import pytest
from lab import fill
from own_reports import ROWS, VOTES, write

from rmstore import head_store, snapshots
from rmstore.reports import reach as report_reach
from rmstore.reports.files import get, scan
from rmstore.reports.inputs import Inputs
from rmstore.reports.parameters import Bound

OWN = """\
-- report:  own
-- title:   A report of a user
-- grain:   one row
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, other VARCHAR = 's'
-- columns: n BIGINT
"""


@pytest.fixture
def reach(store):
    """Give how far a report reaches in a small store, with its required heads and snapshots given."""
    fill(store, ROWS, VOTES)
    store.sql("create macro mine() as (select count(*) from preferences)")
    store.con.create_function("grown", lambda n: n + 1, ["BIGINT"], "BIGINT")
    inputs = Inputs(store)
    known = {"HEAD": head_store.resolve(store, "h"), "SNAPSHOT": snapshots.resolve(store, "s")}

    def of(report):
        heads, frozen = (
            {param.name: known[kind] for param in report.params if param.type == kind and param.is_required}
            for kind in known
        )
        return report_reach.reach(store, inputs.functions, inputs.tables, report, Bound({}, heads, frozen))

    return of


def test_what_the_reports_that_ship_reach(reach):
    found = {report.name: reach(report) for report in scan()}
    whole = {"agreement", "encoder-comparison", "leaderboard", "leaks", "length-controlled-winrate", "winrate"}
    assert {name for name, far in found.items() if far == "store"} == whole
    assert {found[name] for name in found.keys() - whole} == {"snapshots"}


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) as n from rm_pairs($snapshot)",
        "select count(*) as n from rm_steps($snapshot, source := $other)",
        "select count(*) as n from rm_rewards($head, $snapshot) join rm_ratings($snapshot) using (response_id)",
        "select count(rm_score($head, embedding)) as n from rm_rows($snapshot), range(3)",
        "with preferences as (from rm_pairs($snapshot)) select count(*) as n from preferences",
        "select (select count(*) from _rm_policy_guess($snapshot)) as n",
    ],
)
def test_reports_that_stay_with_their_snapshot(reach, tmp_path, sql):
    assert reach(own(tmp_path, sql)) == "snapshots"


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) as n from preferences",
        "select count(*) as n from rm.main.preferences",
        "select count(*) as n from rm_pairs($snapshot) where preference_id in (select rating_id from ratings)",
        "with preferences as (from preferences) select count(*) as n from preferences",
        "with a as (with ratings as (select 1) from ratings) select count(*) as n from a, ratings",
        "select count(*) as n from rm_pairs('s')",
        "select count(*) as n from rm_pairs($other)",
        "select count(*) as n from rm_pairs($snapshot) join rm_pairs($snapshot || '') using (preference_id)",
        "select count(*) as n from rm_rewards('h', $snapshot)",
        "select count(*) as n from rm_rewards($snapshot, $head)",
        "select count(*) as n from rm_steps(source := $snapshot, snapshot := 's')",
        "select count(*) as n from rm_heads()",
        "select count(*) as n from rm_votes()",
        "select count(*) as n from _rm_golds('gold') join rm_rows($snapshot) using (response_id)",
        "select count(*) as n from _rm_margins('preferences', 'ratings'), rm_rows($snapshot)",
        "select count(*) as n from rm_pairs($snapshot), (summarize ratings)",
        "select count(*) as n from rm_pairs($snapshot) where rm_score('h', chosen_embedding) > 0",
    ],
)
def test_reports_that_may_read_anything(reach, tmp_path, sql):
    assert reach(own(tmp_path, sql)) == "store"


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) as n from 'golds.parquet'",
        "select count(*) as n from read_csv('golds.csv')",
        "select count(*) as n from query('from preferences')",
        "select count(*) as n from other.main.preferences",
        "select count(*) as n from report_runs",
        "select mine() as n from rm_pairs($snapshot)",
        "select Grown(1) as n from rm_pairs($snapshot)",
        "select count(*) as n from rm_pairs($snapshot), (show tables)",
        "pivot (from rm_pairs($snapshot)) on split using count(*)",
    ],
)
def test_reports_that_no_store_can_vouch_for(reach, tmp_path, sql):
    assert reach(own(tmp_path, sql)) == "outside"


def test_a_report_without_a_snapshot_may_read_anything(reach, tmp_path):
    text = OWN.replace("snapshot SNAPSHOT", "snapshot SNAPSHOT = NULL")
    write(tmp_path / "a", text + "select count(*) as n from rm_pairs($snapshot)", "own")
    assert reach(get("own", [tmp_path / "a"])) == "store"


def test_names_count_in_any_case(reach, tmp_path):
    assert reach(own(tmp_path, "select count(*) as n from RM_PAIRS($snapshot)")) == "snapshots"
    assert reach(own(tmp_path, "select count(*) as n from Preferences")) == "store"
    assert reach(own(tmp_path, "select count(*) as n from RM_Votes()")) == "store"


def own(folder, sql):
    """Return a report of a user with this SQL."""
    write(folder / "own", OWN + sql, "own")
    return get("own", [folder / "own"])
