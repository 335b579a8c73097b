"""rm_reward_fusion: identities of a weighted mean over neighbours, and numpy."""

import numpy as np
import pytest
from lab import fill
from wide_lab import widen

import rmstore

N, D = 60, 4


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(N, D)).astype(np.float32)
    rows = {"prompt": [f"p{i // 2}" for i in range(N)], "text": [f"t{i}" for i in range(N)],
            "split": ["test" if i < 20 else "train" for i in range(N)]}  # fmt: skip
    weights = rng.normal(size=D)
    with rmstore.connect() as store:
        fill(store, rows)
        widen(store, rows, vectors, weights)
        yield store, vectors.astype(np.float64), weights


def fused(store, **options):
    given = "".join(f", {name} := ${name}" for name in options)
    query = (
        f"select \"text\", fusion.* from rm_reward_fusion('w', 'w'{given}) as fusion join responses using (response_id)"
    )
    return {int(row["text"][1:]): row for row in store.rows(query, options)}


def by_hand(vectors, rewards, threshold, k):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2)
    for i in range(len(vectors)):
        near = [j for j in np.argsort(-cosine[i])[:k] if cosine[i, j] >= threshold]
        weight = np.array([1, *cosine[i, near]])
        yield len(near), (weight * rewards[[i, *near]]).sum() / weight.sum(), rewards[[i, *near]]


@pytest.mark.parametrize("threshold, k", [(0.9, 5), (0.5, 5), (0.5, 2)])
def test_equals_numpy_and_lies_among_the_fused_rewards(drawn, threshold, k):
    store, vectors, _ = drawn
    found = fused(store, threshold=threshold, k=k)
    rewards = np.array([found[i]["reward"] for i in range(N)])
    for i, (n, expected, members) in enumerate(by_hand(vectors, rewards, threshold, k)):
        assert found[i]["n_neighbours"] == n
        assert found[i]["fused"] == pytest.approx(expected, abs=1e-12)
        assert members.min() - 1e-12 <= found[i]["fused"] <= members.max() + 1e-12
    assert any(found[i]["n_neighbours"] for i in range(N))


def test_without_neighbours_it_is_the_reward(drawn):
    found = fused(drawn[0], threshold=1.01)
    assert all(row["fused"] == row["reward"] and row["n_neighbours"] == 0 for row in found.values())


def test_a_split_is_smoothed_over_everything(drawn):
    store = drawn[0]
    everything, test = fused(store), fused(store, split="test")
    assert sorted(test) == list(range(20))
    assert all(row == everything[i] for i, row in test.items())


def test_a_constant_reward_is_unchanged(store):
    rows = {"prompt": [f"p{i}" for i in range(9)], "text": ["t"] * 9, "reward": [3.0] * 9}
    fill(store, rows)  # vectors of one component: every cosine is 1
    found = store.rows("from rm_reward_fusion('h', 's')")
    assert {row["fused"] for row in found} == {3.0} and {row["n_neighbours"] for row in found} == {5}
