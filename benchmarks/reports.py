"""Every built-in report over 100,000 votes: seconds each and together, memory, and what does not apply.

python benchmarks/reports.py [--prompts 25000] [--dim 384] [--split all] [--only NAME ...] [--store FILE]
    [--memory 2GB]

A store of made-up responses, four per prompt by four policies, with gold ratings that follow their vectors; four votes
per prompt. A second snapshot has the same vectors with noise, for the report that compares two encoders. Where the
split is 'all', votes of groups that the head learned from are counted apart, as ever. Seconds are by the clock and of
the processor; the peak is of the process, so what a report needs shows where it rises, or --only.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import rmstore
from rmstore import reports
from rmstore.errors import RmstoreError
from rmstore.store import Store, quote_literal

PER_PROMPT = 4
VOTES = ((0, 1), (1, 2), (2, 3), (3, 0))
MATCH = """
select responses.response_id, file.embedding
from file
join responses on split_part(responses.text, ' ', 1)::bigint = file.file_row_number
"""


def made_up(prompts: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors (prompts * 4, dim) and their gold (prompts * 4,), of which a direction gives four fifths."""
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((prompts * PER_PROMPT, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    direction = draw.standard_normal(dim).astype(np.float32)
    gold = vectors @ direction / 2 + draw.standard_normal(len(vectors), dtype=np.float32) / 4
    return vectors, gold


def write_data(folder: Path, prompts: int, dim: int) -> None:
    """Write responses with gold, votes that follow it with noise, and vectors, clear and with noise."""
    vectors, gold = made_up(prompts, dim)
    np.save(folder / "s.npy", vectors)
    noise = np.random.default_rng(2).standard_normal(vectors.shape, dtype=np.float32)
    np.save(folder / "noisy.npy", vectors + noise / (2 * np.sqrt(dim, dtype=np.float32)))
    draw = np.random.default_rng(1)
    by_prompt, (first_sides, second_sides) = gold.reshape(-1, PER_PROMPT), zip(*VOTES, strict=True)
    chances = 1 / (1 + np.exp(-3 * (by_prompt[:, first_sides] - by_prompt[:, second_sides])))
    wins = draw.random(chances.shape) < chances
    lengths = draw.integers(5, 60, len(gold))
    texts = [f"{i} " + "word " * n for i, n in enumerate(lengths)]
    with (folder / "responses.jsonl").open("w") as responses, (folder / "votes.jsonl").open("w") as votes:
        for p in range(prompts):
            prompt = f"{p} what do you say to this question of some length?"
            first = p * PER_PROMPT
            for k in range(PER_PROMPT):
                said = {"response": texts[first + k], "gold": float(gold[first + k]), "policy": f"p{k}"}
                responses.write(json.dumps({"prompt": prompt, **said}) + "\n")
            for v, (a, b) in enumerate(VOTES):
                one, two = (a, b) if wins[p, v] else (b, a)
                pair = {"prompt": prompt, "chosen": texts[first + one], "rejected": texts[first + two],
                        "subset": ("easy", "hard")[p % 2]}  # fmt: skip
                votes.write(json.dumps(pair) + "\n")


def build(store: Store, folder: Path) -> None:
    """Fill the store and train a head on the training split."""
    store.ingest(folder / "responses.jsonl", format="responses", dataset="bench")
    store.ingest(folder / "votes.jsonl", format="pairs", dataset="bench")
    for snapshot, encoder in (("s", "bench"), ("noisy", "noisy-bench")):
        store.import_vectors(folder / f"{snapshot}.npy", match=MATCH, snapshot=snapshot, encoder=encoder)
    store.train("h", snapshot="s")
    store.train("ensemble", snapshot="s", members=5, options={"diversity": "bootstrap"})


def main() -> None:
    """Build, run every report, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=25_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--split", default="test")
    parser.add_argument("--head", default="h")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--store", type=Path, help="keep the store here, and take it where it is")
    parser.add_argument("--memory", help="memory_limit of the engine, which is apart from that of Python")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = given.store or folder / "bench.duckdb"
        is_new = not file.exists()
        with rmstore.connect(file) as store:
            if is_new:
                write_data(folder, given.prompts, given.dim)
                build(store, folder)
            if given.memory:
                store.con.execute(f"set memory_limit = {quote_literal(given.memory)}")
            measure(store, given)


def measure(store: Store, given: argparse.Namespace) -> None:
    total, total_busy = 0.0, 0.0
    print("| report | seconds | of processor | peak MB | rows | |\n|---|---:|---:|---:|---:|---|")
    for report in reports.list_reports():
        if given.only and report.name not in given.only:
            continue
        wanted: dict[tuple[str, str], Any] = {
            ("head", "HEAD"): given.head, ("snapshot", "SNAPSHOT"): "s", ("old", "SNAPSHOT"): "s",
            ("new", "SNAPSHOT"): "noisy", ("split", "VARCHAR"): given.split,
        }  # fmt: skip
        began, began_busy = time.perf_counter(), time.process_time()
        try:
            params = {p.name: wanted[p.name, p.type] for p in report.params if (p.name, p.type) in wanted}
            n_rows, said = reports.run(store, report.name, params).table.num_rows, ""
        except RmstoreError as problem:
            n_rows, said = 0, problem.problem
        seconds, busy = time.perf_counter() - began, time.process_time() - began_busy
        total, total_busy = total + seconds, total_busy + busy
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {report.name} | {seconds:.2f} | {busy:.2f} | {peak:.0f} | {n_rows} | {said} |", flush=True)
    print(f"| together | {total:.1f} | {total_busy:.1f} | | | |")


if __name__ == "__main__":
    main()
