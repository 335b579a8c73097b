"""Which version a bare name means: deploy, roll back, history."""

import json

import pytest
from lab import fill, save_head

from rmstore import deployments, head_store, snapshots
from rmstore.errors import InvalidNameError, StoreError, UnknownNameError


@pytest.fixture
def heads(store):
    """Three versions of head ``h``, the first of them trained on snapshot ``s@1``."""
    fill(store, [{"prompt": "p", "text": "good", "reward": 1.0}, {"prompt": "p", "text": "bad", "reward": -1.0}])
    source = snapshots.resolve(store, "s")
    for weight in (2.0, 3.0):
        save_head(store, source, (), weights=((weight,),))
    return store


def meant(store, text="h"):
    return head_store.resolve(store, text).version


def standing(store):
    return [row["head"] for row in deployments.history(store, "h") if row["is_deployed"]]


def test_a_deployed_version_is_what_the_bare_name_means(heads):
    assert meant(heads) == 3
    deployments.deploy(heads, "h@1")
    assert (meant(heads), meant(heads, "h@latest"), meant(heads, "h@deployed")) == (1, 3, 1)
    assert heads.sql("select version from rm_heads() where is_deployed").fetchall() == [(1,)]
    assert heads.sql("select rm_score('h', [1]::float[1])").fetchall() == [(1.0,)]
    deployments.deploy(heads, "h@latest")
    assert meant(heads) == 3 and standing(heads) == ["h@3"]


def test_rollback_goes_one_deployment_further_back_each_time(heads):
    for version in (2, 3, 1):
        deployments.deploy(heads, f"h@{version}")
    assert deployments.rollback(heads, "h").version == meant(heads) == 3
    assert deployments.rollback(heads, "h").version == meant(heads) == 2
    with pytest.raises(StoreError, match="head 'h' has no earlier deployment"):
        deployments.rollback(heads, "h")
    assert meant(heads) == 2 and standing(heads) == ["h@2"]
    rows = deployments.history(heads)
    assert [row["head"] for row in rows] == ["h@2", "h@3", "h@1"]
    assert [row["rolled_back_at"] is None for row in rows] == [True, False, False]


def test_what_is_deployed_after_a_rollback_is_a_deployment_of_its_own(heads):
    for version in (1, 2):
        deployments.deploy(heads, f"h@{version}")
    deployments.rollback(heads, "h")
    deployments.deploy(heads, "h@3")
    assert deployments.rollback(heads, "h").version == 1


def test_deploying_what_is_deployed_changes_nothing(heads):
    deployments.deploy(heads, "h@1")
    deployments.deploy(heads, "h@2")
    deployments.deploy(heads, "h")
    assert [row["head"] for row in deployments.history(heads, "h")] == ["h@1", "h@2"]


def test_dropped_versions_are_passed_over(heads):
    for version in (1, 2, 3):
        deployments.deploy(heads, f"h@{version}")
    head_store.drop(heads, "h@2")
    assert deployments.rollback(heads, "h").version == 1
    head_store.drop(heads, "h@1")
    assert meant(heads) == 3 and standing(heads) == []


def test_rollback_after_the_deployed_version_was_dropped(heads):
    deployments.deploy(heads, "h@1")
    deployments.deploy(heads, "h@2")
    head_store.drop(heads, "h@2")
    assert meant(heads) == 3
    assert deployments.rollback(heads, "h").version == meant(heads) == 1


def test_only_names_are_rolled_back(heads):
    with pytest.raises(UnknownNameError, match="no head is called 'hh'"):
        deployments.rollback(heads, "hh")
    with pytest.raises(InvalidNameError):
        deployments.rollback(heads, "h@1")


def test_commands(cli, tmp_path):
    lines = [{"prompt": f"Q {n}", "chosen": f"dd dd {n}", "rejected": f"b {n}"} for n in range(60)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert cli("init").code == 0
    cli("ingest", tmp_path / "pairs.jsonl", "--format", "pairs", "--dataset", "d")
    cli("embed", "d", "--encoder", "toy", "--snapshot", "s")
    for seed in (1, 2):
        assert cli("train", "h", "--snapshot", "s", "--seed", seed).code == 0
    assert "no version was deployed yet" in cli("head", "history").out
    assert "h now means h@2" in cli("head", "deploy", "h@latest").out
    assert "h now means h@" in cli("head", "deploy", "h@best").out
    assert "h now means h@1" in cli("head", "deploy", "h@1").out
    assert "h now means h@2" in cli("head", "rollback", "h").out
    assert [row["head"] for row in json.loads(cli("head", "history", "h", "--json").out)][:1] == ["h@2"]
