"""Items with ratings along known directions, and how tests ask for what was trained on them."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from rmstore import head_store

DATA = Path(__file__).parent / "data"
DIRECTIONS = np.array([[2, -1, 0.5, 0, 1, -2.0], [0, 1, 1, -1, 0.5, 0], [-1, 0, 0, 2, 0, 1]])
NAMES = ("brief", "clear", "vivid")
LEVELS = np.array([3.0, -10.0, 0.5])
N = 600
ALL = "select rm_train_ratings('h', item, value, attribute := attribute, prompt := prompt, head := 'multi') from "


def vectors(matrix):
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.astype(np.float32).ravel()), matrix.shape[1])


def one(store, query, params=None):
    return store.sql(query, params).fetchall()[0][0]


def head(store, reference):
    return head_store.scorer(store, head_store.resolve(store, reference).head_id).head


def chosen(store, reference):
    return head_store.resolve(store, reference).chosen
