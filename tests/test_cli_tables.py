"""Tables on a terminal: nothing is cut off and no line is wider than the terminal."""

import sys

import pytest

from rmstore.cli.output import print_rows


@pytest.fixture
def shown(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")

    def show(rows, columns):
        capsys.readouterr()
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        print_rows(rows, columns)
        return capsys.readouterr().out

    return show


def test_a_table_that_fits_stands_as_it_is(shown):
    lines = [line.rstrip() for line in shown([["a", 1.23456789], ["longer", 20]], ["name", "value"]).splitlines()]
    assert lines[0] == "name      value" and lines[2:] == ["a       1.23457", "longer       20"]


def test_a_wide_row_stands_upright(shown):
    columns = [f"column_{number}" for number in range(20)]
    lines = shown([list(range(20))], columns).splitlines()
    assert len(lines) == 20 and lines[3].split() == ["column_3", "3"]


def test_wide_rows_become_several_tables_with_their_names(shown):
    columns = ["head", "snapshot", *(f"metric_{number}" for number in range(15)), "nothing"]
    rows = [[f"a-long-head-name-{row}@1", "tour@1", *(row + 0.123456 * n for n in range(15)), None] for row in range(4)]
    out = shown(rows, columns)
    assert all(len(line) <= 80 for line in out.splitlines())
    parts = out.split("\n\n")
    assert len(parts) > 1 and all("a-long-head-name-3@1" in part for part in parts)
    for number in range(15):
        assert f" {number} " in f" {' '.join(out.split())} "
    assert "without the empty columns nothing" in out


def test_long_texts_fold_and_are_shown_in_full(shown):
    path = "/a/very/long/path/" + "x" * 100 + "/file.jsonl"
    out = shown([[path, 1], ["b", 2], ["c", 3]], ["file", "rows"])
    assert path in "".join(line.split()[0] for line in out.splitlines() if line.split())
    assert all(len(line) <= 80 for line in out.splitlines())


def test_markup_in_data_is_data(shown):
    assert "[bold]x[/bold]" in shown([["[bold]x[/bold]", 1]], ["text", "n"])


def test_no_rows(shown):
    assert shown([], ["a", "b"]).split()[:2] == ["a", "b"]
