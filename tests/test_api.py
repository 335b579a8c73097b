"""The Python surface: one method per verb, and heads that score vectors and texts."""

import inspect
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from reference import leaves

import rmstore
from rmstore.errors import InputError, UnknownNameError

METHODS = {
    "init": "connect", "migrate": "connect", "demo": "tour", "shell": "sql",
    "dataset list": "datasets", "dataset show": "dataset", "dataset drop": "drop_dataset",
    "snapshot create": "embed", "snapshot list": "snapshots", "snapshot show": "snapshot", "snapshot diff": "diff",
    "snapshot restore": "restore_snapshot", "snapshot verify": "verify_snapshot",
    "snapshot tag": "tag_snapshot", "snapshot drop": "drop_snapshot",
    "snapshot export": "export_snapshot", "snapshot import": "import_snapshot",
    "head list": "heads", "head show": "head", "head deploy": "deploy_head", "head drop": "drop_head",
    "head compare": "compare_heads", "head explain": "explain", "head card": "card", "head export": "export_head",
    "head import": "import_head", "head describe": "describe_head", "head rollback": "rollback_head",
    "head history": "deployments",
    "report list": "reports", "report show": "reports", "report check": "check_report", "report run": "report",
    "report diff": "diff_reports", "report rerun": "rerun_report", "report runs": "report_runs",
    "report site": "report_site",
}  # fmt: skip
"""Commands whose method has another name than the command; opening and the tour are functions of the package."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    file = tmp_path_factory.mktemp("api") / "pairs.jsonl"
    with file.open("w") as out:
        for number in range(60):
            pair = {"prompt": f"Q {number}", "chosen": f"dddd dddd {number}", "rejected": f"bb {number}"}
            out.write(json.dumps(pair) + "\n")
    with rmstore.connect() as store:
        store.ingest(file, format="pairs", dataset="d")
        store.embed("d", encoder="toy", snapshot="s")
        store.train("h", snapshot="s")
        store.train("long", snapshot="s", features=["log_len"])
        yield store


def test_one_method_per_verb():
    commands = {" ".join(path) for path, _ in leaves()}
    assert METHODS.keys() <= commands
    for command in commands:
        name = METHODS.get(command, command.replace("-", "_"))
        assert name in {"connect", "tour"} or inspect.getdoc(getattr(rmstore.Store, name)), command


def test_lists(lab):
    assert [info.reference for info in lab.snapshots()] == ["s@1"]
    assert [info.reference for info in lab.heads("h")] == ["h@1"]
    assert lab.datasets()[0]["name"] == "d"
    assert lab.snapshot("s").n_rows == 120 and lab.diff("s@1", "s@1").n_common == 120


def test_what_there_is_can_be_named_tagged_and_dropped(lab):
    assert lab.dataset("d")["name"] == "d" and lab.encoders()[0]["name"] == "toy"
    lab.embed("d", encoder="toy", snapshot="other", layout="joint")
    lab.train("other", snapshot="other")
    assert lab.tag_snapshot("other", "paper").reference == lab.snapshot("other@paper").reference == "other@1"
    assert lab.deploy_head("other@1").reference == "other@1"
    assert lab.drop_head("other").reference == "other@1" and lab.heads("other") == []
    assert lab.drop_snapshot("other").reference == "other@1" and lab.snapshots("other") == []
    assert lab.drop_dataset("d", force=True, dry_run=True)["n_preferences"] == 60
    assert lab.datasets()[0]["name"] == "d"


def test_reports_of_a_folder(lab, tmp_path):
    (tmp_path / "mine.sql").write_text(
        "-- report:  mine\n-- title:   Rows\n-- grain:   one row\n-- engines: duckdb\n"
        "-- params:  snapshot SNAPSHOT\n-- columns: n BIGINT\nselect count(*) as n from rm_rows($snapshot) order by n\n"
    )
    assert {report.name for report in lab.reports(dirs=[tmp_path])} > {"mine", "accuracy"}
    assert lab.check_report("mine", dirs=[tmp_path]) == []
    assert lab.report("mine", snapshot="s", dirs=[tmp_path]).table.to_pylist() == [{"n": 120}]


def test_head_scores_vectors_as_sql_does(lab):
    rows = lab.sql("select embedding, rm_score('h', embedding) as reward from rm_rows('s')").to_arrow_table()
    vectors = np.array(rows["embedding"].to_pylist(), np.float32)
    assert np.allclose(lab.head("h").score(vectors), rows["reward"].to_numpy())
    with pytest.raises(InputError, match="shape"):
        lab.head("h").score(vectors[0])
    with pytest.raises(InputError):
        lab.head("h").score(vectors[:, :3])


@pytest.mark.parametrize("name", ["h", "long"])
def test_head_scores_texts_as_its_snapshot_does(lab, name):
    query = """
        select rm_prompt_text(messages) as prompt, text, reward
        from rm_rewards($head, 's') as rewards
        join responses using (response_id)
        join prompts on prompts.prompt_id = responses.prompt_id
    """
    rows = lab.rows(query, {"head": name})
    handle = lab.head(name)
    found = handle.score_texts([row["prompt"] for row in rows], [row["text"] for row in rows])
    assert np.allclose(found, [row["reward"] for row in rows], atol=1e-6)
    turns = [[{"role": "user", "content": row["prompt"]}] for row in rows]
    answers = [[{"role": "assistant", "content": row["text"]}] for row in rows]
    assert np.array_equal(handle.score_texts(turns, answers), found)
    assert handle.score_texts([], []).shape == (0,)
    with pytest.raises(InputError, match="2 prompts"):
        handle.score_texts(["a", "b"], ["c"])
    with pytest.raises(TypeError, match="are lists"):
        handle.score_texts("ab", "cd")


def test_reward_function_has_the_shape_of_trainers(lab):
    reward = lab.head("h").reward_function()
    found = reward(prompts=["Q 1", "Q 1"], completions=["dddd dddd 1", "bb 1"], completion_ids=[[1], [2]], step=3)
    assert isinstance(found, list) and all(isinstance(value, float) for value in found)
    assert found[0] > found[1] and reward.__name__ == "h@1"


def test_a_head_without_a_snapshot_scores_vectors_only(lab):
    lab.sql("select rm_train('loose', [i, 1]::float[2], [-i, 1]::float[2]) from range(1, 50) as t(i)")
    assert lab.head("loose").score(np.ones((2, 2))).shape == (2,)
    with pytest.raises(InputError, match="which encoder"):
        lab.head("loose").score_texts(["a"], ["b"])


def test_score_and_export_and_report(lab, tmp_path):
    assert lab.score("h", snapshot="s", to=tmp_path / "r.parquet") == 120
    assert pq.read_metadata(tmp_path / "r.parquet").metadata[b"rmstore.snapshot"] == b"s@1"
    assert lab.export("from rm_rewards('h', 's')", tmp_path / "x.csv") == 120
    result = lab.report("accuracy", head="h", snapshot="s", split="train", to=tmp_path / "a.parquet")
    assert result.table.num_rows and result.output == tmp_path / "a.parquet"


def test_unknown_heads(lab):
    with pytest.raises(UnknownNameError, match="did you mean"):
        lab.head("lon")
