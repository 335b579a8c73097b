"""Headers of report files: what they say, and errors that name file and line."""

import pytest

from rmstore import reports, resources
from rmstore.errors import ReportError, UnknownNameError
from rmstore.reports.chart import Chart
from rmstore.reports.header import Comparison, convert, parse

GOOD = """\
-- report:  mine
-- title:   A title
-- grain:   one row per split
-- engines: duckdb, spark
-- params:  head HEAD, split VARCHAR = 'a, ''b''', low DOUBLE = -1.5e0, n INTEGER = 3, deep BOOLEAN = true,
--          other SNAPSHOT = NULL
-- columns: split VARCHAR, pair STRUCT(a INTEGER, b DECIMAL(18, 3)), score DOUBLE
-- chart:   line x=split y=score,pair low=score high=score x_title='data set''s split' x_scale=log
-- compare: score = hits / n in groups by split, pair
-- filter:  rm_pairs, rm_rows
-- note:    First part,
--          second part.
-- a comment below would be an error, but SQL may follow
select 1
""".replace("-- a comment below would be an error, but SQL may follow\n", "")


def line(number, text):
    """Return the good header with one line replaced."""
    lines = GOOD.splitlines()
    lines[number - 1] = text
    return "\n".join(lines)


def test_a_good_header():
    report = parse(GOOD, name="mine", path="mine.sql")
    assert (report.title, report.grain, report.engines) == ("A title", "one row per split", ("duckdb", "spark"))
    assert [param.text for param in report.params] == [
        "head HEAD", "split VARCHAR = 'a, ''b'''", "low DOUBLE = -1.5", "n INTEGER = 3", "deep BOOLEAN = true",
        "other SNAPSHOT = NULL",
    ]  # fmt: skip
    assert [param.is_required for param in report.params] == [True] + [False] * 5
    assert report.params[1].default == "a, 'b'"
    assert [(column.name, column.type) for column in report.columns] == [
        ("split", "VARCHAR"), ("pair", "STRUCT(a INTEGER, b DECIMAL(18, 3))"), ("score", "DOUBLE"),
    ]  # fmt: skip
    assert report.chart == Chart(
        "line", {"x": ("split",), "y": ("score", "pair"), "low": ("score",), "high": ("score",)},
        {"x_title": "data set's split", "x_scale": "log"},
    )  # fmt: skip
    assert report.compare == Comparison("score", "hits", "n", "groups", ("split", "pair"))
    assert report.filter == ("rm_pairs", "rm_rows")
    assert report.note == "First part, second part."
    assert not report.folds and not report.levels and not report.is_builtin


def test_a_report_needs_no_parameters():
    assert parse(GOOD.replace(GOOD.splitlines()[4], "-- params:").replace(
        "--          other SNAPSHOT = NULL\n", ""), name="mine", path="mine.sql").params == ()  # fmt: skip


@pytest.mark.parametrize(
    "text, message",
    [
        (line(1, "-- report: yours"), "line 1: report: it calls itself 'yours', the file 'mine'"),
        (line(2, "-- titel: A title"), "line 2: titel: the header has no such line\n  hint: did you mean 'title'"),
        (line(2, "-- grain: again"), "line 3: 'grain' stands there twice"),
        (line(2, "-- no key at all"), "line 2: '-- no key at all' is no line of a report's header"),
        (line(3, "--"), "line 3: '--' is no line of a report's header"),
        ("select 1", "the header has no line '-- report:'"),
        ("\n".join(GOOD.splitlines()[:6]), "the header has no line '-- columns:'"),
        (line(4, "-- engines: duckdb, oracle"), "line 4: engines: 'oracle' is not an engine"),
        (line(5, "-- params: head HED,"), "line 5: params: 'HED' is no type\n  hint: HEAD, or one of"),
        (line(5, "-- params: head,"), "line 5: params: 'head' is no parameter"),
        (line(5, "-- params: n INTEGER = 1.5,"), "line 5: params: n: 1.5 is no INTEGER"),
        (line(5, "-- params: n DOUBLE = now(),"), "line 5: params: n: now\\(\\) is no DOUBLE"),
        (line(5, "-- params: other HEAD,"), "line 5: params: 'other' stands there twice"),
        (line(5, "-- params: n INTEGER,,"), "line 5: params: '' is no parameter"),
        (line(7, "-- columns: split"), "line 7: columns: 'split' is no column"),
        (line(7, "-- columns:"), "line 7: columns: there are none"),
        (line(7, "-- columns: a VARCHAR, a DOUBLE"), "line 7: columns: 'a' stands there twice"),
        (
            line(8, "-- chart: line x=splitt"),
            "line 8: chart: no column is called 'splitt'\n  hint: did you mean 'split'",
        ),
        (line(8, "-- chart: line score"), "line 8: chart: 'score' is no channel"),
        (line(8, "-- chart: pie x=split y=score"), "line 8: chart: no kind of chart is called 'pie'"),
        (line(8, "-- chart: line x=split y=score z=pair"), "line 8: chart: no channel is called 'z'"),
        (line(8, "-- chart: line x=split x=split y=score"), "line 8: chart: 'x' stands there twice"),
        (line(8, "-- chart: line x=split"), "line 8: chart: a line needs y="),
        (line(8, "-- chart: heatmap x=split y=pair"), "line 8: chart: a heatmap needs color="),
        (
            line(8, "-- chart: heatmap x=split y=pair color=pair color_domain=0,x"),
            "line 8: chart: color_domain=0,x is no range",
        ),
        (
            line(8, "-- chart: heatmap x=split y=pair color=pair color_domain=1,-1"),
            "line 8: chart: color_domain=1,-1 is no range",
        ),
        (line(8, "-- chart: bar x=split y=pair color_domain=0,1"), "line 8: chart: a bar has no color_domain"),
        (line(8, "-- chart: line x=split y=score low=score"), "line 8: chart: low= and high= go together"),
        (line(8, "-- chart: line x=split,pair y=score"), "line 8: chart: x= takes one column"),
        (line(8, "-- chart: bar x=split y=score x_scale=lg"), "line 8: chart: no x_scale is called 'lg'"),
        (line(8, "-- chart: bar x=split y=score x_title='open"), 'line 8: chart: "x_title=\'open" is no channel'),
        (line(9, "-- compare: score = hits"), "line 9: compare: 'score = hits' is no comparison"),
        (line(9, "-- compare: shares score = hits / n in groups"), "line 9: compare: 'shares score ="),
        (line(9, "-- compare: scor = hits / n in groups"), "line 9: compare: no column is called 'scor'"),
        (line(9, "-- compare: score = hits / n in groups by spl"), "line 9: compare: no column is called 'spl'"),
        (line(10, "-- filter: rm_heads"), "line 10: filter: 'rm_heads' cannot be filtered"),
        (line(8, "-- folds: maybe"), "line 8: folds: 'maybe' is neither yes nor no"),
    ],
)
def test_a_wrong_header_is_named_by_file_and_line(text, message):
    with pytest.raises(ReportError, match=f"^mine.sql(: |, ){message}"):
        parse(text, name="mine", path="mine.sql")


