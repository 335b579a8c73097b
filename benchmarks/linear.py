"""Linear and boosted heads against scikit-learn and LightGBM on the same pairs, and many heads in one query.

python benchmarks/linear.py [--pairs 100000] [--repeats 3] [--threads 1 2] [--only linear groups lightgbm]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import count

import numpy as np
import pyarrow as pa
from _harness import Row, by_turns, report
from threadpoolctl import threadpool_limits

import rmstore
from rmstore.heads.base import Pairs
from rmstore.heads.lightgbm import LightGBMHead
from rmstore.heads.linear import LinearHead
from rmstore.objectives import OBJECTIVES

DIM, L2 = 384, 1e-5
SOLVERS = [("lbfgs", 1e-4), ("lbfgs", 1e-10), ("newton-cholesky", 1e-10)]
"""Scikit-learn's solver and tolerance by default, the same at ours, and its most precise one."""
GROUPS, PAIRS_PER_GROUP = 100, 300
BOOSTED = {"trees": 50, "threads": 1}


def drawn(n_items: int, n_pairs: int, seed: int = 0) -> Pairs:
    """Return votes by a noisy Bradley-Terry judge on unit vectors whose columns fade, as those of encoders do.

    With twice as many items as pairs every item is in one pair.
    """
    rng = np.random.default_rng(seed)
    items = rng.standard_normal((n_items, DIM), dtype=np.float32)
    items *= np.arange(1, DIM + 1, dtype=np.float32) ** -0.5
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    left = np.arange(n_pairs) if n_items == 2 * n_pairs else rng.integers(n_items, size=n_pairs)
    step = n_pairs if n_items == 2 * n_pairs else rng.integers(1, n_items, size=n_pairs)
    right = (left + step) % n_items
    gap = (items[left] - items[right]) @ (8 * rng.standard_normal(DIM))
    wins = rng.random(n_pairs) < 1 / (1 + np.exp(-gap))
    ones = np.ones(n_pairs)
    chosen, rejected = np.where(wins, left, right), np.where(wins, right, left)
    return Pairs(items, chosen, rejected, ones, 0 * ones, ones, np.arange(n_pairs))


def fitted(kind: type, pairs: Pairs, **options: object) -> object:
    head, _ = kind.fit(
        pairs,
        None,
        objective=OBJECTIVES["bt"](),
        options=options,
        members=1,
        merge=None,
        seed=0,
        poll=lambda share, note: None,
    )
    return head


