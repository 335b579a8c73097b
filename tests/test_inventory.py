"""What is registered is what is documented and tested: functions, commands, reports, formats, kinds."""

import re
from pathlib import Path

import pytest
from reference import leaves, signatures

import rmstore
from rmstore import reports, resources
from rmstore.adapters import ADAPTERS
from rmstore.encoders import ENCODERS
from rmstore.functions import FUNCTIONS
from rmstore.heads import HEADS
from rmstore.objectives import OBJECTIVES

SQL = Path(resources.tree("sql"))
HERE = Path(__file__).parent
README = (HERE.parent / "README.md").read_text(encoding="utf-8")
TESTS = {path: path.read_text(encoding="utf-8") for path in HERE.rglob("test_*.py")}
NAMES = re.findall(r"def (test_\w+)", "\n".join(TESTS.values()))


@pytest.fixture(scope="module")
def registered():
    with rmstore.connect() as store:
        rows = store.rows(
            "select function_name as name, any_value(comment) as comment from duckdb_functions() "
            r"where function_name like 'rm\_%' escape '\' group by all"
        )
    return {row["name"]: row["comment"] for row in rows}


def test_functions_are_documented(registered):
    assert registered.keys() == signatures().keys()
    section = README.split("## SQL reference")[1].split("\n## ")[0]
    assert registered.keys() == set(re.findall(r"^\| `(rm_\w+)\(", section, re.MULTILINE))


def test_functions_have_a_comment(registered):
    assert [name for name, comment in registered.items() if not comment] == []


def test_functions_have_a_test_of_their_name(registered):
    methods = {name.removesuffix(".sql") for name in resources.names("sql", "methods")}

    def tested(name):
        longer = [other for other in registered if other.startswith(f"{name}_")]
        mine = [test for test in NAMES if test == f"test_{name}" or test.startswith(f"test_{name}_")]
        if name.removeprefix("rm_") in methods:
            return (HERE / f"methods/test_{name.removeprefix('rm_')}.py").exists()
        return any(not any(test.startswith(f"test_{other}") for other in longer) for test in mine)

    assert [name for name in registered if not tested(name)] == []


def test_python_functions_stand_behind_sql():
    folders = ("macros", "report_macros", "reports", "queries/vectors", "queries/snapshots")
    files = [f"{folder}/{name}" for folder in folders for name in resources.names("sql", folder)]
    text = "\n".join(resources.text("sql", file) for file in files)
    assert [name for name in FUNCTIONS if f"{name}(" not in text] == []
    assert all(name.startswith("_rm_") for name in FUNCTIONS)


def test_what_is_made_for_reports_is_used_by_reports_alone():
    places = {path.relative_to(SQL).as_posix(): path for path in SQL.rglob("*.sql")}
    texts = {
        place: path.read_text(encoding="utf-8")
        for place, path in places.items()
        if not place.startswith(("reports/", "queries/reports/"))
    }
    waiting = {path for path in texts if path.startswith("report_macros/")}
    names = {name for path in waiting for name in re.findall(r"create or replace macro (\w+)", texts[path])}
    assert names and all(name.startswith("_rm_") for name in names)
    used = {path: names & set(re.findall(r"\w+", text)) for path, text in texts.items() if path not in waiting}
    assert {path: found for path, found in used.items() if found} == {}


def test_commands_are_documented_and_tested():
    everything = "\n".join(TESTS.values())
    for path, _ in leaves():
        assert f"<summary><code>rmstore {' '.join(path)}</code>" in README
        words = ", ".join(f'"{word}"' for word in path)
        assert words in everything or f'"{" ".join(path)} ' in everything, f"no test runs {' '.join(path)}"


def test_documented_commands_exist():
    documented = set(re.findall(r"<summary><code>rmstore ([^<]+)</code>", README))
    assert documented == {" ".join(path) for path, _ in leaves()}


def test_reports_are_documented_and_tested():
    for report in reports.list_reports():
        assert f"| `{report.name}` |" in README
        files = [path for path in TESTS if path.parent.name == "reports" and f'"{report.name}"' in TESTS[path]]
        assert files, f"no test of report {report.name}"


@pytest.mark.parametrize("registry", [ADAPTERS, ENCODERS, HEADS, OBJECTIVES], ids=lambda registry: registry.kind)
def test_members_are_documented(registry):
    assert [name for name in registry if f"`{name}`" not in README] == []