@pytest.mark.parametrize(
    "kind, value, found",
    [("DOUBLE", "1.5", 1.5), ("DOUBLE", 2, 2.0), ("INTEGER", "7", 7), ("INTEGER", 7.0, 7), ("BOOLEAN", "False", False),
     ("INTEGER", str(2**53 + 1), 2**53 + 1), ("INTEGER", "1e3", 1000), ("INTEGER", -(2**63), -(2**63)),
     ("BOOLEAN", True, True), ("VARCHAR", "7", "7"), ("HEAD", None, None)],
)  # fmt: skip
def test_values_that_fit(kind, value, found):
    assert convert(kind, value) == found and type(convert(kind, value)) is type(found)


@pytest.mark.parametrize(
    "kind, value",
    [("DOUBLE", "x"), ("DOUBLE", True), ("DOUBLE", float("nan")), ("INTEGER", 1.5), ("INTEGER", "1.5"),
     ("BOOLEAN", "yes"), ("BOOLEAN", 1), ("VARCHAR", 7), ("HEAD", 3), ("INTEGER", [1]),
     ("INTEGER", 2**63), ("INTEGER", "1e30"), ("INTEGER", "nan"), ("INTEGER", 10**400), ("DOUBLE", 10**400)],
)  # fmt: skip
def test_values_that_do_not_fit(kind, value):
    with pytest.raises(ValueError):
        convert(kind, value)


def test_the_built_in_reports():
    files = sorted(name.removesuffix(".sql") for name in resources.names("sql", "reports"))
    assert [report.name for report in reports.list_reports()] == files
    assert all(report.is_builtin and report.note for report in reports.list_reports())


def test_an_unknown_report_is_an_error_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="no report is called 'acuracy'\n  hint: did you mean 'accuracy'"):
        reports.get("acuracy")


def test_a_folder_of_reports_is_as_good_as_the_built_in_one(tmp_path):
    (tmp_path / "mine.sql").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("no report")
    found = [report.name for report in reports.list_reports([tmp_path, tmp_path])]
    assert found == sorted([*(report.name for report in reports.list_reports()), "mine"])
    found = reports.get("mine", [str(tmp_path)])
    assert not found.is_builtin and found.path == str(tmp_path / "mine.sql")
    assert len(found.sha256) == 64


def test_a_name_that_is_taken_is_an_error(tmp_path):
    (tmp_path / "bon.sql").write_text(GOOD)
    with pytest.raises(ReportError, match="a report called 'bon' is built in"):
        reports.list_reports([tmp_path])
    (tmp_path / "bon.sql").rename(tmp_path / "mine.sql")
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.sql").write_text(GOOD)
    with pytest.raises(ReportError, match="a report called 'mine' is also '.*mine.sql'"):
        reports.get("mine", [tmp_path, other])


def test_faults_of_other_files_do_not_matter(tmp_path):
    (tmp_path / "mine.sql").write_text(GOOD)
    (tmp_path / "broken.sql").write_bytes(b"\xff\xfe")
    assert reports.get("mine", [tmp_path]).name == "mine"
    with pytest.raises(ReportError, match="cannot read '.*broken.sql'"):
        reports.list_reports([tmp_path])


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(ReportError, match="there is no folder '.*nowhere'"):
        reports.list_reports([tmp_path / "nowhere"])
