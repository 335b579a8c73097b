"""The Python surface: one method per verb, and heads that score vectors and texts."""

import inspect
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import rmstore
from rmstore.cli import SECTIONS
from rmstore.errors import InputError, UnknownNameError

VERBS = ["ingest", "embed", "import_vectors", "train", "score", "query", "report", "status", "doctor", "head"]


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
    commands = {name.replace("-", "_") for members in SECTIONS.values() for name in members}
    assert commands.issuperset(VERBS)
    for name in VERBS:
        assert inspect.getdoc(getattr(rmstore.Store, name))


def test_lists(lab):
    assert [info.reference for info in lab.snapshots()] == ["s@1"]
    assert [info.reference for info in lab.heads("h")] == ["h@1"]
    assert lab.datasets()[0]["name"] == "d"
    assert lab.snapshot("s").n_rows == 120 and lab.diff("s@1", "s@1").n_common == 120


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
