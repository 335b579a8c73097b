"""Vectors in another order, through a file: whatever the batches, every vector comes back at its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmstore.errors import StoreError
from rmstore.reordering import Reordered


@given(draw=st.data(), n=st.integers(0, 60), stretch=st.integers(1, 70), dim=st.integers(1, 4))
def test_every_vector_comes_back_at_its_place(tmp_path_factory, draw, n, stretch, dim):
    wanted = np.random.default_rng(n).standard_normal((n, dim)).astype(np.float32)
    places = np.array(draw.draw(st.permutations(range(n))), np.int64)
    cuts = sorted(draw.draw(st.lists(st.integers(0, n), max_size=4)))
    folder = tmp_path_factory.mktemp("place")
    with Reordered(n, 4 * dim, stretch=stretch, folder=folder) as vectors:
        for batch in np.split(places, cuts):
            vectors.put(batch, wanted[batch])
        found = [rows.copy() for rows in vectors.read()]
    assert all(len(rows) == stretch for rows in found[:-1])
    assert np.concatenate([np.empty((0, 4 * dim), np.uint8), *found]).tobytes() == wanted.tobytes()
    assert not list(folder.iterdir())


@pytest.mark.parametrize("places", [[0, 1, 2], [0, 1, 2, 2], [0, 0, 1, 2], [0, 1, 2, 3, 3], [3, 3, 3, 3]])
def test_a_place_without_a_vector_or_with_two_is_noticed(tmp_path, places):
    with (
        Reordered(4, 4, stretch=3, folder=tmp_path) as vectors,
        pytest.raises(StoreError, match="one vector for each of 4 texts"),
    ):
        vectors.put(np.array(places), np.zeros((len(places), 1), np.float32))
        list(vectors.read())
