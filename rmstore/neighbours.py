"""Nearest neighbours, exact: blocks of a matrix product in float32, the values of what is kept in float64.

Memory is that of the vectors and one block, whatever the number of rows.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

QUERY_BLOCK = 1024
BASE_BLOCK = 8192
FIRST_LOOK = 2048
"""Columns, beside k, whose k-th best is the first bar."""
Metric = Literal["cosine", "inner", "euclidean"]


def nearest(
    queries: np.ndarray,
    base: np.ndarray,
    k: int,
    *,
    query_groups: np.ndarray | None = None,
    base_groups: np.ndarray | None = None,
    metric: Metric = "cosine",
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest rows of a base for every query, the nearest first and equal ones in their order in the base.

    Args:
        queries: (n, d) vectors, finite.
        base: (m, d) vectors, finite.
        k: how many neighbours.
        query_groups: (n,) a label of every query; with ``base_groups``, no row of the query's own group is a neighbour.
        base_groups: (m,) the labels of the base.
        metric: what is compared. ``euclidean`` is minus the distance, so that more is nearer; the cosine of a vector of
            zeros is 0.

    Returns:
        Indices into the base, (n, k) int64, and similarities, (n, k) float64. Where fewer than k rows are eligible, the
        rest is -1 and NaN. Rows are chosen by float32 products, so those within about 1e-6 of each other may
        change places with what was left out.

    Raises:
        ValueError: widths differ, k is below 1, groups are given on one side alone, or a value is not finite.

    Example:
        >>> base = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> nearest(np.array([[2.0, 0.1]]), base, 2)[0].tolist()
        [[0, 2]]
    """
    queries, base = np.asarray(queries, np.float32), np.asarray(base, np.float32)
    _check(queries, base, k, query_groups, base_groups)
    left, right = _ranked_by_product(queries, base, metric)
    codes = _codes(query_groups, base_groups)
    indices = np.full((len(queries), k), -1, np.int64)
    similarities = np.full((len(queries), k), np.nan)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        own = None if codes is None else (codes[0][block], codes[1])
        rows, columns = _candidates(left[block], right, k, own)
        values = _exact(queries[block], base, rows, columns, metric)
        rows, columns, values, places = _best(rows, columns, values, k)
        indices[start + rows, places] = columns
        similarities[start + rows, places] = values
    return indices, similarities


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of length 1, float32; those of zeros stay as they are."""
    vectors = np.asarray(vectors, np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return (vectors / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)


def _check(
    queries: np.ndarray, base: np.ndarray, k: int, query_groups: np.ndarray | None, base_groups: np.ndarray | None
) -> None:
    if queries.ndim != 2 or base.ndim != 2 or queries.shape[1] != base.shape[1]:
        raise ValueError(f"queries {queries.shape} and base {base.shape} are not (n, d) and (m, d)")
    if k < 1:
        raise ValueError(f"k is {k}, it must be at least 1")
    if (query_groups is None) != (base_groups is None):
        raise ValueError("groups are given for one side alone")
    for name, vectors in (("queries", queries), ("base", base)):
        if not np.isfinite(vectors).all():
            raise ValueError(f"{name} hold a value that is not finite")


def _codes(query_groups: np.ndarray | None, base_groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Return labels as small numbers, which compare faster."""
    if query_groups is None or base_groups is None:
        return None
    _, codes = np.unique(np.concatenate([query_groups, base_groups]), return_inverse=True)
    codes = codes.astype(np.int32)
    return codes[: len(query_groups)], codes[len(query_groups) :]


def _ranked_by_product(queries: np.ndarray, base: np.ndarray, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """Return matrices whose inner products order the base as the metric does."""
    if metric == "inner":
        return queries, base
    if metric == "cosine":
        return unit(queries), unit(base)
    # |q - b|^2 = |q|^2 - 2 (q b - |b|^2 / 2); about the mean of the base, so that little is lost to rounding
    centre = base.mean(axis=0) if len(base) else np.float32(0)
    left, right = queries - centre, base - centre
    halves = np.einsum("ij,ij->i", right, right, dtype=np.float64)[:, None] / 2
    ones = np.ones((len(left), 1), np.float32)
    return np.hstack([left, ones]), np.hstack([right, -halves.astype(np.float32)])


def _candidates(
    left: np.ndarray, right: np.ndarray, k: int, own: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the products that are among the k largest of their row, ties included.

    Once a few columns were looked at, hardly any product exceeds the k-th best so far: one comparison replaces a
    partition.
    """
    kept = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    bar = np.full(len(left), -np.inf, np.float32)
    for start in range(0, len(right), BASE_BLOCK):
        block = slice(start, start + BASE_BLOCK)
        products = left @ right[block].T
        if own is not None:
            np.copyto(products, -np.inf, where=own[0][:, None] == own[1][block][None, :])
        if start == 0 and products.shape[1] > k:
            bar = np.partition(products[:, : k + FIRST_LOOK], -k, axis=1)[:, -k]
        rows, columns = np.divmod(np.flatnonzero(products >= bar[:, None]), products.shape[1])
        values = products[rows, columns]
        is_eligible = values > -np.inf
        rows, columns, values, places = _best(
            np.concatenate([kept[0], rows[is_eligible]]),
            np.concatenate([kept[1], columns[is_eligible] + start]),
            np.concatenate([kept[2], values[is_eligible]]),
            k,
        )
        last = places == k - 1
        bar[rows[last]] = values[last]
        kept = (rows, columns, values)
    return kept[0], kept[1]


def _exact(queries: np.ndarray, base: np.ndarray, rows: np.ndarray, columns: np.ndarray, metric: Metric) -> np.ndarray:
    """Return the similarity of single pairs in float64, so that it depends on neither blocks nor threads."""
    values = np.empty(len(rows))
    for start in range(0, len(rows), BASE_BLOCK):
        block = slice(start, start + BASE_BLOCK)
        left, right = queries[rows[block]].astype(np.float64), base[columns[block]].astype(np.float64)
        if metric == "euclidean":
            values[block] = -np.sqrt(((left - right) ** 2).sum(axis=1))
            continue
        values[block] = np.einsum("ij,ij->i", left, right)
        if metric == "cosine":
            norms = np.sqrt(np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right))
            values[block] /= np.where(norms > 0, norms, 1)
    return values


def _best(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the k largest values of every row in falling order, and the place of each, from 0."""
    order = np.lexsort((columns, -values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    is_best = places < k
    return rows[is_best], columns[is_best], values[is_best], places[is_best]
