"""The job from end to end on the command line, with the toy encoder."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from rmstore.cli import main

WORDS = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"]


def rows(n=120):
    """Pairs whose chosen side has more words of four letters."""
    for number in range(n):
        filler = " ".join(WORDS[(number + place) % 6] for place in range(3))
        yield {
            "prompt": f"Question {number}?",
            "chosen": f"{filler} dddd dddd {number}",
            "rejected": f"{filler} bb {number}",
            "subset": "even" if number % 2 == 0 else "odd",
        }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a data file, a store that has it, and a store that is embedded and has a head as well."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    ingested, trained = folder / "ingested.duckdb", folder / "trained.duckdb"
    words = ["ingest", folder / "pairs.jsonl", "--format", "pairs", "--dataset", "d", "--license", "CC0-1.0"]
    for line in (["init"], words):
        assert main(["--store", str(ingested), *map(str, line)]) == 0
    shutil.copy(ingested, trained)
    for line in (
        ["embed", "d", "--encoder", "toy", "--snapshot", "s", "-m", "first"],
        ["train", "h", "--snapshot", "s"],
    ):
        assert main(["--store", str(trained), *line]) == 0
    return folder


@pytest.fixture
def lab(cli, made, tmp_path):
    """A store with the data set ``d``, ingested."""
    shutil.copy(made / "ingested.duckdb", tmp_path / "lab.duckdb")
    shutil.copy(made / "pairs.jsonl", tmp_path)
    return cli


@pytest.fixture
def trained(cli, made, tmp_path):
    """The same, embedded and with a head."""
    shutil.copy(made / "trained.duckdb", tmp_path / "lab.duckdb")
    return cli


def read(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_ingest_twice_adds_nothing(lab, tmp_path):
    result = read(lab("ingest", tmp_path / "pairs.jsonl", "--format", "pairs", "--dataset", "d", "--json"))
    assert result["files"][0]["is_new"] is False
    assert read(lab("dataset", "list", "--json"))[0]["n_preferences"] == 120


def test_ingest_dry_run(lab, tmp_path):
    more = tmp_path / "more.jsonl"
    more.write_text('{"prompt": "p", "chosen": "c", "rejected": "r"}\n')
    done = lab("ingest", more, "--format", "pairs", "--dataset", "e", "--dry-run")
    assert done.code == 0 and "nothing was written" in done.out
    assert [row["name"] for row in read(lab("dataset", "list", "--json"))] == ["d"]


def test_ingest_names_bad_rows(lab, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "p", "chosen": "c", "rejected": "r"}\n{"prompt": "p"}\n')
    done = lab("ingest", bad, "--format", "pairs", "--dataset", "e")
    assert done.code == 1 and "bad.jsonl" in done.err and "2" in done.err and "Traceback" not in done.err
    side = tmp_path / "side.jsonl"
    done = lab(
        "ingest", bad, "--format", "pairs", "--dataset", "e", "--on-error", "skip", "--rejects", side
    )  # fmt: skip
    assert done.code == 0 and str(side) in done.err and len(side.read_text().splitlines()) == 1


def test_dataset_show_and_drop(lab):
    assert read(lab("dataset", "show", "d", "--json"))["license"] == "CC0-1.0"
    assert "subsets" in lab("dataset", "show", "d").out
    assert read(lab("dataset", "drop", "d", "--dry-run", "--json"))["dry_run"] is True
    assert lab("dataset", "drop", "d").code == 0
    assert "no data set yet" in lab("dataset", "list").out


def test_embed_and_encoders(lab):
    planned = read(lab("embed", "d", "--encoder", "toy", "--snapshot", "s", "--dry-run", "--json"))
    assert planned["snapshot"] is None and planned["embedded"] == 0
    done = read(lab("embed", "d", "--encoder", "toy", "--snapshot", "s", "--json"))
    assert done["snapshot"] == "s@1" and done["rows"] == 240 and done["is_new"]
    again = read(lab("embed", "d", "--encoder", "toy", "--snapshot", "s", "--json"))
    assert again["snapshot"] == "s@1" and again["embedded"] == 0 and not again["is_new"]
    assert lab("embed", "d", "--encoder", "toy", "--snapshot", "short", "-o", "max_tokens=16").code == 0
    listed = read(lab("encoders", "--json"))
    assert listed[0]["name"] == "toy" and [row["options"] for row in listed] == [None, '{"max_tokens":16}']


def test_import_vectors(lab, tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(240, 3)).astype(np.float32))
    match = """
        with numbered as (select response_id, row_number() over (order by response_id) - 1 as n from responses)
        select response_id, embedding from file join numbered on n = file_row_number
    """
    words = ("import-vectors", tmp_path / "v.npy", "--encoder", "mine", "--snapshot", "v", "--license", "CC0-1.0")
    done = read(lab(*words, "--match", match, "--json"))
    assert done["snapshot"] == "v@1" and done["rows"] == 240
    assert lab("train", "h", "--snapshot", "v").code == 0
    assert lab(*words, "--match", "select 1 as a").code == 1


def test_snapshots(trained, tmp_path):
    lab = trained
    made = read(
        lab("snapshot", "create", "s", "--dataset", "d", "--encoder", "toy", "--where", "subset = 'odd'", "--json")
    )
    assert made["snapshot"] == "s@2" and made["rows"] == 120
    assert [row["version"] for row in read(lab("snapshot", "list", "--json"))] == [1, 2]
    assert "s@2" in lab("snapshot", "list").out
    difference = read(lab("snapshot", "diff", "s@1", "s@2", "--json"))
    assert (difference["added"], difference["removed"], difference["common"]) == (0, 120, 120)
    exported = read(lab("snapshot", "export", "s@2", "--to", tmp_path / "out", "--json"))
    assert exported == {"snapshot": "s@2", "folder": str(tmp_path / "out"), "rows": 120}
    assert lab("snapshot", "tag", "s@1", "paper").out == "s@paper is s@1\n"
    assert lab("snapshot", "tag", "s@2", "paper").out == "s@paper is s@2 (was s@1)\n"
    assert lab("snapshot", "tag", "s@2", "paper").out == "s@paper is s@2\n"
    assert lab("snapshot", "show", "s@paper").code == 0
    assert "h@1" in lab("snapshot", "drop", "s@1").err
    assert "dropped s@2" in lab("snapshot", "drop", "s@2").out


def test_train_and_heads(trained):
    lab = trained
    again = read(lab("train", "h", "--snapshot", "s", "--json"))
    assert again["is_new"] is False and again["version"] == 1
    assert read(lab("train", "h", "--snapshot", "s", "-o", "l2=0.5", "--json"))["version"] == 2
    assert read(lab("train", "odd", "--snapshot", "s", "--where", "subset = 'odd'", "--feature", "log_len", "--json"))
    assert "h@1" in lab("head", "list").out
    assert [row["version"] for row in read(lab("head", "list", "h", "--json"))] == [1, 2]
    shown = read(lab("head", "show", "h@2", "--json"))
    assert shown["options"]["l2"] == 0.5 and shown["metrics"]
    assert "training_sql" in lab("head", "show", "h").out
    assert "h now means h@1" in lab("head", "deploy", "h@1").out
    shown = read(lab("head", "show", "h", "--json"))
    assert (shown["reference"], shown["snapshot"]) == ("h@1", "s@1")
    assert "dropped h@2" in lab("head", "drop", "h@2").out


def test_score(trained, tmp_path):
    done = trained("score", "h", "--snapshot", "s", "--to", tmp_path / "r.parquet")
    assert done.code == 0 and "240 rows" in done.out
    file = pq.ParquetFile(tmp_path / "r.parquet")
    assert file.schema_arrow.metadata[b"rmstore.head"] == b"h@1"
    table = file.read().to_pylist()
    assert len(table) == 240 and {"reward", "members", "seen_in_training"} <= table[0].keys()
    assert trained("score", "h", "--snapshot", "s", "--to", tmp_path / "r.csv").code == 0


def test_training_in_sql(trained):
    call = "rm_train('sql', chosen_id, rejected_id, snapshot := 's', prompt := prompt_id)"
    sql = f"select unnest({call}) from rm_pairs('s')"
    row = read(trained("query", sql, "--json"))[0]
    assert row["head"] == "sql" and row["version"] == 1 and row["n_used"] > 0


def test_reports(trained, tmp_path):
    lab = trained
    names = [row["report"] for row in read(lab("report", "list", "--json"))]
    assert "accuracy" in names
    assert "-- report:" in lab("report", "show", "accuracy").out
    assert lab("report", "check").code == 0
    done = lab("report", "run", "accuracy", "--head", "h", "--snapshot=s", "--to", tmp_path / "a.parquet")
    assert done.code == 0 and "accuracy" in done.out and "a.parquet" in done.err
    assert b"rmstore.sql_sha256" in pq.read_metadata(tmp_path / "a.parquet").metadata
    found = read(lab("report", "run", "accuracy", "-p", "head=h", "-p", "snapshot=s", "-p", "split=train", "--json"))
    assert found["provenance"]["parameters"]["split"] == "train"


def test_report_usage(trained):
    texts = trained("report", "run", "accuracy", "--head", "h", "--dataset", "2024", "-p", "subset=null")
    assert "no data set is called '2024'" in texts.err
    assert trained("report", "run", "accuracy", "--head").code == 2
    assert trained("report", "run", "accuracy", "stray").code == 2
    assert trained("report", "run", "accuracy", "--nonsense", "1").code == 1


def test_reports_of_a_folder(trained, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "sizes.sql").write_text(
        "-- report:  sizes\n-- title:   Responses by data set\n-- grain:   one row per data set\n-- engines: duckdb\n"
        "-- params:  snapshot SNAPSHOT\n-- columns: dataset VARCHAR, n BIGINT\n"
        "select dataset, count(*) as n from rm_rows($snapshot) group by dataset order by dataset\n"
    )
    assert "sizes" in trained("report", "list", "--reports", folder).out
    assert trained("report", "check", "sizes", "--reports", folder).code == 0
    found = read(trained("report", "run", "sizes", "--reports", folder, "--snapshot", "s", "--json"))
    assert found["rows"] == [{"dataset": "d", "n": 240}]


UNKNOWN = {
    ("head", "show", "hh"): "did you mean 'h'?",
    ("head", "drop", "h@7"): "h@1",
    ("snapshot", "show", "t"): "no snapshot is called 't'\nhint: known snapshots: s",
    ("dataset", "show", "dd"): "'d'",
    ("report", "show", "acuracy"): "'accuracy'",
    ("embed", "nope", "--snapshot", "s"): "no data set is called 'nope'\nhint: known data sets: d",
    ("train", "x", "--snapshot", "s", "--head", "liner"): "'linear'",
    ("train", "x", "--snapshot", "s", "--objective", "bd"): "known objectives: absolute, bt, ",
    ("train", "x", "--snapshot", "s", "-o", "nonsense=1"): "nonsense",
    ("train", "x y", "--snapshot", "s"): "not a name",
    ("train", "x", "--snapshot", "s", "--where", "nope = 1"): "nope",
    ("score", "h", "--snapshot", "nope", "--to", "x.csv"): "no snapshot is called 'nope'\nhint: known snapshots: s",
    (
        "report",
        "run",
        "accuracy",
        "--head",
        "nope",
        "--snapshot",
        "s",
    ): "no head is called 'nope'\nhint: known heads: h",
    ("ingest", "x.jsonl", "--format", "pears", "--dataset", "d"): "'pairs'",
    ("ingest", "nowhere.jsonl", "--format", "pairs", "--dataset", "d"): "nowhere.jsonl",
    ("query", "select rm_score('hh', embedding) from rm_rows('s')"): "'h'",
    ("query", "from rm_rows('ss')"): "did you mean 's'?",
}


@pytest.mark.parametrize("words", UNKNOWN, ids=" ".join)
def test_unknown_things_are_named_with_the_next_step(trained, words):
    done = trained(*words)
    assert done.code == 1 and done.err.startswith("error: ")
    assert UNKNOWN[words] in done.err and "Traceback" not in done.err and "fault of rmstore" not in done.err
