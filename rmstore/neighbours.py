"""Nearest neighbours, exact: blocks of a matrix product in float32, the values of what is kept in float64.

Memory is that of the vectors and one block per thread, whatever the number of rows. Every block has a thread of its own
with one BLAS thread: what is left beside the products would keep all but one waiting, and the sums are the same for any
number of threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np

from rmstore.heads.blas import blas_threads, one_blas_thread

QUERY_BLOCK = 512
BASE_BLOCK = 4096
HEATS = 128
"""Heats that the columns of a block are dealt into; the k-th best winner is a bar that the k best of all clear."""
PAIRS_BLOCK = 256
"""Pairs whose similarity is computed at a time, in float64: few enough to stay in the processor's own memory."""
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

    For more than one call on the same base see :class:`Base`, which explains the arguments.

    Example:
        >>> base = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> nearest(np.array([[2.0, 0.1]]), base, 2)[0].tolist()
        [[0, 2]]
    """
    return Base(base, groups=base_groups, metric=metric).nearest(queries, k, groups=query_groups)


class Base:
    """Vectors that neighbours are found among, prepared once for any number of queries."""

    def __init__(self, vectors: np.ndarray, *, groups: np.ndarray | None = None, metric: Metric = "cosine") -> None:
        """Prepare the vectors.

        Args:
            vectors: (m, d), finite.
            groups: (m,) a label of every vector.
            metric: what is compared. ``euclidean`` is minus the distance, so that more is nearer; the cosine of a
                vector of zeros is 0.

        Raises:
            ValueError: the vectors are no matrix, or a value is not finite.
        """
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2:
            raise ValueError(f"the base is {vectors.shape}, not (m, d)")
        _check_finite(vectors, "base")
        self._vectors, self._metric = vectors, metric
        self._squares = _squares(vectors) if metric == "cosine" else None
        # |q - b|^2 = |q|^2 - 2 (q b - |b|^2 / 2); about the mean of the base, so that little is lost to rounding
        self._centre = vectors.mean(axis=0) if metric == "euclidean" and len(vectors) else np.float32(0)
        self._ranked = self._ranked_by_product(vectors, is_base=True)
        self._labels: np.ndarray | None = None
        self._codes = np.empty(0, np.int32)
        if groups is not None:
            self._labels, codes = np.unique(groups, return_inverse=True)
            self._codes = codes.astype(np.int32)  # small numbers compare faster

    def nearest(
        self, queries: np.ndarray, k: int, *, groups: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the k nearest rows for every query, the nearest first and equal ones in their order in the base.

        Args:
            queries: (n, d) vectors, finite.
            k: how many neighbours.
            groups: (n,) a label of every query, where the base has labels: no row of the query's own group is a
                neighbour.

        Returns:
            Indices into the base, (n, k) int64, and similarities, (n, k) float64. Where fewer than k rows are
            eligible, the rest is -1 and NaN. Rows are chosen by float32 products, so those within about 1e-6 of each
            other may change places with what was left out.

        Raises:
            ValueError: widths differ, k is below 1, groups are given on one side alone, or a value is not finite.
        """
        queries = np.asarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self._vectors.shape[1]:
            raise ValueError(f"queries {queries.shape} and base {self._vectors.shape} are not (n, d) and (m, d)")
        if k < 1:
            raise ValueError(f"k is {k}, it must be at least 1")
        if (groups is None) != (self._labels is None):
            raise ValueError("groups are given for one side alone")
        _check_finite(queries, "queries")
        indices = np.empty((len(queries), k), np.int64)
        similarities = np.empty((len(queries), k))

        def find(start: int) -> None:
            block = slice(start, start + QUERY_BLOCK)
            own = None if groups is None else self._coded(groups[block])
            indices[block], similarities[block] = self._nearest_of_block(queries[block], k, own)

        starts = range(0, len(queries), QUERY_BLOCK)
        workers = max(1, min(blas_threads(), len(starts)))
        with one_blas_thread(), ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(find, starts):
                pass
        return indices, similarities

    def _nearest_of_block(self, queries: np.ndarray, k: int, own: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        columns = self._candidates(self._ranked_by_product(queries, is_base=False), k, own)
        rows, places = np.nonzero(columns >= 0)
        values = np.full(columns.shape, -np.inf)
        values[rows, places] = self._exact(queries, rows, columns[rows, places])
        order = np.lexsort((columns, -values), axis=1)
        found = np.take_along_axis(columns, order, axis=1)
        return found, np.where(found < 0, np.nan, np.take_along_axis(values, order, axis=1))

    def _ranked_by_product(self, vectors: np.ndarray, *, is_base: bool) -> np.ndarray:
        """Return rows whose inner products with those of the other side order the base as the metric does."""
        if self._metric == "inner":
            return vectors
        if self._metric == "cosine":
            return unit(vectors)
        centred = vectors - self._centre
        last = -_squares(centred) / 2 if is_base else np.ones(len(vectors))
        return np.column_stack([centred, last.astype(np.float32)])

    def _coded(self, groups: np.ndarray) -> np.ndarray:
        """Return the number of every label among those of the base, (n,) int32; -1 where the base has none of it."""
        assert self._labels is not None
        if not len(self._labels):
            return np.full(len(groups), -1, np.int32)
        place = np.searchsorted(self._labels, groups).clip(max=len(self._labels) - 1)
        return np.where(self._labels[place] == groups, place, -1).astype(np.int32)

    def _candidates(self, ranked: np.ndarray, k: int, own: np.ndarray | None) -> np.ndarray:
        """Return the k columns with the largest products of every row, (n, k), -1 where there are fewer.

        Once a few columns were looked at, hardly any product exceeds the k-th best so far: one comparison replaces a
        partition.
        """
        values = np.full((len(ranked), k), -np.inf, np.float32)
        kept = np.full((len(ranked), k), -1, np.int64)
        room = np.empty(len(ranked) * min(len(self._ranked), BASE_BLOCK), np.float32)
        for start in range(0, len(self._ranked), BASE_BLOCK):
            block = slice(start, start + BASE_BLOCK)
            base = self._ranked[block]
            products = np.matmul(ranked, base.T, out=room[: len(ranked) * len(base)].reshape(len(ranked), len(base)))
            if own is not None:
                np.copyto(products, -np.inf, where=own[:, None] == self._codes[block][None, :])
            bar = values[:, -1]
            if (bar == -np.inf).any():
                bar = np.maximum(bar, _bar(products, k))
            rows, columns = np.divmod(np.flatnonzero(products >= bar[:, None]), len(base))
            found = products[rows, columns]
            is_eligible = found > -np.inf
            values, kept = _merged(values, kept, rows[is_eligible], columns[is_eligible] + start, found[is_eligible])
        return kept

    def _exact(self, queries: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the similarity of single pairs in float64, so that it depends on neither blocks nor threads."""
        values, queries = np.empty(len(rows)), queries.astype(np.float64)
        for start in range(0, len(rows), PAIRS_BLOCK):
            block = slice(start, start + PAIRS_BLOCK)
            left, right = queries[rows[block]], self._vectors[columns[block]].astype(np.float64)
            if self._metric == "euclidean":
                values[block] = -np.sqrt(((left - right) ** 2).sum(axis=1))
            else:
                values[block] = np.einsum("ij,ij->i", left, right)
        if self._squares is not None:
            norms = np.sqrt(_squares(queries)[rows] * self._squares[columns])
            values /= np.where(norms > 0, norms, 1)
        return values


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of length 1, float32; those of zeros stay as they are."""
    vectors = np.asarray(vectors, np.float32)
    norms = np.sqrt(_squares(vectors))
    return (vectors / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)


def _squares(vectors: np.ndarray) -> np.ndarray:
    """Return the squared length of every vector, (n,) float64; equal vectors have the same wherever they stand."""
    squares = np.empty(len(vectors))
    for start in range(0, len(vectors), PAIRS_BLOCK):
        block = slice(start, start + PAIRS_BLOCK)
        wide = vectors[block].astype(np.float64)
        squares[block] = np.einsum("ij,ij->i", wide, wide)
    return squares


def _check_finite(vectors: np.ndarray, name: str) -> None:
    if not np.isfinite(vectors).all():
        raise ValueError(f"{name} hold a value that is not finite")


def _bar(products: np.ndarray, k: int) -> np.ndarray:
    """Return for every row a value that at least k of its products reach, close to the k-th largest, (n,)."""
    n, m = products.shape
    heats = max(HEATS, 4 * k)
    if m <= 2 * heats:
        return np.partition(products, -k, axis=1)[:, -k] if m > k else np.full(n, -np.inf, np.float32)
    winners = products[:, : m // heats * heats].reshape(n, -1, heats).max(axis=1)
    return np.partition(winners, -k, axis=1)[:, -k]


def _merged(
    values: np.ndarray, kept: np.ndarray, rows: np.ndarray, columns: np.ndarray, found: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k largest values of every row in falling order, and their columns; of equal ones the first columns.

    ``values`` and ``kept`` are those so far, (n, k). What was found is in the order of rows and columns, and its
    columns come after those so far.
    """
    n, k = values.shape
    counts = np.bincount(rows, minlength=n)
    places = k + np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = k + int(counts.max(initial=0))
    everything, at = np.full((n, width), -np.inf, np.float32), np.full((n, width), -1, np.int64)
    everything[:, :k], at[:, :k] = values, kept
    everything[rows, places], at[rows, places] = found, columns
    order = np.argsort(-everything, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(everything, order, axis=1), np.take_along_axis(at, order, axis=1)
