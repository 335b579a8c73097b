"""Ten distinct MLP members of the published widths against the published training loop, on the same 10,000 pairs.

    python benchmarks/train.py [--row mlp-384] [--peer-members 2] [--option diversity=seed]

Rows: mlp-384 and mlp-2048 on synthetic unit vectors with a known reward direction and 7 % of labels flipped by it, and
mlp-real on AlpacaEval's vectors and judge where RMSTORE_TEST_DATA names the folder of real data. Both sides see the
same training pairs and set aside their own validation pairs among them; accuracy is over other pairs, of other prompts.

The peer is the loop that arXiv 2502.04357 and 2411.04991 publish, written from its description: MLP d-1024-512-1 with
ReLU, binary cross-entropy on the sigmoid of the difference, pairs split 80/20 with seed 42 + i and only then entered in
both orders (so that no pair leaks into validation mirrored), Adam at 1e-3, at most 30 epochs of random batches of
10,240, stopped when the validation loss exceeds each of the last three, last weights kept, members one after the other
on all threads. Its time for ten members is that of the members that ran, times ten over their number.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _harness import Row, report

import rmstore
from rmstore import head_store

if TYPE_CHECKING:
    import torch

PAIRS, HELD_OUT, MEMBERS = 10_000, 4_000, 10
AIM = 20


@dataclass(frozen=True)
class Bench:
    """Vectors, and the row numbers of chosen and rejected sides of training and of held-out pairs."""

    items: np.ndarray
    prompts: np.ndarray
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Result:
    """Seconds for ten members, and the held-out rewards of those that ran, (members, pairs, 2)."""

    seconds: float
    rewards: np.ndarray

    def quality(self, members: int) -> str:
        """Return accuracy and spread of the first members as cells of a table."""
        rewards = self.rewards[:members]
        own = (rewards[..., 0] > rewards[..., 1]).mean(axis=1)
        mean = rewards.mean(axis=0)
        alike = np.corrcoef(rewards.reshape(members, -1))
        pairwise = (alike.sum() - members) / max(members * (members - 1), 1)
        ensemble = np.mean(mean[:, 0] > mean[:, 1])
        return f"{members} | {ensemble:.4f} | {own.mean():.4f} | {own.std():.4f} | {pairwise:.3f}"


def synthetic(dim: int) -> Bench:
    """Return pairs of unit vectors in random directions, labelled as P(first) = sigmoid(5 x gap of reward in sd)."""
    rng = np.random.default_rng(0)
    n = PAIRS + HELD_OUT
    items = rng.standard_normal((2 * n, dim), dtype=np.float32)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    reward = items @ rng.standard_normal(dim, dtype=np.float32)
    reward /= reward.std()
    first = np.arange(n)
    wins = rng.random(n) < 1 / (1 + np.exp(-5 * (reward[:n] - reward[n:])))
    chosen, rejected = np.where(wins, first, first + n), np.where(wins, first + n, first)
    return Bench(
        items,
        np.tile(np.arange(n), 2),
        (chosen[:PAIRS], rejected[:PAIRS]),
        (chosen[PAIRS:], rejected[PAIRS:]),
    )


def alpaca(_: int) -> Bench:
    """Return the judge's verdicts on 20 models against one reference; a fifth of the prompts is held out."""
    folder = Path(os.environ["RMSTORE_TEST_DATA"])
    table = pq.read_table(folder / "embeddings/alpaca_eval.parquet")
    items = np.stack(table["embedding"].combine_chunks().flatten().to_numpy().reshape(len(table), -1))
    prompts = np.unique(table["prompt_id"].to_pylist(), return_inverse=True)[1]
    at = {key: i for i, key in enumerate(zip(table["source"].to_pylist(), table["row"].to_pylist(), strict=True))}
    reference = {prompts[i]: i for (source, _), i in at.items() if source == "gpt4_1106_preview"}
    chosen, rejected = [], []
    for file in sorted(folder.glob("alpaca_eval/results/*/*/annotations.json.gz")):
        with gzip.open(file) as stream:
            for row, verdict in enumerate(json.load(stream)):
                i, preference = at.get((file.parts[-3], row)), verdict["preference"]
                if i is not None and preference not in (None, 1.5):
                    sides = (i, reference[prompts[i]])
                    chosen.append(sides[preference < 1.5])
                    rejected.append(sides[preference > 1.5])
    pairs = np.array([chosen, rejected])
    rng = np.random.default_rng(0)
    held_out = (rng.permutation(prompts.max() + 1) % 5 == 0)[prompts[pairs[0]]]
    train = rng.permutation(pairs[:, ~held_out], axis=1)[:, :PAIRS]
    return Bench(items, prompts, tuple(train), tuple(pairs[:, held_out]))


ROWS: dict[str, tuple[str, Callable[[int], Bench], int]] = {
    "mlp-384": ("d = 384, synthetic", synthetic, 384),
    "mlp-2048": ("d = 2048, synthetic", synthetic, 2048),
    "mlp-real": ("d = 384, AlpacaEval", alpaca, 384),
}


