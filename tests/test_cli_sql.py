"""``rmstore query`` and ``rmstore shell``."""

import csv
import gzip
import io
import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from rmstore.cli.shell import is_complete
from rmstore.cli.sql import needs_writing, parse


@pytest.fixture
def lab(cli):
    cli("init")
    return cli


def test_query_prints_plain_columns(lab):
    done = lab("query", "select 1 as a, 'x' as name union all select 20, 'long name' order by 1")
    assert done.out.splitlines() == [" a  name", " 1  x", "20  long name"]


def test_query_without_rows_prints_the_header(lab):
    assert lab("query", "select 1 as a where false").out == "a\n"


def test_query_json(lab):
    rows = json.loads(lab("query", "select [1, 2] as l, {'x': 1.5} as s, null as n, uuid() as u", "--json").out)
    assert rows[0]["l"] == [1, 2] and rows[0]["s"] == {"x": 1.5} and rows[0]["n"] is None and len(rows[0]["u"]) == 36
    assert json.loads(lab("query", "select 1 as a where false", "--json").out) == []


def test_query_json_keeps_columns_of_one_name(lab):
    rows = json.loads(lab("query", "select 1 as a, 2 as a, 3 as a_1, 4 as a", "--json").out)
    assert rows == [{"a": 1, "a_2": 2, "a_1": 3, "a_3": 4}]


def test_query_csv(lab):
    out = lab("query", "select 'a,b' as x, true as t, [1] as l", "--csv").out
    assert list(csv.reader(io.StringIO(out))) == [["x", "t", "l"], ["a,b", "true", "[1]"]]


def test_query_parameters_keep_their_types(lab):
    words = ["-p", "i=3", "-p", "f=0.5", "-p", "s=tour@1", "-p", 'q="3"', "-p", "b=true", "-p", "l=[1]"]
    sql = "select typeof($i) as i, typeof($f) as f, $s as s, $q as q, $b as b, $l as l"
    assert json.loads(lab("query", sql, *words, "--json").out) == [
        {"i": "INTEGER", "f": "DOUBLE", "s": "tour@1", "q": "3", "b": True, "l": "[1]"}
    ]


def test_query_null_parameter(lab):
    assert json.loads(lab("query", "select $x is null as n", "-p", "x=null", "--json").out) == [{"n": True}]


def test_query_names_missing_and_needless_parameters(lab):
    done = lab("query", "select $a", "-p", "b=1")
    assert done.code == 1 and "no parameter $b" in done.err and "$a" in done.err
    assert "$a has no value" in lab("query", "select $a").err


def test_query_runs_several_statements_and_shows_the_last(lab):
    done = lab("query", "create temp table t (a int); insert into t values (1), (2); select sum(a) as s from t")
    assert done.out.splitlines() == ["s", "3"]


def test_query_reads_stdin(lab, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"select 7 as n; -- done\n")))
    assert lab("query", "-").out.splitlines() == ["n", "7"]


def test_query_errors(lab):
    for sql, part in {
        "selec 1": "syntax error",
        "": "no SQL",
        "select nope": "nope",
        "from nowhere": "nowhere",
    }.items():
        done = lab("query", sql)
        assert done.code == 1 and part in done.err and done.err.startswith("error: ")


