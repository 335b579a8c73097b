"""Checks on the hand-written tour data set that ships with the package."""

import json
from collections import Counter, defaultdict
from itertools import combinations, pairwise
from pathlib import Path

import pytest

import rmstore

TOUR = Path(rmstore.__file__).parent / "data/tour"
COLUMNS = ["prompt", "response", "policy", "topic", "gold", "helpful", "harmless", "correct", "verbosity"]
TEXT = COLUMNS[:4]
RATINGS = COLUMNS[5:]
POLICIES = {"mentor", "brisk", "chatty", "wary"}


@pytest.fixture(scope="module")
def rows():
    with (TOUR / "responses.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def prompts(rows):
    groups = defaultdict(list)
    for row in rows:
        groups[row["prompt"]].append(row)
    return groups


def test_counts(rows, prompts):
    assert len(rows) == 512
    assert len(prompts) == 128
    assert all(len(group) == 4 for group in prompts.values())


def test_schema(rows):
    for row in rows:
        assert list(row) == COLUMNS
        for name in TEXT:
            assert isinstance(row[name], str)
            assert row[name] and row[name] == row[name].strip()
        for name in ["gold", *RATINGS]:
            assert isinstance(row[name], (int, float)) and not isinstance(row[name], bool)


def test_rows_of_a_prompt_are_consecutive(rows):
    for start in range(0, len(rows), 4):
        assert len({row["prompt"] for row in rows[start : start + 4]}) == 1


def test_prompts_differ_beyond_case_and_spaces(prompts):
    assert len({" ".join(prompt.lower().split()) for prompt in prompts}) == len(prompts)


def test_each_prompt_has_one_topic_and_every_policy(prompts):
    for group in prompts.values():
        assert len({row["topic"] for row in group}) == 1
        assert {row["policy"] for row in group} == POLICIES


def test_responses_are_distinct_within_a_prompt(prompts):
    for group in prompts.values():
        assert len({row["response"] for row in group}) == 4


def test_gold_range_and_decimals(rows):
    for row in rows:
        assert 0 <= row["gold"] <= 10
        assert row["gold"] == round(row["gold"], 1)


def test_gold_is_distinct_with_clear_gaps(prompts):
    for prompt, group in prompts.items():
        gold = sorted(row["gold"] for row in group)
        assert min(b - a for a, b in pairwise(gold)) >= 0.6 - 1e-9, prompt


def test_ratings_are_half_steps_from_0_to_4(rows):
    for row in rows:
        for name in RATINGS:
            assert 0 <= row[name] <= 4
            assert row[name] * 2 == int(row[name] * 2)


def test_topics(prompts):
    topics = Counter(group[0]["topic"] for group in prompts.values())
    assert len(topics) >= 10
    assert min(topics.values()) >= 6


def test_longer_response_wins_about_half_of_the_pairs(prompts):
    wins = pairs = 0
    for group in prompts.values():
        for a, b in combinations(group, 2):
            winner, loser = (a, b) if a["gold"] > b["gold"] else (b, a)
            difference = len(winner["response"]) - len(loser["response"])
            wins += 1 if difference > 0 else 0.5 if difference == 0 else 0
            pairs += 1
    assert pairs == 768
    assert 0.45 <= wins / pairs <= 0.60


def test_no_policy_dominates(prompts):
    best = Counter(max(group, key=lambda row: row["gold"])["policy"] for group in prompts.values())
    worst = Counter(min(group, key=lambda row: row["gold"])["policy"] for group in prompts.values())
    for policy in POLICIES:
        assert 0 < best[policy] <= 0.45 * len(prompts)
        assert 0 < worst[policy] <= 0.45 * len(prompts)


def test_data_card_is_present():
    card = (TOUR / "README.md").read_text(encoding="utf-8")
    assert "Apache-2.0" in card
