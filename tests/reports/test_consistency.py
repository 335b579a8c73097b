"""The report consistency: identities of four kinds of head, numpy, and what is said where rows are missing."""

import numpy as np
import pytest
from lab import fill
from wide_lab import describe, widen

import rmstore
from rmstore import reports
from rmstore.reports.rows import same

N, D = 60, 3
ANGLES = np.arccos(np.linspace(0.7, 0.95, N))
"""Between the prompts of every pair; cosines from 0.7 to 0.95."""


def made(store, rewards, *, rated=True, prompts=True, crossed="crossed", half=()):
    """Fill a store with N contrast pairs; rewards is (N, 4): R(I, r), R(I, r'), R(I', r), R(I', r')."""
    cells = [(p, i, r) for p in range(N) for i in (0, 1) for r in (0, 1) if not (p in half and (i, r) == (0, 1))]
    rows = {
        "prompt": [f"{'IJ'[i]}{p}" for p, i, _ in cells], "text": [f"answer {p} {r}" for p, _, r in cells],
        "gold": [float(rated) if rated and i == r else None for _, i, r in cells],
    }  # fmt: skip
    place = {cell: n for n, cell in enumerate(cells)}
    worse = [(place[p, i, i], len(cells) + 2 * p + i) for p in range(N) for i in (0, 1)]
    rows["prompt"] += [f"{'IJ'[i]}{p}" for p in range(N) for i in (0, 1)]
    rows["text"] += [f"bad {p} {i}" for p in range(N) for i in (0, 1)]
    rows["gold"] += [0.0 if rated else None] * 2 * N
    groups = fill(store, rows, worse)
    describe(store, rows, origin=[crossed if i != r else "sampled" for _, i, r in cells] + ["sampled"] * 2 * N)
    values = [rewards[p][2 * i + r] for p, i, r in cells] + [-99] * 2 * N
    vectors = np.zeros((len(values), D))
    vectors[:, 0] = values
    angles = [0 if prompt[0] == "I" else ANGLES[int(prompt[1:])] for prompt in rows["prompt"]]
    own = np.stack([np.cos(angles), np.sin(angles), np.zeros(len(angles))], axis=1) if prompts else None
    widen(store, rows, vectors, np.eye(D)[0], prompt_vectors=own, seen=[groups["I30"]])


def run(store, **params):
    options = {"head": "w", "attribute": "gold", **params}
    return {
        (row["measure"], row["decile"]): row for row in reports.run(store, "consistency", options).table.to_pylist()
    }


def totals(rewards, **params):
    with rmstore.connect() as store:
        made(store, rewards)
        found = run(store, **params)
    return [(found[name, "all"]["consistency"], found[name, "all"]["strict"]) for name in ("response", "instruction")]


def test_a_head_of_the_response_alone():
    f = np.arange(N) % 5
    assert totals(np.stack([f + 3, f, f + 3, f], axis=1)) == [(0.5, 0.5), (0.5, 0.0)]


def test_a_head_of_the_prompt_alone():
    f = np.arange(N) % 5
    assert totals(np.stack([f, f, f + 2, f + 2], axis=1)) == [(0.5, 0.0), (0.5, 0.5)]


def test_a_sum_of_both_is_exactly_half_on_both():
    rng = np.random.default_rng(1)
    prompt, response = rng.integers(0, 50, (N, 2)), 100 * rng.integers(0, 50, (N, 2))
    response[:, 1] += 1 + (response[:, 0] == response[:, 1])
    prompt[:, 1] += 51
    rewards = (prompt[:, :, None] + response[:, None, :]).reshape(N, 4)
    assert totals(rewards) == [(0.5, 0.5), (0.5, 0.5)]


def test_a_perfect_head():
    assert totals(np.tile([1, 0, 0, 1], (N, 1))) == [(1.0, 1.0), (1.0, 1.0)]
    assert totals(np.tile([0, 1, 1, 0], (N, 1))) == [(0.0, 0.0), (0.0, 0.0)]


@pytest.fixture(scope="module")
def drawn():
    rewards = np.random.default_rng(2).integers(0, 5, (N, 4))
    with rmstore.connect() as store:
        made(store, rewards)
        yield store, rewards


