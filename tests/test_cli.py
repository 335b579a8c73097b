"""The command line as a whole, and the commands of the file itself."""

import json
import os
import subprocess
import sys

import click
import pytest

import rmstore
from rmstore import __version__
from rmstore.cli import SECTIONS
from rmstore.cli import cli as group
from rmstore.cli.output import cell, plain


def leaves(command=group, path=()):
    """Yield (words, command) for every command that does something."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from leaves(command.get_command(click.Context(command), name), (*path, name))
    else:
        yield path, command


COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in leaves()]


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_every_command_has_help_and_an_example(cli, path, command):
    assert command.help and command.examples
    done = cli(*path, "--help")
    assert done.code == 0 and "Examples:" in done.out
    for example in command.examples:
        assert f"rmstore {' '.join(path)}" in " ".join(example.replace("--store lab.duckdb ", "").split())
    for option in command.params:
        assert not isinstance(option, click.Option) or option.hidden or option.help or option.show_default


def test_help_has_sections(cli):
    out = cli("--help").out
    for title, members in SECTIONS.items():
        assert f"{title}:" in out
        for name in members:
            assert f"  {name}" in out
    assert "..." not in out.split("Store:")[1]


def test_version(cli):
    assert __version__ in cli("--version").out


def test_usage_errors_exit_with_2(cli):
    done = cli("quary")
    assert done.code == 2 and "did you mean 'query'" in done.err
    assert cli("snapshot", "lst").code == 2
    assert cli("query").code == 2
    assert cli("status", "--wrong").code == 2
    assert cli("query", "select 1", "-p", "nonsense").code == 2


def test_init_makes_a_store_once(cli, tmp_path):
    assert "an empty store" in cli("init").out
    done = cli("init")
    assert done.code == 0 and "nothing changed" in done.out
    done = cli("init", "--compat", "1.5")
    assert done.code == 1 and "there already" in done.err


def test_init_for_an_older_duckdb(cli):
    assert cli("init", "--compat", "1.5").code == 0
    assert cli("status").code == 0


def test_only_init_and_demo_make_a_store(cli, tmp_path):
    for words in (["status"], ["doctor"], ["migrate"], ["query", "select 1"], ["shell"], ["dataset", "list"]):
        done = cli(*words)
        assert done.code == 1
        assert f"there is no store at '{tmp_path / 'lab.duckdb'}'" in done.err
        assert f"hint: rmstore --store {tmp_path / 'lab.duckdb'} init" in done.err
    assert not list(tmp_path.iterdir())


def test_store_and_debug_may_follow_the_command(cli, tmp_path):
    assert cli("init", "--store", tmp_path / "other.duckdb").code == 0
    assert cli("--store", tmp_path / "other.duckdb", "status").code == 0
    assert (tmp_path / "other.duckdb").exists()


def test_status_of_an_empty_store(cli):
    cli("init")
    out = cli("status").out
    assert "prompts" in out and "none" in out and "0001_store" in out
    record = json.loads(cli("status", "--json").out)
    assert record["prompts"] == 0 and record["heads"] == [] and record["size"] > 0


def test_migrate_has_nothing_to_do(cli):
    cli("init")
    assert "up to date" in cli("migrate").out
    assert json.loads(cli("migrate", "--dry-run", "--json").out) == []


def test_a_locked_store_names_the_holder(cli, tmp_path):
    cli("init")
    with rmstore.connect(tmp_path / "lab.duckdb"):
        done = subprocess.run([sys.executable, "-m", "rmstore", "status"], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"(process {os.getpid()})" in done.stderr and "hint: " in done.stderr


def test_readers_share_a_store(cli, tmp_path):
    cli("init")
    with rmstore.connect(tmp_path / "lab.duckdb", read_only=True):
        for words in (["status"], ["doctor"], ["head", "list"], ["query", "select 1 as a"], ["snapshot", "list"]):
            done = subprocess.run([sys.executable, "-m", "rmstore", *words], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr


def test_files_that_are_no_stores(cli, tmp_path):
    (tmp_path / "lab.duckdb").write_bytes(b"hello" * 2_000)
    done = cli("status")
    assert done.code == 1 and "is not a DuckDB file" in done.err


def test_a_store_of_a_newer_rmstore(cli, tmp_path):
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        store.sql("insert into _rm_migrations values (77, '0077_later', 'x', now()::timestamp, '9.1.0')")
    for words in (["status"], ["migrate"], ["query", "create table x (a int)"]):
        done = cli(*words)
        assert done.code == 1 and "install rmstore 9.1.0 or newer" in done.err


def test_debug_shows_the_traceback(cli):
    from rmstore.errors import StoreError

    with pytest.raises(StoreError):
        cli("--debug", "status")


def test_a_fault_is_one_line_without_a_traceback(cli, monkeypatch):
    from rmstore import doctor

    cli("init")
    monkeypatch.setattr(doctor, "status", lambda store: 1 / 0)
    done = cli("status")
    assert done.code == 1 and "Traceback" not in done.err
    assert "ZeroDivisionError" in done.err and "--debug" in done.err


def test_cells_show_control_characters():
    assert cell("a\x1b[31mred\x07") == "a\\x1b[31mred\\x07"
    assert cell("x" * 1000).endswith("... 1000 characters")


def test_json_has_no_nan():
    assert plain({"a": float("nan"), "b": [float("inf"), 1.5]}) == {"a": None, "b": [None, 1.5]}


def test_closed_standard_output_is_no_fault():
    done = subprocess.run(
        [sys.executable, "-c", "import os, subprocess, sys; os.close(1); os.execv(sys.executable, "
         "[sys.executable, '-m', 'rmstore', 'report', 'list'])"],
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