def differences(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return the differences, every other one turned round, and their classes: scikit-learn wants two of them."""
    turned = np.where(np.arange(len(pairs)) % 2, 1, -1)
    rows = pairs.items[pairs.chosen]
    rows -= pairs.items[pairs.rejected]
    rows *= turned[:, None].astype(np.float32)
    return rows, turned


def scikit_learn(pairs: Pairs, solver: str, tol: float) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    rows, turned = differences(pairs)
    peer = LogisticRegression(C=1 / (L2 * len(rows)), fit_intercept=False, solver=solver, tol=tol, max_iter=2000)
    return peer.fit(rows, turned).coef_[0]


def optimum(pairs: Pairs, weights: np.ndarray) -> np.ndarray:
    """Return the minimum in double precision by full Newton steps from near it."""
    rows, turned = differences(pairs)
    rows = rows * turned[:, None].astype(np.float64)
    for _ in range(3):
        doubt = 1 / (1 + np.exp(rows @ weights))
        bend = (rows * (doubt * (1 - doubt))[:, None]).T @ rows / len(rows) + L2 * np.eye(DIM)
        weights = weights - np.linalg.solve(bend, L2 * weights - doubt @ rows / len(rows))
    return weights


def linear_rows(n_pairs: int, threads: list[int], repeats: int) -> list[Row]:
    """Return our linear head beside scikit-learn's solvers, and print how far each ends from the optimum."""
    rows = []
    for n_items, what in ((2 * n_pairs, "own items"), (n_pairs // 5, "shared items")):
        pairs = drawn(n_items, n_pairs)
        ours = lambda pairs=pairs: fitted(LinearHead, pairs, l2=L2).weights[0]  # noqa: E731
        best = optimum(pairs, ours().astype(np.float64))

        def miss(weights: np.ndarray, best: np.ndarray = best) -> float:
            return float(np.abs(weights - best).max() / np.abs(best).max())

        print(f"{what}: rmstore ends {miss(ours()):.1e} from the optimum")
        for solver, tol in SOLVERS:
            peer = lambda pairs=pairs, solver=solver, tol=tol: scikit_learn(pairs, solver, tol)  # noqa: E731
            print(f"{what}: {solver}, tol {tol:g}, ends {miss(peer()):.1e} from it", flush=True)
            for number in threads:
                with threadpool_limits(number):
                    spent = by_turns(ours, peer, repeats=repeats)
                work = f"linear, {n_pairs:,} x {DIM}, {what}, {number} thr."
                rows.append(Row(work, f"LogisticRegression, {solver}, tol {tol:g}", *spent, 1))
    return rows


def group_rows(repeats: int) -> list[Row]:
    """Return a hundred heads in one query beside a hundred queries of one head each; every round trains anew."""
    pairs = drawn(2 * GROUPS * PAIRS_PER_GROUP, GROUPS * PAIRS_PER_GROUP)
    group = np.arange(len(pairs)) % GROUPS
    sides = {}
    for side in ("chosen", "rejected"):
        vectors = pa.array(pairs.items[getattr(pairs, side)].ravel())
        sides[side] = pa.FixedSizeListArray.from_arrays(vectors, DIM)
    with rmstore.connect() as store:
        store.con.register("arrow_rows", pa.table({"part": group, **sides}))
        store.con.execute("create or replace table rm.main.bench_pairs as from arrow_rows order by part")
        seeds = count()
        trained = "rm_train('{}' || part, chosen, rejected, seed := {}, options := {{'l2': 0.001}})"

        def at_once() -> None:
            call = trained.format("once", next(seeds))
            store.con.execute(f"select {call} from rm.main.bench_pairs group by part").fetchall()

        def one_by_one() -> None:
            call = trained.format("each", next(seeds))
            for part in range(GROUPS):
                store.con.execute(
                    f"select {call} from rm.main.bench_pairs where part = $part group by part", {"part": part}
                ).fetchall()

        spent = by_turns(at_once, one_by_one, repeats=repeats)
    work = f"{GROUPS} linear heads by group by, {PAIRS_PER_GROUP} pairs x {DIM} each"
    return [Row(work, f"{GROUPS} queries of one head", *spent, 1)]


def lightgbm_rows(n_pairs: int, repeats: int) -> list[Row]:
    """Return our boosted head beside LightGBM's ranking objectives on groups of two rows, everything else equal."""
    import lightgbm

    pairs = drawn(2 * n_pairs, n_pairs)
    settings = LightGBMHead.options(BOOSTED)
    beside = np.stack([pairs.chosen, pairs.rejected], axis=1).ravel()

    def ranked(objective: str) -> Callable[[], object]:
        params = {
            "objective": objective,
            "verbosity": -1,
            "deterministic": True,
            "force_col_wise": True,
            "learning_rate": settings["lr"],
            "num_leaves": settings["leaves"],
            "min_data_in_leaf": settings["min_leaf"],
            "max_bin": settings["max_bin"],
            "feature_fraction": settings["feature_fraction"],
            "lambda_l2": settings["l2"],
            "num_threads": settings["threads"],
        }
        won, two = np.tile([1, 0], n_pairs), np.full(n_pairs, 2)

        def train() -> object:
            data = lightgbm.Dataset(pairs.items[beside], won, group=two, params=dict(params))
            return lightgbm.train(params, data, num_boost_round=settings["trees"])

        return train

    rows = []
    for objective in ("lambdarank", "rank_xendcg"):
        spent = by_turns(lambda: fitted(LightGBMHead, pairs, **BOOSTED), ranked(objective), repeats=repeats)
        work = f"LightGBM head, {n_pairs:,} pairs x {DIM}, {settings['trees']} trees, 1 thr."
        rows.append(Row(work, f"LightGBM, {objective}", *spent, 1 / 1.2))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", default=["linear", "groups", "lightgbm"])
    given = parser.parse_args()
    parts = {
        "linear": lambda: linear_rows(given.pairs, given.threads, given.repeats),
        "groups": lambda: group_rows(given.repeats),
        "lightgbm": lambda: lightgbm_rows(given.pairs // 5, given.repeats),
    }
    report([row for name in given.only for row in parts[name]()])


if __name__ == "__main__":
    main()
