"""Ingest of preference pairs from jsonl against read_json of DuckDB alone, which only parses.

python benchmarks/ingest.py [--pairs 200000] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

import duckdb
from _harness import Row, by_turns, report

import rmstore
from rmstore.ingest import ingest


def write_pairs(path: Path, n: int) -> None:
    """Write n pairs of prompts of 30 words and responses of 20 to 120 words."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(5_000)]
    with path.open("w", encoding="utf-8") as stream:
        for i in range(n):
            prompt = f"{i // 2} " + " ".join(draw.choices(words, k=30))
            sides = [" ".join(draw.choices(words, k=draw.randint(20, 120))) for _ in range(2)]
            stream.write(json.dumps({"prompt": prompt, "chosen": sides[0], "rejected": sides[1]}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        write_pairs(path, given.pairs)
        runs = iter(range(1_000))

        def ours() -> None:
            with rmstore.connect(Path(folder) / f"lab{next(runs)}.duckdb") as store:
                ingest(store, path, format="pairs", dataset="bench")

        def peer() -> None:
            with duckdb.connect(str(Path(folder) / f"plain{next(runs)}.duckdb")) as con:
                con.execute("create table pairs as from read_json($path)", {"path": str(path)})

        mine, theirs = by_turns(ours, peer, repeats=given.repeats)
        size = path.stat().st_size / 1e6
        report(
            [
                Row(
                    f"ingest {given.pairs:,} pairs, {size:.0f} MB of jsonl",
                    "read_json into a table",
                    mine,
                    theirs,
                    1 / 3,
                )
            ]
        )


if __name__ == "__main__":
    main()
