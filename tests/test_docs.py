"""README.md: its blocks run, its generated parts are current, its links lead somewhere."""

import io
import pkgutil
import re
import shlex
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import rmstore
from rmstore import resources
from rmstore.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(console|sql|python)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(kind="rmstore"):
    lines = [line[2:] for language, text in BLOCKS if language == "console" for line in text.splitlines()]
    return [line for line in lines if line.split()[0] == kind]


@pytest.fixture
def demo(toured, tmp_path, monkeypatch):
    """A folder that holds what the tour leaves, as README.md assumes."""
    shutil.copytree(toured, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RMSTORE", "demo/tour.duckdb")
    return tmp_path


def test_every_block_is_of_a_kind_that_runs():
    assert set(re.findall(r"^```(\w*)$", README, re.MULTILINE)) - {""} == {"console", "sql", "python", "text"}


def test_console_and_sql_blocks_run_in_order(demo):
    for language, text in BLOCKS:
        if language == "sql":
            with rmstore.connect("demo/tour.duckdb") as store:
                assert store.sql(text).fetchall()
        for line in text.splitlines() if language == "console" else []:
            if line.startswith("$ rmstore "):
                words = shlex.split(line[len("$ rmstore ") :])
                if words[0] in ("embed", "reembed"):
                    words += ["--encoder", "toy"]  # the test's tour was embedded with it
                assert main(words) == 0, line
    assert (demo / "accuracy.parquet").exists()


@pytest.mark.parametrize("number", range(sum(language == "python" for language, _ in BLOCKS)))
def test_python_blocks_run(demo, number):
    source = [text for language, text in BLOCKS if language == "python"][number]
    with redirect_stdout(io.StringIO()) as out:
        exec(compile(source, f"README.md, python block {number}", "exec"), {})
    assert out.getvalue()


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in commands("make")} <= targets
    assert README.split("\n")[2:5:2] != [] and README.index("make demo") < 60


def test_links_lead_somewhere():
    for page in ("README.md", "sql/README.md", "migrations/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert target.startswith("https://") or (ROOT / page).parent.joinpath(target).exists(), target
        for anchor in re.findall(r"\]\(#([^)]+)\)", text):
            assert f"##-{anchor}\n" in text.lower().replace(",", "").replace(" ", "-"), anchor


def test_names_in_docstrings_lead_somewhere():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "rmstore").rglob("*.py")]
    names = {name for text in texts for name in re.findall(r":\w+:`(rmstore\.[\w.]+)`", text)}
    assert names
    for name in sorted(names):
        pkgutil.resolve_name(name)


def test_generated_parts_are_current(monkeypatch):
    cogapp = pytest.importorskip("cogapp")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT / "tests"), *sys.path])
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()):
        code = cogapp.Cog().main(["cog", "--check", "-I", "tests", "README.md"])
    assert code == 0, f"run make docs: {out.getvalue()}"


def test_every_sql_file_says_what_it_is_for():
    for folder in ("macros", "methods", "reports", "report_macros"):
        for name in resources.names("sql", folder):
            text = resources.text("sql", f"{folder}/{name}")
            assert text.startswith("-- "), name
            assert len(text.splitlines()) <= 90, name


def test_decisions_are_numbered_and_dated():
    for page in ("README.md", "sql/README.md", "migrations/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        found = re.findall(
            r"^\*\*(\d+)\. .*?\*\* \(\d{4}-\d\d\)\.(.*?)(?=\n\n)", text + "\n\n", re.MULTILINE | re.DOTALL
        )
        assert [int(number) for number, _ in found] == list(range(1, len(found) + 1)) and found
        for number, decision in found:
            assert all(word in decision for word in ("Reason:", "Cost:", "Revisit when")), (page, number)
