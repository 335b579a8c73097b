"""The case study of benchmarks/ensembles: numbers that are known before it runs."""

import importlib.util
import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from lab import fill
from scipy.stats import spearmanr

import rmstore

RUN = Path(__file__).parent.parent / "benchmarks/ensembles/run.py"
PROMPTS, CANDIDATES = 60, 6


@pytest.fixture(scope="module")
def driver():
    spec = importlib.util.spec_from_file_location("case_study", RUN)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def store():
    """Responses whose vector is their gold: a head that learns anything ranks them all right."""
    gold = np.random.default_rng(0).normal(size=PROMPTS * CANDIDATES)
    n = len(gold)
    with rmstore.connect() as opened:
        fill(opened, {
            "prompt": [f"p{i // CANDIDATES}" for i in range(n)], "text": ["t" * (i % 7 + 1) + str(i) for i in range(n)],
            "split": [("train", "valid", "test")[i // CANDIDATES % 3] for i in range(n)],
            "policy": [f"m{i % CANDIDATES}" for i in range(n)], "reward": gold, "gold": gold.tolist(),
        })  # fmt: skip
        yield opened


@pytest.fixture(scope="module")
def study(driver, store, tmp_path_factory):
    """The linear cells of a noiseless annotator over two folds, summarised."""
    made = driver.Study(store, "s", tmp_path_factory.mktemp("study"), folds=2, per_prompt=4)
    made.baselines()
    for cell in driver.grid([-1.0], range(2), ["linear"]):
        assert made.compute(cell) > 0
    made.summarise(replicates=50)
    return made


def results(study, where="true"):
    return study.store.rows(f"select * from read_csv('{study.folder / 'results.csv'}') where {where}")


def test_a_noiseless_annotator_never_votes_against_gold(study):
    cells = study.store.rows(
        f"select distinct seed, scheme, n_votes, n_coins, label_error, n_seen from "
        f"read_parquet('{study.cells}/*linear*.parquet')"
    )
    assert len(cells) == 4
    assert {(cell["n_coins"], cell["label_error"]) for cell in cells} == {(0, 0.0)}
    assert {cell["n_seen"] for cell in cells} == {0}, "a head saw a prompt that it is tested on"


def test_every_prompt_is_held_out_once(study):
    assert {row["n_prompts"] for row in results(study)} == {PROMPTS}


def test_a_head_that_sees_gold_is_as_good_as_gold(study):
    oracle = {row["metric"]: row["value"] for row in results(study, "method = 'oracle'")}
    assert oracle["accuracy"] == oracle["spearman"] == 1
    assert oracle["bon_20"] is None
    for row in results(study, "head = 'linear'"):
        assert row["value"] == oracle[row["metric"]], row
        assert row["gain"] == (None if row["method"] == "single" or row["value"] is None else 0), row
        assert row["gain_low"] == row["gain_high"] == row["gain"], row


def test_baselines(study):
    means = study.store.value(
        "select round(avg(gold), 4) from (select avg(gold) as gold from study.candidates group by prompt_id)"
    )
    random = {row["metric"]: row["value"] for row in results(study, "method = 'random'")}
    assert (random["accuracy"], random["spearman"]) == (0.5, None)
    assert random["bon_2"] == random["bon_all"] == means
    assert {row["method"] for row in results(study, "head = 'none'")} == {"random", "longest", "policy", "oracle"}


def test_the_policy_baseline_leaves_its_own_fold_out(study):
    wrong = study.store.value(
        "select count(*) from study.candidates as mine where abs(policy_gold - ("
        "  select avg(others.gold) from study.candidates as others join generations using (response_id)"
        "  where others.fold <> mine.fold and generations.policy ="
        "    (select policy from generations where generations.response_id = mine.response_id))) > 1e-12"
    )
    assert wrong == 0


def test_summary_answers_every_question(study):
    rows = study.store.rows(f"select * from read_csv('{study.folder / 'summary.csv'}')")
    assert {row["question"] for row in rows} == {"ensemble", "objective", "scheme"}
    assert {row["n_configs"] for row in rows if row["question"] == "ensemble"} == {4}
    assert {(row["gain"] or 0, row["n_above"], row["n_below"]) for row in rows} == {(0, 0, 0)}
    assert "<svg" in (study.folder / "chart.svg").read_text()


def test_a_cell_is_computed_once(study, driver):
    cell = next(driver.grid([-1.0], heads=["linear"]))
    assert study.compute(cell) == 0
    assert study.store.heads() == [] or {head.name for head in study.store.heads()} == {"h"}


def test_an_mlp_cell_has_averaged_weights(driver, store, tmp_path):
    study = driver.Study(store, "s", tmp_path, per_prompt=4)
    study.compute(driver.Cell("within", 1.0, 0, "mlp", "bt"))
    methods = store.rows(f"select distinct method from read_parquet('{study.cells}/*.parquet') order by all")
    assert [row["method"] for row in methods] == ["mean", "single", "uwo", "warm", "wco"]


def test_averaged_weights_of_linear_heads_are_the_mean_and_trees_have_none(driver, store, tmp_path):
    study = driver.Study(store, "s", tmp_path, per_prompt=4)
    study.run("votes", snapshot="s", quality=0.3, across=False, per_prompt=4, seed=0, fold=0, folds=5)

    def train(name, head, merge):
        study.run("train", name=name, snapshot="s", head=head, objective="bt", members=5, merge=merge, seed=0,
                  options=json.dumps(driver.WAYS[head].options))  # fmt: skip

    train("members", "linear", None)
    train("averaged", "linear", "weights")
    apart = store.value(
        "select max(abs(rm_score('members', embedding) - rm_score('averaged', embedding))) from study.candidates"
    )
    assert apart == pytest.approx(0, abs=1e-6)
    with pytest.raises(rmstore.RmstoreError, match="trees have no weights"):
        train("trees", "lightgbm", "weights")


def test_metrics_of_a_prompt_by_hand(study):
    study.store.sql(
        "create or replace table study.rewards as from (values "
        "('right', 'a', 'p', 1e0, 0e0), ('right', 'b', 'p', 2e0, 1e0), ('right', 'c', 'p', 2e0, 1e0), "
        "('wrong', 'a', 'p', 1e0, 2e0), ('wrong', 'b', 'p', 2e0, 1e0), ('wrong', 'c', 'p', 2e0, 1e0)"
        ") as made(method, response_id, prompt_id, gold, reward)"
    )
    study.run("prompt_scores")
    right, wrong = study.store.rows("select * from study.prompt_scores order by method")
    assert right | {"spearman": round(right["spearman"], 12)} == {
        "method": "right", "prompt_id": "p", "n_pairs": 2, "hits": 2, "n_tied": 1, "spearman": 1, "bon_2": 2,
        "bon_5": None, "bon_10": None, "bon_20": None, "bon_all": 2}  # fmt: skip
    assert (wrong["hits"], round(wrong["spearman"], 12), wrong["bon_all"]) == (0, -1, 1)
    assert wrong["bon_2"] == pytest.approx(4 / 3)


def test_metrics_against_brute_force(study):
    draw = np.random.default_rng(1)
    gold, reward = draw.integers(0, 5, 8).astype(float), draw.integers(0, 4, 8).astype(float)
    rows = [("m", f"r{i}", "p", gold[i], reward[i]) for i in range(8)]
    study.store.sql("create or replace table study.rewards(method text, response_id text, prompt_id text, gold double,"
                    " reward double)")  # fmt: skip
    for row in rows:
        study.store.sql("insert into study.rewards values ($1, $2, $3, $4, $5)", row)
    study.run("prompt_scores")
    found = study.store.rows("select * from study.prompt_scores")[0]
    hits = [np.sign((reward[i] - reward[j]) * (gold[i] - gold[j])) / 2 + 0.5
            for i, j in combinations(range(8), 2) if gold[i] != gold[j]]  # fmt: skip
    assert (found["n_pairs"], found["hits"], found["n_tied"]) == (len(hits), sum(hits), 28 - len(hits))
    assert found["spearman"] == pytest.approx(spearmanr(reward, gold).statistic)
    for name, n in {"bon_2": 2, "bon_5": 5, "bon_all": 8}.items():
        picks = []
        for drawn in map(list, combinations(range(8), n)):
            best = [i for i in drawn if reward[i] == reward[drawn].max()]
            picks.append(gold[best].mean())
        assert found[name] == pytest.approx(np.mean(picks)), name