def test_query_cannot_write_what_it_opened_for_reading(lab):
    assert not needs_writing(parse("select 1; explain select 2"))
    assert needs_writing(parse("create table x (a int)"))
    assert needs_writing(parse("select RM_TRAIN('x', a, b) from t"))


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.json", "x.jsonl", "x.csv.gz", "x.jsonl.gz"])
def test_query_to_a_file(lab, tmp_path, name):
    done = lab("query", "select range as i, [range] as l from range(5) -- a comment", "--to", tmp_path / name)
    assert done.code == 0 and "5 rows in" in done.err and done.out == ""
    data = (tmp_path / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode() if "parquet" not in name else ""
    if name.endswith("parquet"):
        assert pq.read_table(tmp_path / name)["i"].to_pylist() == [0, 1, 2, 3, 4]
    elif "csv" in name:
        assert text.splitlines()[0] == "i,l" and len(text.splitlines()) == 6
    elif name == "x.json":
        assert [row["i"] for row in json.loads(text)] == [0, 1, 2, 3, 4]
    else:
        assert [json.loads(line)["l"] for line in text.splitlines()] == [[0], [1], [2], [3], [4]]
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_query_to_a_file_with_parameters_and_statements_before(lab, tmp_path):
    sql = "create temp table t as select 1 as a; select a + $b as c from t;"
    assert lab("query", sql, "-p", "b=2", "--to", tmp_path / "x.parquet").code == 0
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == [{"c": 3}]
    assert lab("query", "from (describe select 1 as a)", "--to", tmp_path / "d.json").code == 0
    assert json.loads((tmp_path / "d.json").read_text())[0]["column_name"] == "a"


def test_a_failed_export_leaves_the_old_file(lab, tmp_path):
    target = tmp_path / "x.csv"
    target.write_text("precious")
    done = lab("query", "select error('stop') from range(3)", "--to", target)
    assert done.code == 1 and target.read_text() == "precious"
    assert not list(tmp_path.glob(".*.part"))


def test_export_refuses_bad_places(lab, tmp_path):
    for target, part in {
        "x.xls": ".parquet",
        "nowhere/x.csv": "does not exist",
        "lab.duckdb": "no ending",
    }.items():
        done = lab("query", "select 1 as a", "--to", tmp_path / target)
        assert done.code == 1 and part in done.err
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in lab("query", "select 1 as a", "--to", tmp_path / "folder.csv").err


def test_a_write_that_fails_is_a_clear_error(lab, tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    words = ["query", "select range as i from range(1000000)", "--to", str(tmp_path / "x.csv")]
    command = [sys.executable, "-m", "rmstore", *words]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=small_files)
    assert done.returncode == 1 and done.stderr.startswith("error: no room left to write") and "x.csv" in done.stderr
    assert not list(tmp_path.glob("*.csv")) and not list(tmp_path.glob(".*.part"))


def test_a_closed_pipe_is_quiet(lab, tmp_path):
    command = f"{sys.executable} -m rmstore query 'select * from range(200000)' --csv | head -n 2"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["range", "0"] and done.stderr == ""


def test_is_complete():
    assert is_complete("select 1;")
    assert is_complete("select ';' as a;  \n")
    assert is_complete("select 1; -- the end\n")
    for text in ("select 1", "select ';", 'select ";', "/* ;", "select 1 -- ;", "select $$ ; $$"):
        assert not is_complete(text + "\n")


def shell(text, *words):
    return subprocess.run(
        [sys.executable, "-m", "rmstore", "shell", *words], input=text, capture_output=True, text=True, timeout=60
    )


def test_shell_from_a_pipe(lab):
    done = shell("select 1 as a,\n  2 as b;\n\nselect 3 as c")
    assert done.returncode == 0 and done.stdout.splitlines() == ["a  b", "1  2", "c", "3"]


def test_shell_goes_on_after_an_error(lab):
    done = shell("selec;\n.nonsense\nselect $x;\nselect 1 as a;\n")
    assert done.returncode == 1 and done.stdout.splitlines() == ["a", "1"]
    assert "syntax error" in done.stderr and ".tables" in done.stderr and "$x has no value" in done.stderr


def test_shell_keeps_temporary_tables_and_transactions(lab):
    done = shell("create temp table t as select 5 as a;\nbegin;\ninsert into t values (6);\nrollback;\nfrom t;\n")
    assert done.stdout.splitlines() == ["Count", "    1", "a", "5"]


def test_shell_dot_commands(lab):
    done = shell(".tables\n.heads\n.snapshots\n.timer\nselect 1 as a;\n.help\n.quit\nselect 2;\n")
    assert done.returncode == 0
    for part in ("preferences", "timer on", " s\n", "ended by a semicolon"):
        assert part in done.stdout
    assert "\n2\n" not in done.stdout


class Terminal:
    """A shell on a pseudo-terminal."""

    def __init__(self, tmp_path):
        environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "dumb", "COLUMNS": "80"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "rmstore", "shell"], environment)

    def read_until(self, text, seconds=60):
        """Return what is shown until the text is there and nothing more comes for a moment."""
        seen, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            if not select.select([self.fd], [], [], 0.3)[0]:
                if text in seen:
                    return seen
                continue
            try:
                seen += os.read(self.fd, 4096).decode()
            except OSError:
                break
        raise AssertionError(f"waited for {text!r}, saw {seen!r}")

    def send(self, text):
        os.write(self.fd, text.encode())

    def end(self, seconds=30):
        """Send Ctrl-D and return the exit code."""
        self.send("\x04")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("Ctrl-D did not end the shell")


def test_shell_on_a_terminal(lab, tmp_path):
    terminal = Terminal(tmp_path)
    terminal.read_until("rm> ")
    terminal.send("select 40 +\n")
    terminal.read_until("...> ")
    terminal.send("2 as answer;\n")
    assert "42" in terminal.read_until("rm> ")
    terminal.send("selec;\n")
    assert "syntax error" in terminal.read_until("rm> ")
    terminal.send("select half")
    terminal.read_until("half")
    terminal.send("\x03")  # Ctrl-C forgets the line
    terminal.read_until("rm> ")
    terminal.send("select count(*) from range(100000000000) a, range(100000000000) b;\n")
    terminal.read_until("b;")
    time.sleep(1)
    terminal.send("\x03")  # Ctrl-C stops the statement
    assert "stopped" in terminal.read_until("rm> ")
    terminal.send("select 43 as still_here;\n")
    assert "still_here" in terminal.read_until("rm> ")
    assert terminal.end() == 0
    assert "still_here" in (tmp_path / "state/rmstore/history").read_text()
