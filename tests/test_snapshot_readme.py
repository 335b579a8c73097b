"""The README of an exported snapshot says how its vectors are read: its lines are run."""

import duckdb
import numpy as np
import pytest
from stocking import stock

import rmstore


@pytest.mark.parametrize("precision", ["f32", "f16", "i8"])
def test_the_matrix_of_the_readme_is_that_of_the_views(tmp_path, monkeypatch, precision):
    pandas = pytest.importorskip("pandas")
    with rmstore.connect() as store:
        stock(store, [(f"prompt {i}", "word " * i + "four") for i in range(9)])
        store.embed("d", snapshot="s", encoder="toy", layout="response", encoder_options={"precision": precision})
        store.export_snapshot("s", tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    lines = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names = {"np": np, "pd": pandas}
    exec(lines, names)
    con = duckdb.connect()
    con.execute((tmp_path / "out" / "rows.sql").read_text(encoding="utf-8"))
    viewed = dict(con.sql("select response_id::varchar, embedding from vectors").fetchall())
    assert len(viewed) == 9
    for item, vector in zip(names["vectors"]["item_id"], names["matrix"], strict=True):
        np.testing.assert_array_equal(vector, np.float32(viewed[item]))
