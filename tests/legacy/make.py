"""Makes the store of this version that later ones must bring up to date: ``python tests/legacy/make.py``.

It is written once, at release, with every table in use; the storage version is one that every supported DuckDB reads.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from pathlib import Path

import rmstore

HERE = Path(__file__).parent

PAIRS = [
    {"prompt": f"question {i // 2}", "chosen": "a longer answer " * (1 + i % 3), "rejected": "short " * (1 + i % 2)}
    for i in range(24)
]
RATED = [
    {"prompt": f"question {i}", "responses": ["first answer", "another answer"], "rewards": [0.5 + i, 1.5]}
    for i in range(4)
]
STEPS = {
    "input": "How much is 2 + 3 * 4?", "steps": ["3 * 4 = 12", "2 + 12 = 14"], "answer": "14", "target": "14",
    "mistake_index": None,
}  # fmt: skip


def make(path: Path, folder: Path) -> None:
    """Write a store with every table in use."""
    for name, rows in {"pairs": PAIRS, "rated": RATED, "steps": [STEPS]}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with rmstore.connect(path, compat="1.5") as store:
        store.ingest(folder / "pairs.jsonl", format="pairs", dataset="pairs", license="MIT")
        store.ingest(folder / "rated.jsonl", format="responses", dataset="rated")
        store.ingest(folder / "steps.jsonl", format="steps", dataset="steps")
        store.embed(["pairs", "rated"], snapshot="all", encoder="toy:4", message="everything", author="A. Person")
        store.embed("steps", snapshot="steps", encoder="toy", layout="joint", steps=True)
        store.embed("pairs", snapshot="all", encoder="toy:4")
        store.embed(["pairs", "rated"], snapshot="wide", encoder="toy:4")
        store.tag_snapshot("all@1", "paper")
        store.train("helpful", snapshot="all")
        store.train("helpful", snapshot="all", members=2)
        store.deploy_head("helpful@1")
        store.describe_head("helpful@1", contact="somebody")
        store.export_head("helpful@1", folder / "helpful")
        store.import_head(folder / "helpful", name="imported")
        store.drop_snapshot("all@1", force=True)
        store.drop_dataset("rated", force=True)
        store.report("accuracy", head="helpful", snapshot="all", split="train")
        store.sql("checkpoint rm")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "store.duckdb"
        make(file, Path(place))
        packed = HERE / f"{rmstore.__version__}.duckdb.gz"
        packed.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        sys.stdout.write(f"{packed}: {packed.stat().st_size} bytes of {file.stat().st_size}\n")
