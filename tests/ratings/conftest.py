"""A store with rated items."""

import numpy as np
import pyarrow as pa
import pytest
from rated_items import DIRECTIONS, LEVELS, NAMES, N, vectors


@pytest.fixture
def rated(store):
    """600 items of 200 prompts, each rated for three attributes on levels of their own; labels of one direction."""
    draw = np.random.default_rng(1)
    items = draw.standard_normal((N, 6))
    values = items @ DIRECTIONS.T + LEVELS + 0.01 * draw.standard_normal((N, 3))
    table = pa.table(
        {
            "i": np.arange(N),
            "prompt": [f"p{i // 3}" for i in range(N)],
            "item": vectors(items),
            "label": (items @ DIRECTIONS[0] > 0).astype(int),
            **{name: values[:, place] for place, name in enumerate(NAMES)},
        }
    )
    store.con.register("items", table)
    store.sql(
        "create temp table ratings as unpivot (select i, prompt, item, brief, clear, vivid from items) "
        "on brief, clear, vivid into name attribute value value"
    )
    return store
