"""Linear heads as SQL: plain DuckDB, without rmstore, gives the same rewards."""

import duckdb
import numpy as np
import pytest

from rmstore import head_sql
from rmstore.errors import InputError, OptionError, StoreError, UnknownNameError


@pytest.fixture
def plain():
    """A connection that knows nothing of rmstore."""
    with duckdb.connect() as con:
        query = "select count(*) from duckdb_functions() where starts_with(function_name, 'rm_')"
        assert con.sql(query).fetchall() == [(0,)]
        yield con


def export(store, tmp_path, name="h", **options):
    to = tmp_path / "h.sql"
    store.export_head(name, to, force=True, **options)
    return to.read_text(encoding="utf-8")


def ours(store, query):
    """Return rewards and members of the rows of ``tiny`` and the rows themselves."""
    rows = store.sql(f"select {query}, embedding, ln(n_chars) as log_len from rm_rows('tiny') order by response_id")
    return rows.to_arrow_table()


def close(found, expected):
    """Within 1e-6 of the larger of the two sizes that float arithmetic rounds: the reward's, and the set's."""
    found, expected = np.array(found, float), np.array(expected, float)
    assert np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max()
    assert np.std(expected) > 0


def test_plain_duckdb_gives_the_rewards_of_rm_score(lab, plain, tmp_path):
    lab.train("h", snapshot="tiny")
    rows = ours(lab, "rm_score('h', embedding) as reward")
    plain.execute(export(lab, tmp_path))
    found = plain.sql("select h(embedding) as reward, typeof(h(embedding)) as kind, h(null) as none from rows")
    table = found.to_arrow_table().to_pydict()
    close(table["reward"], rows["reward"])
    assert set(table["kind"]) == {"FLOAT"} and set(table["none"]) == {None}


def test_members_are_standardised_as_rm_score_members_does(lab, plain, tmp_path):
    lab.train("h", snapshot="tiny", members=4)
    rows = ours(lab, "rm_score_members('h', embedding) as members, rm_score('h', embedding) as reward")
    plain.execute(export(lab, tmp_path))
    query = "select h_members(embedding) as members, h(embedding) as reward from rows"
    found = plain.sql(query).to_arrow_table()
    close(found["members"].to_pylist(), rows["members"].to_pylist())
    close(found["reward"], rows["reward"])


def test_side_features_are_named_arguments(lab, plain, tmp_path):
    lab.train("h", snapshot="tiny", features=["log_len"], members=2)
    rows = ours(lab, "rm_score('h', {e: embedding, log_len: ln(n_chars)}) as reward")
    plain.execute(export(lab, tmp_path))
    for call in ("h(embedding, log_len)", "h(log_len := log_len, e := embedding)"):
        close(plain.sql(f"select {call} as reward from rows").to_arrow_table()["reward"], rows["reward"])
    assert plain.sql("select h(embedding, null) is null, len(h_members(embedding, 1)) from rows").fetchall()[0] == (
        True,
        2,
    )


def test_lists_are_cast_and_other_widths_refused(lab, plain, tmp_path):
    lab.train("h", snapshot="tiny")
    rows = ours(lab, "rm_score('h', embedding) as reward")
    plain.execute(export(lab, tmp_path))
    close(plain.sql("select h(embedding::float[]) as reward from rows").to_arrow_table()["reward"], rows["reward"])
    with pytest.raises(duckdb.Error, match="3"):
        plain.sql("select h([1, 2, 3]::float[3])").fetchall()


@pytest.mark.parametrize("name", ["team/h-2.0", 'a"b; drop table t; --', "select"])
def test_names_are_quoted(lab, plain, tmp_path, name):
    lab.train("h", snapshot="tiny", members=2)
    plain.execute(export(lab, tmp_path, macro=name))
    quoted = '"' + name.replace('"', '""') + '"'
    members = '"' + (name + "_members").replace('"', '""') + '"'
    rows = ours(lab, "rm_score('h', embedding) as reward")
    query = f"select {quoted}(embedding) as reward, len({members}(embedding)) as n from rows"
    close(plain.sql(query).to_arrow_table()["reward"], rows["reward"])


def test_the_file_says_what_it_is(lab, plain, tmp_path):
    info = lab.train("h", snapshot="tiny").info
    text = export(lab, tmp_path)
    for part in (info.fingerprint, info.encoder_key, "tiny@1", "joint", 'select "h"("embedding") from my_vectors'):
        assert part in text
    plain.execute(text)
    comment = plain.sql("select comment from duckdb_functions() where function_name = 'h'").fetchall()
    assert "h@1" in comment[0][0]
    assert export(lab, tmp_path) == text


def test_a_line_break_in_a_fact_starts_no_statement(lab, tmp_path, plain):
    lab.train("h", snapshot="tiny")
    lab.sql('update rm.main.encoders set spec = json_merge_patch(spec, \'{"model": "x\\n; drop table t;"}\')')
    plain.execute("create table t (a integer)")
    plain.execute(export(lab, tmp_path))
    assert plain.sql("from t").fetchall() == []


@pytest.mark.parametrize("value", [0.1, -1e-300, 1 / 3, 123456789.0, 5e-324, np.float32(0.1)])
def test_numbers_read_back_as_they_were(plain, value):
    text = head_sql._number(value)
    assert plain.sql(f"select {text}, typeof({text})").fetchall() == [(float(value), "DOUBLE")]


def test_what_cannot_be_sql_says_so(lab, tmp_path):
    lab.train("m", snapshot="tiny", head="mlp", options={"hidden": [2], "epochs": 1})
    with pytest.raises(InputError, match="'mlp', and only a linear one"):
        lab.export_head("m", tmp_path / "m.sql")
    assert list(tmp_path.glob("*.sql")) == []
    lab.train("h", snapshot="tiny")
    with pytest.raises(OptionError, match="is no SQL file"):
        lab.export_head("h", tmp_path / "h", macro="x")
    with pytest.raises(UnknownNameError):
        lab.export_head("hh", tmp_path / "h.sql")
    lab.export_head("h", tmp_path / "h.sql")
    with pytest.raises(StoreError, match="--force"):
        lab.export_head("h", tmp_path / "h.sql")
