"""report run: parameters, provenance, files, report_runs."""

import json
import resource
from contextlib import contextmanager

import duckdb
import pyarrow.parquet as pq
import pytest
from lab import fill, save_head

import rmstore
from rmstore import reports, snapshots
from rmstore.errors import OptionError, ReportError, StoreError, UnknownNameError

ROWS = [
    {"prompt": prompt, "text": text, "reward": reward, "gold": reward, "split": split}
    for prompt, split in (("a", "test"), ("b", "test"), ("c", "train"))
    for text, reward in (("good", 1.5), ("bad", -1))
]
VOTES = [(0, 1), (2, 3), (4, 5)]
MINE = """\
-- report:  mine
-- title:   Rewards above a threshold
-- grain:   one row per response
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT, above DOUBLE = 0, split VARCHAR = 'all'
-- columns: response_id UUID, members FLOAT[], reward FLOAT
-- levels:  yes
select response_id, members, reward
from rm_rewards($head, $snapshot)
where reward > $above and $split in (split, 'all')
order by response_id
"""


@pytest.fixture
def filled(store):
    """A store with two test prompts, one training prompt and the head h."""
    fill(store, ROWS, VOTES)
    return store


@pytest.fixture
def mine(tmp_path):
    """A folder with the report mine."""
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "mine.sql").write_text(MINE)
    return folder


def test_references_are_resolved_once_and_recorded(filled):
    info = snapshots.resolve(filled, "s")
    save_head(filled, info, (), name="h", weights=((-1.0,),))
    old = reports.run(filled, "accuracy", {"head": "h@1", "snapshot": "s@latest"})
    new = reports.run(filled, "accuracy", {"head": "h"})
    assert (old.table["accuracy"][0].as_py(), new.table["accuracy"][0].as_py()) == (1.0, 0.0)
    assert old.provenance["parameters"] == {
        "head": "h@1", "snapshot": "s@1", "split": "test", "dataset": None, "subset": None, "baselines": True,
    }  # fmt: skip
    assert new.provenance["parameters"]["head"] == "h@2"


def test_provenance_says_where_every_number_came_from(filled):
    given = reports.run(filled, "accuracy", {"head": "h"}).provenance
    assert given["sql"] == reports.get("accuracy").sql and given["sql_sha256"] == reports.get("accuracy").sha256
    assert given["heads"]["head"]["reference"] == "h@1" and given["heads"]["head"]["training_sql"] == "select 1"
    assert given["heads"]["head"]["fingerprint"] == "h"
    snapshot = given["snapshots"]["snapshot"]
    assert (snapshot["reference"], snapshot["encoder_key"]) == ("s@1", "key")
    assert snapshot["fingerprint"] == snapshots.resolve(filled, "s").fingerprint
    (dataset,) = given["datasets"]
    assert (dataset["name"], dataset["license"]) == ("d", "MIT")
    assert [file["path"] for file in dataset["files"]] == ["d.jsonl"] and len(dataset["files"][0]["sha256"]) == 64
    assert (given["rmstore"], given["duckdb"]) == (rmstore.__version__, duckdb.__version__)
    assert given["n_rows"] == 2 and given["seconds"] >= 0 and given["created_at"].endswith("+00:00")
    assert given["notes"] == []


def test_a_snapshot_that_lost_responses_is_noted(filled):
    filled.drop_dataset("d", force=True)
    notes = reports.run(filled, "accuracy", {"head": "h"}).provenance["notes"]
    assert any("6 of 6 responses of s@1 were withdrawn with dropped data sets" in note for note in notes)


def test_every_run_is_recorded(filled, tmp_path):
    first = reports.run(filled, "accuracy", {"head": "h"}, to=tmp_path / "a.csv")
    reports.run(filled, "bon", {"head": "h"})
    rows = filled.rows("select *, parameters->>'head' as head from report_runs order by report")
    assert [(row["report"], row["head"], row["head_id"], row["snapshot_id"], row["n_rows"]) for row in rows] == [
        ("accuracy", "h@1", 1, 1, 2), ("bon", "h@1", 1, 1, 2),
    ]  # fmt: skip
    assert [row["output"] for row in rows] == [str(tmp_path / "a.csv"), None]
    assert json.loads(rows[0]["provenance"]) == first.provenance
    assert rows[0]["sql_sha256"] == reports.get("accuracy").sha256


