"""rm_version, rm_reports and rm_options."""

import rmstore
from rmstore import reports
from rmstore.heads import HEADS
from rmstore.objectives import OBJECTIVES


def test_rm_version(store):
    assert store.value("select rm_version()") == rmstore.__version__
    assert store.value("select count(rm_version()) from range(5000)") == 5000


def test_rm_reports(store):
    rows = {row["name"]: row for row in store.rows("select * from rm_reports()")}
    assert list(rows) == [report.name for report in reports.list_reports()]
    accuracy = reports.get("accuracy")
    assert rows["accuracy"]["title"] == accuracy.title and rows["accuracy"]["engines"] == ["duckdb"]
    assert rows["accuracy"]["params"][:3] == ["head HEAD", "snapshot SNAPSHOT", "split VARCHAR = 'test'"]
    assert rows["accuracy"]["columns"][0] == "dataset VARCHAR"


def test_rm_options(store):
    rows = store.rows("select * from rm_options()")
    found = {(row["of"], row["name"]): row for row in rows}
    assert len(found) == len(rows)
    for kind in HEADS:
        assert {name for of, name in found if of == f"head {kind}"} == set(HEADS[kind].table)
    assert {of for of, _ in found if of.startswith("objective ")} == {
        f"objective {name}" for name in OBJECTIVES if OBJECTIVES[name].table
    }
    smoothing = found["any objective over pairs", "smoothing"]
    assert smoothing["default"] == "0.0" and smoothing["takes"] == "a finite number of at least 0 and at most 0.5"
    assert found["objective hinge", "m"]["about"].startswith("the gap from which on")
    assert ("any head", "search") in found and ("any head", "start") in found


def test_every_option_says_what_it_does(store):
    assert store.rows("select \"of\", name from rm_options() where about = ''") == []
    shared = 'select "of", list(name) from rm_options() group by "of", about having count(*) > 1'
    assert store.rows(shared) == []
