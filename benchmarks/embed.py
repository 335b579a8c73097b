"""Embedding through the store against SentenceTransformer.encode on the same texts with the same settings.

    python benchmarks/embed.py [--texts 1500] [--repeats 3]

Texts are the responses of HH-RLHF where RMSTORE_TEST_DATA names the folder of real data, else the tour's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from _harness import Row, by_turns, report
from sentence_transformers import SentenceTransformer

import rmstore
from rmstore.embedding import embed
from rmstore.encoders.weights import find_model
from rmstore.ingest import ingest


def source() -> tuple[Path, str, str]:
    """Return file, format and name of the data set to embed."""
    real = Path(os.environ.get("RMSTORE_TEST_DATA", "")) / "hh-rlhf-harmless-base" / "test.jsonl.gz"
    if real.is_file():
        return real, "hh", "HH-RLHF responses"
    return Path(rmstore.__file__).parent / "data/tour/responses.jsonl", "responses", "tour responses"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_500)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    path, file_format, name = source()
    with rmstore.connect() as store:
        ingest(store, path, format=file_format, dataset="bench")
        chosen = store.sql("select text from responses order by response_id limit $n", {"n": given.texts}).fetchall()
        last = store.sql(
            "select max(response_id) from (select response_id from responses order by response_id limit $n)",
            {"n": given.texts},
        ).fetchall()[0][0]
    texts = [row[0] for row in chosen]
    plain = SentenceTransformer(str(find_model("all-MiniLM-L6-v2").folder), device="cpu")
    runs = iter(range(1_000))

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder, rmstore.connect(Path(folder) / "lab.duckdb") as store:
            ingest(store, path, format=file_format, dataset="bench")
            store.cache.update(held)
            embed(store, "bench", snapshot=f"s{next(runs)}", layout="response", where=f"response_id <= '{last}'")
            held.update(store.cache)

    held: dict = {}
    ingest_only = []

    def ingest_alone() -> None:
        with tempfile.TemporaryDirectory() as folder, rmstore.connect(Path(folder) / "lab.duckdb") as store:
            ingest(store, path, format=file_format, dataset="bench")

    def peer() -> np.ndarray:
        return plain.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)

    ingest_seconds, _ = by_turns(ingest_alone, lambda: None, repeats=given.repeats)
    ingest_only.append(ingest_seconds)
    mine, theirs = by_turns(ours, peer, repeats=given.repeats)
    report(
        [
            Row(
                f"embed and store {len(texts):,} {name}",
                "SentenceTransformer.encode",
                mine - ingest_seconds,
                theirs,
                0.97,
            )
        ]
    )


if __name__ == "__main__":
    main()
