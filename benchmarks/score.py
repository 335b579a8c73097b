"""Scoring in SQL: a linear head against array_inner_product, an MLP against threaded, chunked NumPy.

python benchmarks/score.py [--rows 1000000] [--repeats 5]
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa
from _harness import Row, by_turns, report
from threadpoolctl import threadpool_limits

import rmstore
from rmstore import head_store

DIM, HIDDEN, CHUNK = 384, 256, 8_192


def filled_store(n: int) -> tuple[rmstore.Store, np.ndarray]:
    """Return a store with a table of n unit vectors and two trained heads, and the vectors as a matrix."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((n, DIM), dtype=np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    store = rmstore.connect()
    column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), DIM)
    store.con.register("arrow_rows", pa.table({"i": np.arange(n), "embedding": column}))
    store.con.execute("create table rm.main.bench_rows as from arrow_rows")
    pairs = (
        "(select a.embedding as c, b.embedding as r from bench_rows a join bench_rows b on b.i = a.i + 5000"
        " where a.i < 4000)"
    )
    store.sql(f"select rm_train('linear', c, r) from {pairs}")
    store.sql(
        f"select rm_train('mlp', c, r, head := 'mlp', options := {{'hidden': [{HIDDEN}], 'epochs': 1}}) from {pairs}"
    )
    store.sql(
        f"select rm_train('mlp10', c, r, head := 'mlp', members := 10, "
        f"options := {{'hidden': [{HIDDEN}], 'epochs': 1}}) from {pairs}"
    )
    return store, matrix


def numpy_mlp(matrix: np.ndarray, members: int, threads: int) -> np.ndarray:
    """Score with NumPy alone: chunks over a thread pool, one BLAS thread each."""
    rng = np.random.default_rng(1)
    layers = [
        (
            rng.standard_normal((DIM, HIDDEN), dtype=np.float32),
            rng.standard_normal(HIDDEN, dtype=np.float32),
            rng.standard_normal(HIDDEN, dtype=np.float32),
        )
        for _ in range(members)
    ]
    out = np.empty(len(matrix), np.float32)

    def work(start: int) -> None:
        rows = matrix[start : start + CHUNK]
        total = np.zeros(len(rows), np.float32)
        for first, bias, last in layers:
            hidden = rows @ first
            hidden += bias
            np.maximum(hidden, 0, out=hidden)
            total += hidden @ last
        out[start : start + CHUNK] = total / members

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(0, len(matrix), CHUNK)))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    store, matrix = filled_store(given.rows)
    weights = head_store.scorer(store, head_store.resolve(store, "linear").head_id).head.weights[0].tolist()
    rows = []

    def scan(con: duckdb.DuckDBPyConnection, expression: str) -> None:
        con.execute(
            f"select sum({expression}) from rm.main.bench_rows", {"w": weights} if "$w" in expression else None
        ).fetchall()

    for threads in (1, 2):
        store.con.execute(f"set threads = {threads}")
        size = f"{given.rows:,} x {DIM}, {threads} thread{'s' if threads > 1 else ''}"
        ours, peer = by_turns(
            lambda: scan(store.con, "rm_score('linear', embedding)"),
            lambda: scan(store.con, f"array_inner_product(embedding, $w::float[{DIM}])"),
            repeats=given.repeats,
        )
        rows.append(Row(f"score linear, {size}", "array_inner_product", ours, peer, 2))
        for name, members in (("mlp", 1), ("mlp10", 10)):
            n = len(matrix) if members == 1 else len(matrix) // 5
            bench = f"(select embedding from rm.main.bench_rows limit {n})" if members > 1 else "rm.main.bench_rows"
            ours, peer = by_turns(
                lambda name=name, bench=bench: store.con.execute(
                    f"select sum(rm_score('{name}', embedding)) from {bench}"
                ).fetchall(),
                lambda members=members, n=n, threads=threads: numpy_mlp(matrix[:n], members, threads),
                repeats=max(3, given.repeats // 2),
            )
            what = f"score MLP-{HIDDEN}" if members == 1 else f"score {members} x MLP-{HIDDEN}"
            rows.append(Row(f"{what}, {n:,} x {DIM}, {threads} thr.", "NumPy, threaded, in memory", ours, peer, 0.9))
    report(rows)
    store.close()


if __name__ == "__main__":
    main()