def test_totals_and_tenths_equal_numpy(drawn):
    store, rewards = drawn
    found = run(store)
    inside = [p for p in range(N) if 0.75 <= np.cos(ANGLES[p]) <= 0.9]
    a, b, c, d = rewards.T

    def share(pairs, better, worse):
        return np.mean(
            [(x[p] > y[p]) + 0.5 * (x[p] == y[p]) for p in pairs for x, y in zip(better, worse, strict=True)]
        )

    unseen = [p for p in inside if p != 30]
    for name, worse in (("response", (b, c)), ("instruction", (c, b))):
        row = found[name, "all"]
        assert (row["n_pairs"], row["n_seen"], row["n_half"], row["missing"]) == (len(unseen), 1, 0, None)
        assert row["consistency"] == pytest.approx(share(unseen, (a, d), worse), abs=1e-12)
        strict = np.mean([x[p] > y[p] for p in unseen for x, y in zip((a, d), worse, strict=True)])
        assert row["strict"] == pytest.approx(strict, abs=1e-12)
        assert row["consistency_low"] < row["consistency"] < row["consistency_high"]
        for tenth, pairs in enumerate(np.array_split(inside, 10)):  # the angles fall, so the cosines rise
            kept = [p for p in pairs if p != 30]
            cell = found[name, str(tenth + 1)]
            assert (cell["n_pairs"], cell["cosine_from"]) == (
                len(kept),
                pytest.approx(np.cos(ANGLES[pairs[0]]), abs=1e-6),
            )
            assert cell["consistency"] == pytest.approx(share(kept, (a, d), worse), abs=1e-12)


def test_the_band_is_a_parameter(drawn):
    store, _ = drawn
    assert run(store, low=0.0, high=1.0)["response", "all"]["n_pairs"] == N - 1
    none = run(store, low=0.99, high=1.0)["response", "all"]
    assert none["n_pairs"] == 0 and none["consistency"] is None
    assert none["missing"].startswith("no pair of prompts has a cosine from 0.99")


def test_votes_say_what_is_preferred_where_no_attribute_is_given(drawn):
    store, _ = drawn
    assert same(run(store, attribute=None)["response", "all"], run(store)["response", "all"])


def test_a_pair_without_both_crossed_rows_is_counted_and_left_out(store):
    rewards = np.tile([1, 0, 0, 1], (N, 1))
    made(store, rewards, half=[25, 26])
    row = run(store, low=0.0, high=1.0)["response", "all"]
    assert (row["n_pairs"], row["n_half"]) == (N - 3, 2)


def test_crossed_rows_are_never_made_up(store):
    made(store, np.tile([1, 0, 0, 1], (N, 1)), crossed="sampled")
    found = run(store)
    assert set(found) == {("response", "all"), ("instruction", "all")}
    for row in found.values():
        assert row["consistency"] is None and row["n_pairs"] == 0
        assert row["missing"].startswith(
            "no response has the origin 'crossed': ingest the preferred responses of similar"
        )


def test_nothing_measured_is_not_said_to_be_unknown(store):
    made(store, np.tile([1, 0, 0, 1], (N, 1)), crossed="sampled")
    result = reports.run(store, "consistency", {"head": "w"})
    assert result.table["n_seen"].to_pylist() == [0, 0]
    assert not any("not known" in note for note in result.provenance["notes"])


def test_prompts_need_vectors(store):
    made(store, np.tile([1, 0, 0, 1], (N, 1)), prompts=False)
    missing = run(store)["response", "all"]["missing"]
    assert missing == "no vectors of prompts: embed with a layout that has the part prompt"


def test_an_empty_split_says_why(drawn):
    row = run(drawn[0], split="valid")["instruction", "all"]
    assert row["missing"] == "no response of origin 'crossed' here is the preferred one of another prompt here"


def test_levels_of_prompts_are_compared_so_the_provenance_says_so(drawn):
    notes = reports.run(drawn[0], "consistency", {"head": "w", "attribute": "gold"}).provenance["notes"]
    assert "this report compares rewards of different prompts" in notes[0]
