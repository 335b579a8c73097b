"""Training on rankings through SQL: known answers, order, gaps."""

import numpy as np
import pytest
from rated_items import DIRECTIONS, N, head, one


@pytest.fixture
def ranked(rated):
    """200 rankings of three, best first along a known direction."""
    rated.sql(
        "create temp table rankings as select prompt, list(item order by brief desc) as ranked, "
        "list(i order by brief desc) as places from items group by prompt"
    )
    return rated


def test_rm_train_rankings(ranked):
    result = one(ranked, "select rm_train_rankings('h', ranked, prompt := prompt) from rankings")
    assert (result["n_used"], result["n_skipped"]) == (N, 0)
    assert result["valid_accuracy"] > 0.95
    found = head(ranked, "h").weights[0]
    assert found @ DIRECTIONS[0] / np.linalg.norm(found) / np.linalg.norm(DIRECTIONS[0]) > 0.99


def test_the_order_of_rankings_does_not_matter(ranked):
    query = "select rm_train_rankings('h', ranked, prompt := prompt) from (from rankings order by {})"
    assert one(ranked, query.format("hash(prompt)"))["is_new"]
    assert not one(ranked, query.format("hash('x' || prompt)"))["is_new"]


def test_alike_rankings_of_different_splits_do_not_depend_on_their_order(ranked):
    twice = """(select ranked, prompt, 'train' as split from rankings union all
                select ranked, 'q' || prompt, 'valid' from rankings)"""
    query = "select rm_train_rankings('h', ranked, prompt := prompt, split := split) from (from {} order by {})"
    assert one(ranked, query.format(twice, "hash(prompt)"))["is_new"]
    assert not one(ranked, query.format(twice, "hash('x' || prompt)"))["is_new"]


def test_rankings_of_two_are_pairs(ranked):
    one(ranked, "select rm_train_rankings('r', ranked[:2], prompt := prompt, options := {'l2': 0.1}) from rankings")
    one(ranked, "select rm_train('p', ranked[1], ranked[2], prompt := prompt, options := {'l2': 0.1}) from rankings")
    assert one(ranked, "select max(abs(rm_score('r', item) - rm_score('p', item))) from items") < 1e-6


def test_plackett_luce_is_the_likelihood_of_the_whole_ranking(ranked):
    """The fit is the optimum of the ranking's own likelihood, solved here by another road."""
    from scipy.optimize import minimize

    query = "select rm_train_rankings('h', ranked, split := 'train', options := {'l2': 0.05}) from rankings"
    one(ranked, query)
    lists = np.array(ranked.sql("select ranked from rankings").fetchall(), dtype=np.float64)[:, 0]

    def loss(w):
        rewards = lists @ w
        choices = [np.logaddexp.reduce(rewards[:, k:], axis=1) - rewards[:, k] for k in range(2)]
        return np.mean(choices) + 0.025 * w @ w

    best = minimize(loss, np.zeros(6), tol=1e-12).x
    np.testing.assert_allclose(head(ranked, "h").weights[0], best, atol=1e-3)


def test_items_that_are_missing_leave_the_rest_of_a_ranking(ranked):
    query = "select rm_train_rankings('{}', {}, prompt := prompt, options := {{'l2': 0.1}}) from rankings"
    whole = one(ranked, query.format("a", "ranked[2:]"))
    holes = one(ranked, query.format("b", "list_concat([null], ranked[2:])"))
    assert (whole["n_used"], holes["n_used"], holes["n_skipped"]) == (200, 200, 400)
    assert one(ranked, "select max(abs(rm_score('a', item) - rm_score('b', item))) from items") < 1e-6


def test_rankings_of_one_item_are_left_out_and_counted(ranked):
    query = "select rm_train_rankings('h', if(prompt < 'p15', ranked[:1], ranked), prompt := prompt) from rankings"
    result = one(ranked, query)
    short = one(ranked, "select count(*) from rankings where prompt < 'p15'")
    assert result["n_skipped"] == short and f"{short} rankings of fewer than two items were left out" in result["notes"]


def test_rankings_of_ids(lab):
    single = "(select list(response_id order by n_chars desc) as ranked from rm_rows('tiny') group by prompt_id)"
    result = one(lab, f"select rm_train_rankings('h', ranked, snapshot := 'tiny') from {single}")
    assert result["train_accuracy"] > 0.9
    assert one(lab, "select count(distinct group_id) from head_training") > 10
