"""report check: header, parameters and columns against the SQL, without the head and snapshot they name."""

import pytest
from lab import fill

import rmstore
from rmstore import reports
from rmstore.reports.header import parse
from rmstore.store import statement

HEADER = """\
-- report:  mine
-- title:   A title
-- grain:   one row per response
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, top INTEGER, least DOUBLE = NULL
-- columns: response_id UUID, reward FLOAT
"""
SQL = """\
select response_id, rm_score($head, embedding) as reward
from rm_rows($snapshot)
where $least is null or n_chars > $least
order by response_id
limit $top
"""


@pytest.fixture(scope="module")
def store():
    """One store for all: nothing here writes after it is filled."""
    with rmstore.connect() as opened:
        fill(opened, [{"text": "a"}, {"text": "b"}], [(0, 1)])
        yield opened


def problems(store, sql=SQL, header=HEADER):
    return reports.check(store, parse(header + sql, name="mine", path="mine.sql"))


@pytest.mark.parametrize("report", reports.list_reports(), ids=lambda report: report.name)
def test_built_in_reports_are_what_their_headers_say(store, report):
    assert reports.check(store, report) == []


def test_a_sound_report_of_a_user(store):
    assert problems(store) == []


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("$top", "3", "top is a parameter in the header, but never used"),
        ("limit", "offset $skip limit", "$skip is used, but not a parameter in the header"),
        ("as reward", "as score", "column reward is in the header, but not in the SQL"),
        ("as reward", "as reward, 1 as one", "column one is in the SQL, but not in the header"),
        ("rm_score($head, embedding) as", "rm_score($head, embedding)::double as",
         "column reward is DOUBLE, the header says FLOAT"),
        ("response_id, rm_score($head, embedding) as reward", "rm_score($head, embedding) as reward, response_id",
         "the columns come as reward, response_id, the header says response_id, reward"),
        ("n_chars", "n_char", "the SQL does not bind: "),
        ("from rm_rows", "form rm_rows", "the SQL cannot be read: "),
        ("limit $top", "limit $top; select 1", "the file holds 2 statements, or one that is no SELECT"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(store, old, new, expected):
    assert problems(store, SQL.replace(old, new))[0].startswith(expected)


def test_a_report_is_a_select(store):
    assert "one that is no SELECT" in problems(store, "drop table heads")[0]


def test_stand_ins_have_the_columns_of_the_functions(store):
    stubbed = store.cursor()
    stubbed.execute(statement("reports/stubs"))
    for call in ("rm_rows('s')", "rm_pairs('s')", "rm_rewards('h', 's')", "rm_reward_votes('h', 's')"):
        real, stand_in = (
            [(row[0], row[1].replace("[1]", "[8]")) for row in cursor.execute(f"describe from {call}").fetchall()]
            for cursor in (store.cursor(), stubbed)
        )
        assert stand_in == real
    scores = "rm_score('h', v), rm_score_members('h', v), rm_win_prob('h', v, v) from (select [1]::float[1] as v)"
    kinds = [
        [row[1] for row in cursor.execute(f"describe select {scores}").fetchall()]
        for cursor in (store.cursor(), stubbed)
    ]
    assert kinds[0] == kinds[1] == ["FLOAT", "FLOAT[]", "DOUBLE"]


def test_stand_ins_stay_on_their_cursor(store):
    reports.check(store, reports.get("accuracy"))
    assert store.value("select count(*) from rm_rows('s')") == 2
