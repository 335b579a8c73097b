"""rm_simulate_preferences: the error rates that follow for normal gold, and what a seed promises."""

import numpy as np
import pytest
from lab import fill

import rmstore
from rmstore.errors import QueryError

PROMPTS, CANDIDATES = 600, 10
EXPECTED = {0.1: (0.472, 0.6907), 0.5: (0.369, 0.6401), 1: (0.275, 0.540), 5: (0.076, 0.1786), 10: (0.039, 0.0923)}
"""Quality -> share of wrong labels and irreducible NLL, for standard normal gold."""


def normal(opened, factor=1.0):
    gold = np.random.default_rng(0).normal(size=PROMPTS * CANDIDATES) * factor
    n = len(gold)
    fill(opened, {"prompt": [f"p{i // CANDIDATES}" for i in range(n)], "text": [f"t{i}" for i in range(n)],
                  "reward": gold, "gold": gold.tolist(),
                  "split": [("train", "valid", "test")[i // CANDIDATES % 3] for i in range(n)]})  # fmt: skip
    return opened


@pytest.fixture(scope="module")
def store():
    """Ten candidates with standard normal gold for every prompt; nothing here writes after it is filled."""
    with rmstore.connect() as opened:
        yield normal(opened)


def simulate(opened, **options):
    given = ", ".join(f"{name} := {value}" for name, value in options.items())
    return opened.sql(f"from rm_simulate_preferences('s'{', ' if given else ''}{given})").to_arrow_table()


def numbers(votes):
    return (votes[name].to_numpy() for name in ("chosen_gold", "rejected_gold", "win_prob"))


def pairs(votes):
    both = zip(votes["chosen_id"].to_pylist(), votes["rejected_id"].to_pylist(), strict=True)
    return {frozenset(pair) for pair in both}


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("quality", EXPECTED)
def test_error_and_irreducible_loss_of_normal_gold(store, quality, across):
    error, loss = EXPECTED[quality]
    chosen, rejected, prob = numbers(simulate(store, quality=quality, across=across, scale=1))
    n = len(chosen)
    assert n == PROMPTS * 10
    assert (chosen < rejected).mean() == pytest.approx(error, abs=4 * np.sqrt(error * (1 - error) / n))
    certain = np.clip(prob, 1e-300, 1 - 1e-16)
    entropy = -certain * np.log(certain) - (1 - certain) * np.log(1 - certain)
    assert entropy.mean() == pytest.approx(loss, abs=5 * entropy.std() / np.sqrt(n) + 1e-3)
    assert prob == pytest.approx(1 / (1 + np.exp(-quality * (chosen - rejected))))


def test_below_zero_there_is_no_noise(store):
    chosen, rejected, prob = numbers(simulate(store, quality=-1))
    assert (chosen > rejected).all() and (prob == 1).all()


def test_equal_gold_is_a_coin():
    with rmstore.connect() as opened:
        fill(opened, {"prompt": [f"p{i // 5}" for i in range(1000)], "text": [f"t{i}" for i in range(1000)],
                      "gold": [1.0] * 1000})  # fmt: skip
        votes = simulate(opened, quality=-1, per_prompt=5)
        assert set(votes["win_prob"].to_pylist()) == {0.5}
        first = [a < b for a, b in zip(votes["chosen_id"].to_pylist(), votes["rejected_id"].to_pylist(), strict=True)]
        assert np.mean(first) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(len(first)))


def test_the_same_seed_gives_the_same_pairs_at_any_quality(store):
    votes = simulate(store, seed=7)
    assert simulate(store, seed=7).equals(votes)
    assert pairs(simulate(store, seed=7, quality=-1)) == pairs(votes)
    assert pairs(simulate(store, seed=8)) != pairs(votes)


def test_threads_do_not_matter(store):
    store.sql("set threads = 1")
    once = simulate(store)
    store.sql("set threads = 4")
    assert simulate(store).equals(once)


def test_pairs_are_distinct_within_a_prompt_and_of_distinct_responses(store):
    votes = simulate(store, per_prompt=20)
    assert len(pairs(votes)) == votes.num_rows == PROMPTS * 20
    assert all(len(pair) == 2 for pair in pairs(votes))
    prompts = store.rows("select response_id::varchar as response_id, prompt_id from responses")
    home = {row["response_id"]: row["prompt_id"] for row in prompts}
    assert all(home[a] == home[b] for a, b in pairs(votes))
    assert all(home[a] != home[b] for a, b in pairs(simulate(store, across=True)))


def test_pairs_across_prompts_stay_in_their_split(store):
    votes = simulate(store, across=True)
    of = {row["id"]: row["split"] for row in store.rows("select response_id::varchar as id, split from rm_rows('s')")}
    assert {of[a] for a, _ in pairs(votes)} == {"train", "valid", "test"}
    assert all(of[a] == of[b] for a, b in pairs(votes))


def test_a_prompt_alone_in_its_split_has_no_pairs_across():
    with rmstore.connect() as opened:
        fill(opened, {"prompt": ["a", "a", "b", "b"], "text": list("wxyz"), "gold": [1.0, 2, 3, 4],
                      "split": ["train", "train", "test", "test"]})  # fmt: skip
        assert simulate(opened, across=True).num_rows == 0


@pytest.mark.parametrize("across", [False, True])
def test_a_fold_can_be_left_out(store, across):
    folds = {row["id"]: row["fold"] for row in store.rows(
        "select response_id::varchar as id, rm_fold(group_id, 4) as fold from rm_rows('s')")}  # fmt: skip
    everything = simulate(store, across=across)
    assert {folds[a] for pair in pairs(everything) for a in pair} == {0, 1, 2, 3}
    votes = simulate(store, across=across, fold=2, folds=4)
    assert {folds[a] for pair in pairs(votes) for a in pair} == {0, 1, 3}
    if not across:
        assert pairs(votes) < pairs(everything)


def test_an_unknown_attribute_is_named_with_those_there_are(store):
    with pytest.raises(QueryError, match="no response is rated by attribute golden: there are gold"):
        simulate(store, attribute="'golden'")
    with pytest.raises(QueryError, match="no response is rated by attribute NULL"):
        simulate(store, attribute="null")
    with rmstore.connect() as opened, pytest.raises(QueryError, match="there are no ratings"):
        fill(opened, {"prompt": ["a"], "text": ["t"]})
        simulate(opened)


def test_scale_is_the_standard_deviation_of_gold(store):
    with rmstore.connect() as other:
        normal(other, factor=6)
        assert simulate(other)["chosen_id"].equals(simulate(store)["chosen_id"])
        assert not simulate(other, scale=1)["chosen_id"].equals(simulate(store, scale=1)["chosen_id"])


def test_prompts_with_few_candidates_give_what_they_have():
    with rmstore.connect() as opened:
        fill(opened, {"prompt": ["a", "b", "b", "c", "c", "c"], "text": list("uvwxyz"), "gold": [1.0, 2, 3, 4, 5, 6]})
        votes = simulate(opened, quality=-1, per_prompt=50)
        assert sorted(zip(votes["chosen_gold"].to_pylist(), votes["rejected_gold"].to_pylist(), strict=True)) == [
            (3.0, 2.0), (5.0, 4.0), (6.0, 4.0), (6.0, 5.0),
        ]  # fmt: skip


def test_a_head_trains_on_simulated_votes(store):
    row = store.rows(
        "select head.test_accuracy from (select rm_train('sim', chosen_id, rejected_id, snapshot := 's', "
        "prompt := prompt_id) as head from rm_simulate_preferences('s', quality := -1))"
    )
    assert row[0]["test_accuracy"] == 1.0
