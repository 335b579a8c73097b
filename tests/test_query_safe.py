"""SQL of strangers: it reads tables and scores, and neither fence lets anything else through."""

import json
import time

import duckdb
import pytest
from stocking import stock

import rmstore
from rmstore import safe_parser, safe_query
from rmstore import store as engine
from rmstore.cli.bounds import n_bytes
from rmstore.encoders.base import EncoderSpec
from rmstore.errors import InputError, QueryError, RmstoreError, StoreError
from rmstore.vectors import encoder_number

WRITES = [
    "insert into datasets values (1)",
    "update datasets set name = 'x'",
    "delete from datasets",
    "truncate datasets",
    "drop table datasets",
    "alter table datasets add column x integer",
    "create table rm.main.x as select 1",
    "create temp table x as select 1",
    "create view memory.main.x as select 1",
    "create or replace macro memory.main.rm_score(head, x) as 1",
    "create sequence x",
    "merge into datasets using (select 1 as i) on false when not matched then insert values (1)",
    "comment on table datasets is 'x'",
    "with gone as (delete from datasets returning name) from gone",
    "with new as (insert into datasets values (1) returning 1) from new",
    "explain analyze delete from datasets",
    "explain analyze copy (select 1) to '{out}'",
    "select 1; drop table datasets",
    "checkpoint",
    "force checkpoint rm",
    "vacuum",
    "call checkpoint()",
    "select rm_train('g', embedding, embedding) from rm_rows('d')",
    "select RM_TRAIN_RATINGS('g', embedding, 1) from rm_rows('d')",
    "select memory.main.rm_train_steps('g', embedding, 1) from rm_rows('d')",
    "select _rm_train('g', null)",
]
FILES = [
    "copy (select 1) to '{out}'",
    "copy datasets from '{secret}'",
    "export database '{out}'",
    "import database '{secret}'",
    "attach '{out}' as x",
    "attach 'https://127.0.0.1/x.duckdb'",
    "detach rm",
    "install httpfs",
    "load '{secret}'",
    "force install spatial from community",
    "from read_csv('{secret}')",
    "from read_text('{secret}')",
    "from read_blob('{secret}')",
    "from read_json_objects('{secret}')",
    "from read_parquet('{secret}')",
    "from parquet_metadata('{secret}')",
    "from parquet_kv_metadata('{secret}')",
    "from sniff_csv('{secret}')",
    "from glob('{folder}/*')",
    "from '{secret}'",
    'from "{secret}"',
    "from 'http://127.0.0.1:1/x.csv'",
    "from 's3://bucket/x.parquet'",
    "select (select count(*) from read_csv('{secret}'))",
    "select * from datasets where name in (from read_text('{secret}'))",
    "with x as (from READ_CSV('{secret}')) from x",
    "from system.main.read_text('{secret}')",
    "select * from datasets order by (select max(content) from read_text('{secret}'))",
    "from query('from read_text(''{secret}'')')",
    "from query_table('{secret}')",
    "explain from read_csv('{secret}')",
    "describe from read_csv('{secret}')",
    "summarize from read_csv('{secret}')",
]
ENGINE = [
    "set memory_limit = '100GB'",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset memory_limit",
    "pragma memory_limit = '100GB'",
    "pragma enable_profiling",
    "set search_path = 'memory.main'",
    "set variable x = 1",
    "use memory",
    "begin",
    "prepare x as select 1",
    "execute x",
    "create secret x (type s3)",
    "create temp macro f() as 1",
    "load json",
    "select getenv('HOME')",
    "select pg_sleep(60)",
    "select current_setting('secret_directory')",
    "from duckdb_settings()",
    "from duckdb_settings",
    "from pg_catalog.pg_settings",
    "from duckdb_secrets()",
    "from which_secret('s3://x', 's3')",
    "from duckdb_databases()",
    "from duckdb_logs",
    "from duckdb_extensions()",
    "from duckdb_temporary_files()",
    "pragma database_list",
    "call pragma_database_size()",
    "from pragma_storage_info('datasets')",
    "from arrow_scan(1, 2, 3)",
    "from pandas_scan(1)",
    "from python_map_function(1, 2)",
    "from seq_scan()",
    "from json_execute_serialized_sql('x')",
    "select write_log('x')",
    "from test_vector_types(null::integer)",
    "select 'x",
    "",
    ";",
    "-- nothing",
    "select 1" + "+1" * 9_000,
    "from given",
]
READS = [
    "select name from datasets",
    "from rm_heads()",
    "select max(n_chars) from rm_rows('d')",
    "select avg(rm_score('h', embedding)) from rm_rows('d@1') group by all",
    "select rm_embed('toy', 'some text')",
    "select rm_embed('d@1', 'a prompt', 'an answer')",
    "select reward from rm_rewards('h', 'd') order by reward limit 2",
    "with x as (select 1 as i) from x join range(3) as t(i) using (i)",
    "with recursive t as (select 1 as i union all select i + 1 from t where i < 5) from t",
    "values (1), (2)",
    "describe datasets",
    "show tables",
    "summarize responses",
    "explain select 1",
    "explain analyze from rm_rows('d')",
    "select i, sum(i) over (order by i) from generate_series(3) as t(i); select 2",
    "from (select 'a' as k, 1 as v) pivot (sum(v) for k in ('a', 'b'))",
    "select unnest(list_transform([1, 2], lambda x: x + 1)), json_extract('{}', '$.a'), histogram(1)",
    "from json_each('{\"a\": 1}')",
    "select count(*) from information_schema.tables",
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A store with a snapshot and a head."""
    path = tmp_path_factory.mktemp("safe") / "lab.duckdb"
    with rmstore.connect(path) as store:
        stock(store, [(f"q{i}", f"a{i} {'x' * i}", "p") for i in range(20)])
        store.embed("d", snapshot="d", encoder="toy", layout="joint")
        store.sql(
            "select rm_train('h', a.embedding, b.embedding) from rm_rows('d') as a join rm_rows('d') as b "
            "on a.n_chars > b.n_chars"
        )
    return path


@pytest.fixture
def stranger(file):
    with rmstore.connect(file, safe=True, timeout=20) as opened:
        yield opened


def attacks(folder):
    """Write a secret beside and return the attacks on it; what writes goes to out.csv."""
    secret = folder / "secret.csv"
    secret.write_text("password\nhunter2\n", encoding="utf-8")
    places = {"{secret}": str(secret), "{out}": str(folder / "out.csv"), "{folder}": str(folder)}
    for text in [*WRITES, *FILES, *ENGINE]:
        for place, path in places.items():
            text = text.replace(place, path)
        yield text


def outcome(call, text):
    """Return what a text gives, or the error."""
    try:
        return call(text)
    except RmstoreError as problem:
        return problem


def test_attacks_are_refused_before_they_run(stranger, tmp_path):
    texts = list(attacks(tmp_path))
    given = duckdb.sql("select 1")  # noqa: F841 - what a replacement scan would find

    def allowed(text):
        """Return what ``stranger.allowed`` does, parsed in this process, which is far quicker."""
        try:
            return stranger.checked(safe_parser.unpacked(safe_parser.answer(text)))
        except (safe_parser.ParserError, RecursionError) as problem:
            return QueryError(str(problem))

    late = [text for text in texts if not isinstance(outcome(allowed, text), QueryError)]
    assert len(texts) > 90
    # a file in place of a table has a name like any other: the engine refuses it, as it does a table that is not there
    assert all(text.startswith(("from '", 'from "', "from given")) for text in late), late
    for text in late:
        with pytest.raises(QueryError, match=r"disabled by configuration|does not exist"):
            stranger.sql(text)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv"]


def test_the_engine_alone_is_locked_too(stranger, tmp_path):
    before = stranger.status()
    for text in [*WRITES, *FILES[:-3]]:
        for place in ("{secret}", "{out}", "{folder}"):
            text = text.replace(place, str(tmp_path / "secret.csv"))
        if any(
            word in text for word in ("memory.main", "temp table", "create sequence", "checkpoint", "vacuum", "detach")
        ):
            continue  # the root is in memory and goes with the connection
        result = outcome(lambda query: engine.Store.sql(stranger, query).fetchall(), text)
        assert isinstance(result, RmstoreError), text
        assert "hunter2" not in str(result)
    for text in ENGINE[:5]:
        assert isinstance(outcome(lambda query: engine.Store.sql(stranger, query), text), QueryError), text
    assert stranger.status() == before and not list(tmp_path.iterdir())


def test_what_only_reads_runs(stranger):
    for text in READS:
        stranger.checked(safe_parser.unpacked(safe_parser.answer(text)))
        assert engine.Store.sql(stranger, text).fetchall(), text
    assert stranger.sql("select $n + 1", {"n": 1}).fetchall() == [(2,)]
    with pytest.raises(QueryError, match="several statements and parameters"):
        stranger.query("select 1; select $n", {"n": 1})


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "/etc", "toy:9", "../toy", "sentence-transformers/x", ""])
def test_embedding_keeps_to_encoders_of_the_store(stranger, name):
    with pytest.raises(QueryError, match="no encoder of this store"):
        stranger.sql("select rm_embed($name, 'x')", {"name": name})


def test_time_and_memory_end(file):
    with rmstore.connect(file, safe=True, timeout=1, memory_limit="200MB", threads=1) as stranger:
        began = time.monotonic()
        with pytest.raises(QueryError, match="longer than 1 s"):
            stranger.sql("select sum(i * i % 7) from range(1000000000000) as t(i)")
        assert time.monotonic() - began < 20
        with pytest.raises(QueryError, match="more memory"):
            stranger.sql("select len(list(i)) from range(100000000) as t(i)")
        assert stranger.sql("select 1").fetchall() == [(1,)]  # it goes on after both


@pytest.mark.parametrize(
    "text",
    [
        "with a as (" * 12,  # DuckDB 1.5 finds the error at once, 2.0 not within the hour
        "select '" + "x" * safe_query.LONGEST + "'",
        "select '\ud800'",
        "from (" * 900 + "select 1" + ")" * 900,
        "drop table datasets",
        "select 1 +",
    ],
)
def test_text_is_parsed_beside(file, text):
    with rmstore.connect(file, safe=True, timeout=3) as stranger, pytest.raises(QueryError):
        stranger.allowed(text)


def test_there_must_be_a_store(tmp_path):
    with pytest.raises(StoreError, match="in memory"):
        rmstore.connect(safe=True)
    with pytest.raises(StoreError, match="no store"):
        rmstore.connect(tmp_path / "x.duckdb", safe=True)
    assert not list(tmp_path.iterdir())


def test_command(cli, tmp_path, file, monkeypatch):
    monkeypatch.setenv("RMSTORE", str(file))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("rmstore.cli.bounds.bound_memory", lambda size: None)  # it would bound the tests as well
    done = cli("query", "--safe", "select name, $n as n from datasets", "-p", "n=3", "--json")
    assert json.loads(done.out) == [{"name": "d", "n": 3}]
    done = cli("query", "--safe", "delete from datasets")
    assert done.code == 1 and "no query that only reads" in done.err
    done = cli("query", "--safe", "--timeout", "1", "select sum(i % 7) from range(1000000000000) as t(i)")
    assert done.code == 1 and "longer than 1 s" in done.err
    done = cli("query", "--timeout", "1", "select sum(i % 7) from range(1000000000000) as t(i)")
    assert done.code == 1 and "longer than 1 s" in done.err
    out = tmp_path / "out.parquet"  # the operator says where, not the stranger
    done = cli("query", "--safe", "from rm_rows('d')", "--to", out)
    assert done.code == 0 and duckdb.sql(f"select count(*) from '{out}'").fetchall() == [(20,)]


def test_sizes_as_the_engine_writes_them():
    assert [n_bytes(size) for size in ("2GB", "1.5 GiB", "512MiB", "100", "3kb")] == [
        2_000_000_000, 1_610_612_736, 536_870_912, 100, 3_000,
    ]  # fmt: skip


def test_a_process_of_its_own_is_bounded(file, tmp_path):
    import subprocess
    import sys

    huge = "select len(range(2000000000))"  # 16 GB at once, which the engine's own limit does not see
    done = subprocess.run(
        [sys.executable, "-m", "rmstore", "--store", file, "query", "--safe", "--memory", "500MB", huge],
        capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1 and "more memory" in done.stderr and "Traceback" not in done.stderr


def test_an_encoder_whose_model_is_elsewhere_is_not_fetched(tmp_path):
    spec = EncoderSpec(
        kind="sentence-transformers", model="nobody/nothing", dim=2, max_tokens=8, weights_sha256="a",
        tokenizer_sha256=None, rendering="r", pooling="mean", truncation="end", normalize=True, backend="torch",
    )  # fmt: skip
    with rmstore.connect(tmp_path / "x.duckdb") as store:
        encoder_number(store, spec)
    query = "select rm_embed('nobody/nothing', 'x')"
    with (
        rmstore.connect(tmp_path / "x.duckdb", safe=True) as stranger,
        pytest.raises(InputError, match="not on this machine, and nothing is fetched"),
    ):
        stranger.sql(query)
