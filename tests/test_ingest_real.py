"""Real data sets give the figures that their READMEs state."""

import gzip
import json

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


def test_unieval(store, real_data):
    for name, rows, prompts, responses, n_ratings in (
        ("topical_chat.json.gz", 360, 60, 360, 6 * 360), ("sfhot.json", 875, 398, 841, 3 * 875 - 36),
    ):  # fmt: skip
        result = ingest(store, real_data / "unieval" / name, format="ratings", dataset=name)
        found = result.files[0]
        assert (found.n_rows, found.n_prompts, found.n_responses, found.n_ratings) == (
            rows, prompts, responses, n_ratings,
        )  # fmt: skip
    assert result.notes == ("ratings that repeat another rating of the same file, stored once: 36",)
    ranges = {
        (row["name"], row["attribute"]): (row["low"], row["high"])
        for row in store.rows(
            "select name, attribute, min(value) as low, max(value) as high "
            "from ratings join datasets using (dataset_id) group by all"
        )
    }
    assert ranges == {
        ("topical_chat.json.gz", "understandability"): (0, 1), ("topical_chat.json.gz", "naturalness"): (1, 3),
        ("topical_chat.json.gz", "coherence"): (1, 3), ("topical_chat.json.gz", "engagingness"): (1, 3),
        ("topical_chat.json.gz", "groundedness"): (0, 1), ("topical_chat.json.gz", "overall"): (1, 5),
        ("sfhot.json", "informativeness"): (1, 6), ("sfhot.json", "naturalness"): (1, 6),
        ("sfhot.json", "overall"): (1, 6),
    }  # fmt: skip
    systems = "select policy, count(*) as n from generations where policy is not null group by policy"
    assert [row["n"] for row in store.rows(systems)] == [60] * 6


def test_qa_feedback(store, real_data):
    source = real_data / "qa-feedback" / "dev_feedback.json.gz"
    result = ingest(store, source, format="qa-feedback", dataset="qa", split="valid")
    found = result.files[0]
    assert (found.n_rows, found.n_prompts, found.n_preferences) == (500, 500, 3_000)
    assert "ties: 384" in result.notes and "corrected predictions that are empty, left out: 13" in result.notes
    # prediction 1 is the response with ratings
    favoured = """
        with first as (select distinct response_id from ratings)
        select count(*) filter (where chosen_id in (from first)) as n, count(*) as n_all
        from preferences
        where prob = 1 and (chosen_id in (from first) or rejected_id in (from first))
    """
    with gzip.open(source) as stream:
        verdicts = [verdict for row in json.load(stream) for verdict in row["preference"][:3]]
    n, n_all = store.rows(favoured)[0].values()
    assert (n, n_all - n) == (verdicts.count(1), verdicts.count(2))
    errors = {
        row["attribute"]: row["n"]
        for row in store.rows("select attribute, -sum(value)::bigint as n from ratings group by attribute")
    }
    assert errors == {
        "irrelevant": 909, "wrong-grounding": 163, "unverifiable": 152, "redundant": 133, "incoherent": 16,
        "missing-info": 842,
    }  # fmt: skip
    assert counts(store)["ratings"] == 6 * 500
    assert store.value("select count(distinct group_id) from prompts") == 500
    assert not ingest(store, source, format="qa-feedback", dataset="qa", split="valid").files[0].is_new


def test_pandalm(store, real_data):
    folder = real_data / "pandalm"
    test_set = folder / "testset-v1.json.gz"
    result = ingest(store, test_set, format="pandalm", dataset="pandalm")
    assert (result.files[0].n_rows, result.files[0].n_prompts, result.files[0].n_preferences) == (999, 170, 3 * 999)
    assert result.notes == (
        "empty responses, or of white space alone: 54",
        "ties: 326",
        "pairs with a response that is no text, taken as JSON writes it: 6",
    )
    for machine, n_votes, note in (("gpt-3.5-turbo", 974, "ties: 38"), ("pandalm-7b", 999, "ties: 107")):
        result = ingest(
            store, folder / f"{machine}-testset-v1.json.gz", format="pandalm", dataset="pandalm",
            options={"test_set": str(test_set)},
        )  # fmt: skip
        assert (result.files[0].n_responses, result.files[0].n_preferences) == (0, n_votes) and note in result.notes
    majority = """
        with votes as (
            select "row", chosen_id, prob, count(*) as n
            from preferences
            where source = 'human'
            group by all
        )
        select count(*) filter (where prob = 1) as decided, count(*) filter (where prob = 0.5) as ties,
               (select count(*) from (select "row" from votes group by "row" having count(*) > 1)) as disputed
        from votes
        where n >= 2
    """
    assert tuple(store.rows(majority)[0].values()) == (422 + 472, 105, 120)
    assert store.value("select count(distinct policy) from generations") == 5


def test_bigbench_mistake(store, real_data):
    for name, n_null, n_steps, n_labels, n_right_with_mistake, n_wrong_without in (
        ("word_sorting.jsonl.gz", 34, 3_508, 1_583, 15, 4),
        ("logical_deduction.jsonl.gz", 6, 2_497, 961, 39, 0),
        ("tracking_shuffled_objects.jsonl", 40, 1_617, 1_151, 12, 7),
    ):
        found = ingest(store, real_data / "bigbench-mistake" / name, format="steps", dataset=name).files[0]
        assert (found.n_rows, found.n_responses, found.n_steps) == (300, 300, n_steps)
        traces = """
            select count(*) as n_labels, min(label) as worst, bool_and(label = 1) as is_right,
                   any_value(ratings.value) = 1 as is_gold
            from step_labels
            join steps using (step_id)
            join datasets using (dataset_id)
            left join ratings using (response_id)
            where name = $name
            group by response_id
        """
        rows = store.rows(traces, {"name": name})
        assert sum(row["is_right"] for row in rows) == n_null
        assert sum(row["n_labels"] for row in rows) == n_labels
        assert sum(row["is_gold"] is True and not row["is_right"] for row in rows) == n_right_with_mistake
        assert sum(row["is_gold"] is False and row["is_right"] for row in rows) == n_wrong_without
    assert all(finding.n == 0 for finding in store.doctor(everything=True))


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
