"""Real data sets give the figures that their READMEs state."""

import pytest
from ingesting import counts

from rmstore.ingest import ingest


def test_hh(store, real_data):
    source = real_data / "hh-rlhf-harmless-base" / "test.jsonl.gz"
    result = ingest(store, source, format="hh", dataset="hh", split="test")
    assert result.files[0].n_rows == 2_312
    assert result.notes == (
        "empty responses, or of white space alone: 4",
        "rows whose responses have different prompts: 5",
    )
    found = counts(store)
    assert (found["prompts"], found["responses"], found["preferences"]) == (2_310 + 5, 2 * 2_312, 2_312)
    assert store.value("select count(distinct group_id) from prompts") == 2_178
    longer = """
        select count(*) filter (where length(c.text) > length(r.text)),
               count(*) filter (where length(c.text) = length(r.text))
        from preferences
        join responses as c on chosen_id = c.response_id join responses as r on rejected_id = r.response_id
    """
    assert tuple(store.rows(longer)[0].values()) == (1_023, 11)
    assert store.value("select count(*) from responses where text like '%Human:%'") == 38
    empty = store.rows(
        'select "row" - 1 as "row" from preferences join responses on chosen_id = response_id '
        "where trim(text) = '' order by 1"
    )
    assert [row["row"] for row in empty] == [86, 516, 925, 1103]
    differing = store.rows(
        'select "row" - 1 as "row" from prompt_sources group by "row" having count(*) > 1 order by 1'
    )
    assert [row["row"] for row in differing] == [1254, 1688, 1950, 1952, 2036]
    assert not ingest(store, source, format="hh", dataset="hh", split="test").files[0].is_new


def test_llmbar(store, real_data):
    root = real_data / "llmbar"
    for path in sorted(root.glob("**/dataset.json*")):
        ingest(store, path, format="llmbar", dataset="llmbar", subset=str(path.parent.relative_to(root)))
    found = {
        row["subset"]: row["n"]
        for row in store.rows("select subset, count(*) as n from preferences group by subset order by subset")
    }
    assert sum(found.values()) == 1_200 and len(found) == 13
    assert found["LLMBar/Natural"] == 100 and found["LLMBar/Adversarial/Neighbor"] == 134
    assert found["Processed/LLMEval^2"] == 200 and found["Processed/FairEval"] == 66
    mt_bench = "select count(distinct prompt_id) from prompt_sources where subset = 'Processed/MT-Bench'"
    assert store.value(mt_bench) == 75
    assert store.value("select count(*) from preferences where chosen_id = rejected_id") == 1


def test_rm_bench(store, real_data):
    result = ingest(store, str(real_data / "rm-bench" / "*.json.gz"), format="rm-bench", dataset="rm-bench")
    assert [file.n_rows for file in result.files] == [129, 228, 284, 157]
    assert sum(file.n_preferences for file in result.files) == 7_182
    assert result.files[2].n_prompts == 282  # safety-refuse has 2 prompts twice
    assert store.value("select count(*) from prompt_sources where metadata ->> '/error_key' is not null") == 129
    variants = "select variant, count(*) as n from generations group by variant order by variant"
    assert [row["variant"] for row in store.rows(variants)] == ["concise", "detailed", "markdown"]


@pytest.mark.slow
def test_alpaca_eval(store, real_data):
    pattern = str(
        real_data / "alpaca_eval" / "results" / "*" / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json.gz"
    )
    result = ingest(store, pattern, format="alpaca-eval", dataset="alpaca")
    assert len(result.files) == 26
    assert sum(file.n_rows for file in result.files) == sum(file.n_preferences for file in result.files) == 20_924
    assert counts(store)["prompts"] == 805
    assert "empty responses, or of white space alone: 22" in result.notes
    reference = "select count(*) as n, count(distinct response_id) from generations where origin = 'reference'"
    assert tuple(store.rows(reference)[0].values()) == (805, 805)
    subsets = {row["subset"]: row["n"] for row in store.rows(
        "select subset, count(distinct prompt_id) as n from prompt_sources group by subset")}  # fmt: skip
    assert subsets == {"selfinstruct": 252, "oasst": 188, "koala": 156, "helpful_base": 129, "vicuna": 80}


@pytest.mark.parametrize(
    ("model", "rows", "win_rate", "ties"),
    [("phi-2", 803, 2.35, 3), ("NullModel", 805, 76.92, 0), ("FuseChat-Llama-3.2-1B-Instruct", 805, 29.92, 2)],
)
def test_alpaca_eval_win_rates(model, rows, win_rate, ties, store, real_data):
    folder = real_data / "alpaca_eval" / "results" / model / "weighted_alpaca_eval_gpt4_turbo"
    result = ingest(store, folder / "annotations.json.gz", format="alpaca-eval", dataset="alpaca")
    assert result.files[0].n_rows == rows
    wins = """
        select 100 * avg(case when origin = 'sampled' then prob else 1 - prob end) as win_rate
        from preferences join generations on response_id = chosen_id
        where chosen_id <> rejected_id
    """
    identical = store.value("select count(*) from preferences where chosen_id = rejected_id")
    measured = (store.value(wins) * (rows - identical) + 50 * identical) / rows
    assert measured == pytest.approx(win_rate, abs=0.006)
    assert store.value("select count(*) from preferences where prob = 0.5") == ties
