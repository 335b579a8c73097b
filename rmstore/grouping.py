"""Which pairs belong together, and which of them validate: pure arithmetic on item and group numbers."""

from __future__ import annotations

import hashlib

import numpy as np

from rmstore.errors import InputError

SPLITS = ("train", "valid", "test")
VALID_SHARE = 0.1
"""Share of the groups held out to choose with, where nothing names validation rows."""
FEWEST_GROUPS = 20
"""Groups below which nothing is held out: two or three validation groups choose by luck."""


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows in an order that depends on their content alone, and the number of every row."""
    first, number = alike(rows)
    return rows[first] + np.float32(0), number  # -0.0 and 0.0 are one value


def alike(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of every set of equal rows, in an order of content alone, and the number of every row's set.

    Rows are hashed to 128 bits by two multilinear sums; equal hashes are then compared for real.

    Args:
        rows: (n, d) float32, finite.

    Returns:
        Row numbers (m,) and, for every row, a position among them, (n,), both int64.
    """
    factors = np.random.default_rng(20250204).integers(1, 2**63, size=(2, _n_words(rows)), dtype=np.uint64) | 1
    hashes = np.stack([_multilinear(rows, factor) for factor in factors], axis=1)
    keys = hashes.view([("a", np.uint64), ("b", np.uint64)]).ravel()
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    later = np.flatnonzero(first[number] != np.arange(len(rows)))
    for start in range(0, len(later), 65_536):
        block = later[start : start + 65_536]
        if not np.array_equal(rows[first[number[block]]], rows[block]):
            raise InputError("two different vectors share a 128-bit hash", hint="please report this")
    return first, number.astype(np.int64)


def components(first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """Return the number of the connected component of every edge, (p,); canonical in the numbers of the ends."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    lowest = np.full(label.max() + 1, n, np.int64)
    np.minimum.at(lowest, label, np.arange(n))
    return lowest[label[first]]


def component_names(component: np.ndarray, group: np.ndarray | None) -> dict[int, str]:
    """Return a text that names every component whatever else is trained: its first group, or its first item."""
    if group is None:
        return {int(number): str(number) for number in np.unique(component)}
    names: dict[int, str] = {}
    for number, name in zip(component.tolist(), group.tolist(), strict=True):
        names[number] = min(names.get(number, name), name)
    return names


def draw_valid(split: np.ndarray, component: np.ndarray, keys: dict[int, str], seed: int) -> None:
    """Give every open pair a split: one tenth of the open groups, by hash, validate; the rest train."""
    is_open = split < 0
    names = {number: keys[number] for number in np.unique(component[is_open]).tolist()}
    split[is_open] = SPLITS.index("train")
    if len(names) < FEWEST_GROUPS or (split == SPLITS.index("valid")).any():
        return
    drawn = [number for number, name in names.items() if _uniform(f"{seed}/{name}") < VALID_SHARE]
    split[is_open & np.isin(component, drawn)] = SPLITS.index("valid")


def _n_words(rows: np.ndarray) -> int:
    return rows.shape[1] if rows.shape[1] % 2 else rows.shape[1] // 2


def _multilinear(rows: np.ndarray, factor: np.ndarray) -> np.ndarray:
    sums = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), 8_192):
        block = rows[start : start + 8_192] + np.float32(0)  # -0.0 and 0.0 are one value
        words = block.view(np.uint32).astype(np.uint64) if rows.shape[1] % 2 else block.view(np.uint64)
        mixed = (words ^ (words >> np.uint64(29))) * factor
        sums[start : start + len(block)] = (mixed ^ (mixed >> np.uint64(32))).sum(axis=1, dtype=np.uint64)
    return sums


def _uniform(text: str) -> float:
    return int.from_bytes(hashlib.sha256(f"rm_train/valid/{text}".encode()).digest()[:8], "big") / 2**64