def ours(bench: Bench, options: dict[str, object]) -> Result:
    """Train with rm_train, from vectors in a table to ten members in the store."""
    dim, (chosen, rejected) = bench.items.shape[1], bench.train
    with rmstore.connect() as store:
        columns = {
            name: pa.FixedSizeListArray.from_arrays(pa.array(bench.items[side].ravel()), dim)
            for name, side in (("chosen", chosen), ("rejected", rejected))
        }
        columns["prompt"] = pa.array(bench.prompts[chosen].astype(str))
        store.con.register("arrow_pairs", pa.table(columns))
        store.con.execute("create table rm.main.bench_pairs as from arrow_pairs")
        query = (
            "select rm_train($name, chosen, rejected, prompt := prompt, head := 'mlp', members := $members,"
            " options := $options) from {}"
        )
        tiny = {"name": "warm-up", "members": 1, "options": {"hidden": 8, "epochs": 1}}
        store.sql(query.format("(from rm.main.bench_pairs limit 100)"), tiny).fetchall()
        given = {"name": "ten", "members": MEMBERS, "options": options}
        started = time.perf_counter()
        store.sql(query.format("rm.main.bench_pairs"), given).fetchall()
        seconds = time.perf_counter() - started
        head = head_store.scorer(store, head_store.resolve(store, "ten").head_id).head
        rewards = [head.members(bench.items[side]).T for side in bench.test]
    return Result(seconds, np.stack(rewards, axis=2))


def published(bench: Bench, members: int) -> Result:
    """Train some members as the published loop does, one after the other; the time is scaled to ten."""
    import torch

    rewards = []
    started = time.perf_counter()
    nets = [published_member(bench, 42 + member) for member in range(members)]
    seconds = (time.perf_counter() - started) / members * MEMBERS
    with torch.no_grad():
        for net in nets:
            rewards.append([net(torch.from_numpy(bench.items[side]))[:, 0].numpy() for side in bench.test])
    return Result(seconds, np.array(rewards).transpose(0, 2, 1))


def published_member(bench: Bench, seed: int) -> torch.nn.Sequential:
    """Return one member of the published loop, as a torch module."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    chosen, rejected = bench.train
    order = rng.permutation(len(chosen))
    fit, valid = np.split(order, [int(0.8 * len(order))])
    vectors = torch.from_numpy(bench.items)
    first = torch.cat([vectors[chosen[fit]], vectors[rejected[fit]]])
    second = torch.cat([vectors[rejected[fit]], vectors[chosen[fit]]])
    label = torch.cat([torch.ones(len(fit), 1), torch.zeros(len(fit), 1)])
    net = nn.Sequential(
        nn.Linear(vectors.shape[1], 1024), nn.ReLU(), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, 1)
    )
    adam, entropy = torch.optim.Adam(net.parameters(), 1e-3), nn.BCELoss()
    size = min(10_240, len(label))
    losses: list[float] = []
    for _ in range(30):
        for _ in range(0, len(label), size):
            batch = torch.randperm(len(label))[:size]
            adam.zero_grad()
            entropy(torch.sigmoid(net(first[batch]) - net(second[batch])), label[batch]).backward()
            adam.step()
        with torch.no_grad():
            win = torch.sigmoid(net(vectors[chosen[valid]]) - net(vectors[rejected[valid]]))
            losses.append(float(entropy(win, torch.ones_like(win))))
        if len(losses) > 3 and losses[-1] > max(losses[-4:-1]):
            break
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", choices=ROWS, action="append", help="only this row; may be repeated")
    parser.add_argument("--peer-members", type=int, default=2)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of our head")
    given = parser.parse_args()
    options = {"hidden": "published", "epochs": 4, "diversity": "split"}
    for setting in given.option:
        name, _, value = setting.partition("=")
        options[name] = int(value) if value.isdigit() else value
    print(f"our options: {options}; peer: {given.peer_members} members run, time scaled to {MEMBERS}", flush=True)
    rows, quality = [], []
    for name in given.row or [name for name in ROWS if name != "mlp-real" or "RMSTORE_TEST_DATA" in os.environ]:
        what, make, dim = ROWS[name]
        bench = make(dim)
        mine, peer = ours(bench, options), published(bench, given.peer_members)
        work = f"{MEMBERS} x MLP-1024-512, {PAIRS:,} pairs, {what}"
        rows.append(Row(work, "published loop", mine.seconds, peer.seconds, AIM))
        for side, result, members in (
            ("ours", mine, MEMBERS),
            ("ours", mine, given.peer_members),
            ("published", peer, given.peer_members),
        ):
            quality.append(f"| {what} | {side} | {result.quality(members)} |")
    report(rows)
    print("\n| held out | side | members | accuracy of the mean | of a member | its sd | correlation of members |")
    print("|---|---|---:|---:|---:|---:|---:|", *quality, sep="\n")


if __name__ == "__main__":
    main()
