"""rm_version and rm_reports."""

import rmstore
from rmstore import reports


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
