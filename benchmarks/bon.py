"""Best-of-n: the closed form for every n against draws at eight of them.

python benchmarks/bon.py [--prompts 2000] [--candidates 500] [--repeats 3]

The peers estimate the gold of the best of n by reward from 100 permutations of the candidates, each shared by all
prompts, at n = 2, 5, 10, 30, 50, 100, 300, 500, as the evaluation code of arXiv 2502.04357 does: once with Python
loops over prompts, once with NumPy over all prompts. Rewards and gold are matrices in memory, for the peers and in
the first two rows for rmstore, which gives every n from 1 on. In the last row rmstore runs the whole report bon, with
its baselines and an interval at every n, over a table of a million candidates in DuckDB; the loop still has one curve
at eight n, and no reading to do.
"""

from __future__ import annotations

import argparse

import numpy as np
import pyarrow as pa
from _harness import Row, by_turns, report
from threadpoolctl import threadpool_limits

import rmstore
from rmstore.best_of_n import curves
from rmstore.reports.files import get

DRAWN_N = (2, 5, 10, 30, 50, 100, 300, 500)
PERMUTATIONS = 100
LOOPED = 4
"""Permutations that the loop runs; its time counts for all of them, which run one after the other."""


def looped(reward: np.ndarray, gold: np.ndarray, permutations: int) -> np.ndarray:
    """Return mean gold by permutation and n, prompt by prompt."""
    found = np.empty((permutations, len(DRAWN_N)))
    for seed in range(permutations):
        order = np.random.default_rng(seed).permutation(reward.shape[1])
        for column, n in enumerate(DRAWN_N):
            drawn = order[:n]
            picks = []
            for prompt in range(len(reward)):
                pick = drawn[np.argmax(reward[prompt][drawn])]
                picks.append(gold[prompt][pick])
            found[seed, column] = np.mean(picks)
    return found


def vectorised(reward: np.ndarray, gold: np.ndarray, permutations: int) -> np.ndarray:
    """Return mean gold by permutation and n, all prompts at once."""
    found = np.empty((permutations, len(DRAWN_N)))
    prompts = np.arange(len(reward))
    for seed in range(permutations):
        order = np.random.default_rng(seed).permutation(reward.shape[1])
        shuffled = reward[:, order]
        for column, n in enumerate(DRAWN_N):
            found[seed, column] = gold[prompts, order[shuffled[:, :n].argmax(axis=1)]].mean()
    return found


def exact(reward: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return mean gold for every n."""
    return curves(reward, gold[None])[0].mean(axis=0)


def filled_store(reward: np.ndarray, gold: np.ndarray) -> rmstore.Store:
    """Return a store in memory with the candidates as the report reads them, in the place of scored responses."""
    store = rmstore.connect()
    prompt = np.repeat(np.arange(len(reward)), reward.shape[1])
    lengths = np.random.default_rng(1).integers(20, 3000, reward.size).astype(float)
    columns = {"prompt": prompt, "reward": reward.ravel(), "gold": gold.ravel(), "n_chars": lengths}
    store.con.register("arrow_candidates", pa.table(columns))
    store.con.execute(
        "create table rm.main.bench_candidates as select md5('g' || prompt)::uuid as group_id, "
        "md5('p' || prompt)::uuid as prompt_id, uuid() as response_id, reward, n_chars, gold, false as is_seen, "
        "null::varchar as policy from arrow_candidates"
    )
    return store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=2_000)
    parser.add_argument("--candidates", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    reward, noise = rng.standard_normal((2, given.prompts, given.candidates))
    gold = 0.6 * reward + 0.8 * noise
    drawn, curve = vectorised(reward, gold, PERMUTATIONS), exact(reward, gold)
    for column, n in enumerate(DRAWN_N):
        found, error = drawn[:, column].mean(), drawn[:, column].std(ddof=1) / np.sqrt(PERMUTATIONS)
        assert abs(found - curve[n - 1]) <= 5 * error + 1e-9, f"the two disagree at n = {n}"
    store = filled_store(reward, gold)
    cursor = store.cursor("report_macros")
    cursor.execute(
        "create or replace temp macro _rm_rated_rewards(head, snapshot, attribute, split, dataset, subset) as table "
        "from bench_candidates"
    )
    bon = get("bon")
    values = {param.name: param.default for param in bon.params if param.name in {"min_candidates", "max_n"}}
    sql = bon.sql
    for param in bon.params:  # the stand-in reads no other parameter
        if param.name not in values:
            sql = sql.replace(f"${param.name}", "null")
    rows = []
    work = f"{given.prompts:,} x {given.candidates}"
    with threadpool_limits(1, user_api="blas"):
        name, ours = f"best of every n, {work}, matrices in memory", lambda: exact(reward, gold)
        spent, loop = by_turns(ours, lambda: looped(reward, gold, LOOPED), repeats=given.repeats)
        rows.append(Row(name, "loop over prompts", spent, loop * PERMUTATIONS / LOOPED, 100))
        spent, numpy = by_turns(ours, lambda: vectorised(reward, gold, PERMUTATIONS), repeats=given.repeats)
        rows.append(Row(name, "NumPy over all prompts", spent, numpy, 10))
        spent, loop = by_turns(
            lambda: cursor.execute(sql, values).fetchall(),
            lambda: looped(reward, gold, LOOPED),
            repeats=given.repeats,
        )
        rows.append(
            Row(f"report bon, {work}, a table in DuckDB", "loop over prompts", spent, loop * PERMUTATIONS / LOOPED, 1)
        )
    report(rows)
    store.close()


if __name__ == "__main__":
    main()