def test_a_run_can_be_repeated_from_its_record(filled):
    first = reports.run(filled, "bon", {"head": "h"})
    save_head(filled, snapshots.resolve(filled, "s"), (), name="h", weights=((-1.0,),))
    recorded = json.loads(filled.value("select parameters from report_runs"))
    assert reports.run(filled, "bon", recorded).table.equals(first.table)


def test_parquet_carries_the_provenance(filled, tmp_path):
    result = reports.run(filled, "accuracy", {"head": "h"}, to=tmp_path / "acc.parquet")
    assert result.output == tmp_path / "acc.parquet"
    read = pq.read_table(result.output)
    assert read.to_pylist() == result.table.to_pylist()
    metadata = {key.decode(): value.decode() for key, value in pq.read_metadata(result.output).metadata.items()}
    given = {key.removeprefix("rmstore."): json.loads(value) for key, value in metadata.items() if "rmstore." in key}
    assert given == result.provenance
    assert [path.name for path in tmp_path.iterdir()] == ["acc.parquet"]


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl"])
def test_text_files_have_the_provenance_beside_them(filled, tmp_path, ending):
    target = tmp_path / f"acc.{ending}"
    result = reports.run(filled, "accuracy", {"head": "h"}, to=str(target))
    read = duckdb.connect().sql(f"from '{target}'").to_arrow_table().to_pylist()
    assert [row["accuracy"] for row in read] == [1.0, 1.0]
    assert [row["dataset"] for row in read] == ["d", "all"]
    assert json.loads((tmp_path / f"acc.{ending}.provenance.json").read_text()) == result.provenance
    assert len(list(tmp_path.iterdir())) == 2


def test_a_report_of_a_user_runs_like_any_other(filled, mine, tmp_path):
    result = reports.run(filled, "mine", {"head": "h", "above": "0.5"}, dirs=[mine], to=tmp_path / "mine.parquet")
    assert result.table.num_rows == 3 and set(result.table["reward"].to_pylist()) == {1.5}
    assert pq.read_table(tmp_path / "mine.parquet").num_rows == 3
    assert "compares rewards of different prompts" in result.provenance["notes"][0]
    assert reports.run(filled, "mine", {"head": "h", "above": 2}, dirs=[mine]).provenance["notes"][1] == (
        "the report has no rows: what s@1 has in split 'all' is nothing that mine counts with these parameters; "
        "responses and votes there: test 4 and 2, train 2 and 1"
    )


@pytest.mark.parametrize(
    "params, error, message",
    [
        ({"head": "hh"}, UnknownNameError, "no head is called 'hh'\n  hint: did you mean 'h'?"),
        ({"head": "h@7"}, UnknownNameError, "no head is called 'h@7'"),
        ({"head": "h", "snapshot": "t"}, UnknownNameError, "no snapshot is called 't'"),
        ({"head": "h", "dataset": "dd"}, UnknownNameError, "no data set is called 'dd'\n  hint: did you mean 'd'"),
        ({"head": "h", "split": "tset"}, OptionError, "split is 'tset'\n  hint: one of train, valid, test, all"),
        ({"head": "h", "spilt": "test"}, OptionError, "did you mean 'split'"),
        ({"head": 3}, OptionError, "head of report 'accuracy' is 3\n  hint: it takes head HEAD"),
        ({}, ReportError, r"report 'accuracy' needs 'head' \(HEAD\)"),
    ],
)
def test_parameters_that_do_not_fit(filled, params, error, message):
    with pytest.raises(error, match=message):
        reports.run(filled, "accuracy", params)
    assert filled.value("select count(*) from report_runs") == 0


def test_a_value_that_the_sql_refuses_is_told_without_the_engine_s_words(filled):
    with pytest.raises(ReportError, match="^report 'calibration': bins is 0: 1 to 1000; 15 is usual$"):
        reports.run(filled, "calibration", {"head": "h", "bins": 0})


