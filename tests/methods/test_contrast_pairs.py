"""rm_contrast_pairs: similar prompts inside the band, both ways, each with the other's preferred response."""

import numpy as np
import pytest
from lab import fill
from wide_lab import widen

COSINES = {("a", "b"): 0.8, ("a", "c"): 0.95, ("b", "c"): 0.6}


@pytest.fixture
def placed(store):
    """Prompts a, b and c with the cosines above, and d perpendicular to all."""
    gram = np.eye(4)
    for (one, other), cosine in COSINES.items():
        i, j = "abcd".index(one), "abcd".index(other)
        gram[i, j] = gram[j, i] = cosine
    vectors = np.linalg.cholesky(gram)
    rows = {"prompt": [p for p in "abcd" for _ in "xy"], "text": [f"{p} {n}" for p in "abcd" for n in "xy"],
            "gold": [0.0, 1.0] * 4}  # fmt: skip
    fill(store, rows, [(2 * i, 2 * i + 1) for i in range(4)])  # votes prefer x, ratings y
    widen(store, rows, np.eye(8)[:, :4] + 1, np.ones(4), prompt_vectors=vectors.repeat(2, axis=0))
    return store


def pairs(store, **options):
    given = "".join(f", {name} := ${name}" for name in options)
    rows = store.rows(
        'select one.messages[1].content as one, other.messages[1].content as other, cosine, pairs."text"'
        f" from rm_contrast_pairs('w'{given}) as pairs join prompts as one using (prompt_id)"
        " join prompts as other on other.prompt_id = other_id", options,
    )  # fmt: skip
    return {(row["one"], row["other"]): (round(row["cosine"], 6), row["text"]) for row in rows}


def test_pairs_in_the_band_go_both_ways(placed):
    assert pairs(placed) == {("a", "b"): (0.8, "b x"), ("b", "a"): (0.8, "a x")}
    assert set(pairs(placed, low=0.5, high=1.0)) == {(*pair,) for one in COSINES for pair in (one, one[::-1])}


def test_a_neighbour_of_either_is_enough(placed):
    # the nearest of a and b is not each other but c and a
    assert set(pairs(placed, k=1, low=0.0, high=1.0)) >= {("a", "c"), ("c", "a"), ("b", "a"), ("a", "b")}


def test_an_attribute_says_what_is_preferred(placed):
    assert pairs(placed, attribute="gold")["a", "b"] == (0.8, "b y")


def test_without_vectors_of_prompts_there_are_none(placed):
    assert placed.rows("from rm_contrast_pairs('s')") == []