def test_rows_without_a_figure_say_why(store):
    fill(store, ROWS, VOTES, seen={row["prompt"] for row in ROWS})
    notes = reports.run(store, "accuracy", {"head": "h", "split": "train"}).provenance["notes"]
    assert notes == [
        "h@1 saw every group here in training (n_seen), so there is nothing to judge; "
        "--folds 5 judges every group by a head that did not"
    ]
    notes = reports.run(store, "rewardbench", {"head": "h"}).provenance["notes"]
    assert notes == [
        "no row has a figure: s@1 holds none of what it counts, or too little (rmstore report show rewardbench)"
    ]


def test_a_head_without_a_snapshot_needs_one(filled):
    filled.sql("update heads set snapshot_id = null")
    with pytest.raises(ReportError, match="needs a snapshot .*h@1 was trained on none that is still there"):
        reports.run(filled, "accuracy", {"head": "h"})
    assert reports.run(filled, "accuracy", {"head": "h", "snapshot": "s"}).table.num_rows == 2


def test_a_report_that_is_not_what_its_header_says_does_not_run(filled, mine, tmp_path):
    file = mine / "mine.sql"
    file.write_text(MINE.replace("reward FLOAT\n", "reward DOUBLE\n"))
    with pytest.raises(ReportError, match="column reward is FLOAT, the header says DOUBLE"):
        reports.run(filled, "mine", {"head": "h"}, dirs=[mine])
    file.write_text(MINE.replace("reward > $above", "rewrd > $above"))
    with pytest.raises(ReportError, match=r"report 'mine' \(.*mine.sql\): .*rewrd"):
        reports.run(filled, "mine", {"head": "h"}, dirs=[mine])
    file.write_text(MINE.replace("reward > $above and", ""))
    with pytest.raises(ReportError, match="above is a parameter in the header, but never used"):
        reports.run(filled, "mine", {"head": "h"}, dirs=[mine], to=tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()


def test_a_read_only_store_runs_reports_and_says_that_none_is_recorded(tmp_path):
    with rmstore.connect(tmp_path / "a.duckdb") as store:
        fill(store, ROWS, VOTES)
    with rmstore.connect(tmp_path / "a.duckdb", read_only=True) as store:
        result = reports.run(store, "accuracy", {"head": "h"}, to=tmp_path / "acc.parquet")
        assert result.provenance["notes"] == ["the store is read-only, so report_runs has no row of this run"]
        assert store.value("select count(*) from report_runs") == 0


@pytest.mark.parametrize("name", ["acc.xlsx", "acc"])
def test_an_unknown_format_is_an_error_before_anything_runs(filled, tmp_path, name):
    with pytest.raises(OptionError, match="has no ending that means a format"):
        reports.run(filled, "accuracy", {"head": "nobody"}, to=tmp_path / name)


def test_a_folder_that_does_not_exist_is_an_error(filled, tmp_path):
    with pytest.raises(StoreError, match="the folder .*nowhere' does not exist"):
        reports.run(filled, "accuracy", {"head": "h"}, to=tmp_path / "nowhere" / "acc.parquet")


@contextmanager
def full_disk(n_bytes):
    """Let no file grow beyond some bytes: writing more fails as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name, room", [("acc.parquet", 100), ("acc.csv", 100), ("acc.json", 2000)])
def test_a_full_disk_names_the_file_and_harms_nothing(filled, tmp_path, name, room):
    (tmp_path / name).write_text("what was here before")
    with full_disk(room), pytest.raises(StoreError, match=f"no room left to write '.*{name}.*'"):
        reports.run(filled, "accuracy", {"head": "h"}, to=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    if name != "acc.json":  # there the rows had room, the provenance had not
        assert (tmp_path / name).read_text() == "what was here before"
    assert filled.value("select count(*) from report_runs") == 0
    assert reports.run(filled, "accuracy", {"head": "h"}, to=tmp_path / name).output == tmp_path / name
