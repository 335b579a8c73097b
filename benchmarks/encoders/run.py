"""What every option of an encoder costs or gains: head accuracy, bytes per response, texts per second.

    python benchmarks/encoders/run.py DATA [--pairs 700] [--only layout precision] [--to FILE]

DATA is the folder with hh-rlhf-harmless-base. A fixed sample of its votes is embedded by every row of the table; a
linear head per fold, trained on the other folds, ranks the votes of each fold, so that rows differ by the encoder
alone and are compared vote by vote. Speed is that of the encoder alone: the same rendered texts, half of them joint and
half responses, encoded by all rows in turns, best of the rounds after one that does not count. Bytes are those of
stored vectors with their checksums and scales; texts that several responses share, such as prompts, count once.
Packages that are not installed leave their rows out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pc

import rmstore
from rmstore.embedding import DEFAULT_LAYOUT, embed
from rmstore.encoders import DEFAULT, load_encoder
from rmstore.encoders.base import Encoder, EncoderSpec
from rmstore.encoders.rendering import render
from rmstore.errors import MissingPackageError
from rmstore.ingest import ingest
from rmstore.precision import packed
from rmstore.store import Store

HERE = Path(__file__).parent
FOLDS = 5


@dataclass(frozen=True)
class Row:
    """One row of the table: what it changes about the default."""

    group: str
    what: str
    layout: str = DEFAULT_LAYOUT
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name of its snapshot and heads."""
        return "default" if self.group == "default" else "".join(c if c.isalnum() else "-" for c in self.what)

    @property
    def given(self) -> str:
        """Its options as text, which names its encoder."""
        return json.dumps(self.options)


ROWS = [
    Row("default", f"{DEFAULT_LAYOUT}, f32, 256 tokens"),
    *[
        Row("layout", f"layout {layout}", layout)
        for layout in ("joint", "response", "prompt||response", "prompt||response||prompt*response")
    ],
    Row("truncation", "truncation start", options={"truncation": "start"}),
    Row("truncation", "truncation windows", options={"truncation": "windows"}),
    Row("max_tokens", "max_tokens 128", options={"max_tokens": 128}),
    *[
        Row("truncate_dim", f"truncate_dim {dim}, no Matryoshka model", options={"truncate_dim": dim})
        for dim in (256, 128, 64)
    ],
    *[Row("precision", f"precision {kind}", options={"precision": kind}) for kind in ("f16", "i8")],
    Row("dtype", "dtype bf16", options={"dtype": "bf16"}),
    *[Row("backend", f"backend {name}", options={"backend": name}) for name in ("onnx", "openvino")],
    Row("processes", "processes 2", options={"processes": 2}),
]


def loaded(rows: Sequence[Row]) -> dict[str, Encoder]:
    """Return the encoders of the rows by their options; layouts share one, and missing packages leave one out."""
    found: dict[str, Encoder] = {}
    for row in rows:
        try:
            found[row.given] = found.get(row.given) or load_encoder(DEFAULT, row.options)
        except MissingPackageError as problem:
            print(f"{row.what}: left out, {problem}")
    return found


def sample(store: Store, data: Path, n_pairs: int, folder: Path) -> int:
    """Ingest a fixed sample of the votes of HH-RLHF and return their number."""
    source, to = data / "hh-rlhf-harmless-base" / "test.jsonl.gz", folder / "sample.jsonl"
    n_rows = store.sql("select count(*) from read_json($source)", {"source": str(source)}).fetchall()[0][0]
    script = sql("sample").replace("{to}", str(to).replace("'", "''"))
    step = max(n_rows // n_pairs, 1)
    store.con.execute(script, {"source": str(source), "step": step, "n_pairs": n_pairs}).fetchall()
    ingest(store, to, format="hh", dataset="hh", license="MIT")
    return int(store.sql("select count(*) from preferences").fetchall()[0][0])


def speeds(encoders: dict[str, Encoder], texts: tuple[list[str], list[str]], rounds: int) -> dict[str, float]:
    """Return the texts per second of every encoder: the best of the rounds, whose order turns round each time.

    Encoders that differ in precision or in dimension run the same forward pass: what they differ by is noise.
    """
    prompts, responses = texts
    work = {
        label: [*render(encoder, prompts, responses).texts, *render(encoder, None, responses).texts]
        for label, encoder in encoders.items()
    }
    spent: dict[str, list[float]] = {label: [] for label in encoders}
    for turn in range(rounds + 1):
        for label in list(work)[:: 1 if turn % 2 else -1]:
            began = time.perf_counter()
            encoders[label].encode(work[label])
            if turn:
                spent[label].append(time.perf_counter() - began)
    return {label: len(work[label]) / min(seconds) for label, seconds in spent.items()}


def measure(store: Store, row: Row, place: int, spec: EncoderSpec, texts_per_second: float) -> None:
    """Embed, train and rank one row, and add what came out to the tables of the run."""
    result = embed(store, "hh", snapshot=row.label, layout=row.layout, encoder_options=row.options)
    snapshot = result.snapshot
    assert snapshot is not None
    name = f"{row.label}/fold"
    values = {"name": name, "snapshot": snapshot.reference, "folds": FOLDS}
    trained = store.con.execute(sql("train"), values).fetchall()[0]
    store.con.execute(sql("hits"), {**values, "label": row.label}).fetchall()
    width = sum(column.nbytes for column in packed(np.ones((1, spec.dim)), spec.precision).values())
    facts = {
        "place": place, "label": row.label, "what": row.what, "layout": row.layout, "options": row.given,
        "bytes": result.n_texts * width / snapshot.n_rows, "texts": result.n_texts / snapshot.n_rows,
        "speed": texts_per_second, "n_cut": result.n_truncated, "key": spec.key,
    }  # fmt: skip
    store.con.execute(sql("facts"), facts).fetchall()
    print(f"{row.what}: {result.n_embedded} texts embedded in {result.seconds:.0f} s, trained on {trained[0]}")


def sql(name: str) -> str:
    return (HERE / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table in Markdown."""
    print("\n| row | accuracy | interval | against the default | bytes per response | texts per second | cut |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        gain = "" if row["place"] == 0 else "{:+.1f} ({:+.1f} to {:+.1f})".format(
            *(100 * row[key] for key in ("gain", "gain_low", "gain_high"))
        )  # fmt: skip
        print(
            f"| {row['what']} | {100 * row['accuracy']:.1f} % | {100 * row['low']:.1f} to {100 * row['high']:.1f} "
            f"| {gain} | {row['bytes_per_response']:,.0f} | {row['texts_per_second']:.1f} ({row['speed']:.2f}) "
            f"| {row['n_cut']:,} |".replace("||", r"\|\|")
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", type=int, default=700)
    parser.add_argument("--texts", type=int, default=128, help="texts of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=sorted({row.group for row in ROWS[1:]}), help="groups of rows")
    parser.add_argument("--to", type=Path, default=HERE / "results.csv")
    given = parser.parse_args()
    began = time.perf_counter()
    rows = [row for row in ROWS if row.group == "default" or not given.only or row.group in given.only]
    encoders = loaded(rows)
    with tempfile.TemporaryDirectory() as folder, rmstore.connect(Path(folder) / "lab.duckdb") as store:
        n_pairs = sample(store, given.data, given.pairs, Path(folder))
        store.con.execute(sql("tables")).fetchall()
        texts = store.con.execute(sql("texts"), {"n": given.texts // 2}).fetchall()
        prompts, responses = ([row[side] for row in texts] for side in (0, 1))
        per_second = speeds(encoders, (prompts, responses), given.rounds)
        for place, row in enumerate(rows):
            if row.given in encoders:
                measure(store, row, place, encoders[row.given].spec, per_second[row.given])
        found = store.con.sql(sql("results")).to_arrow_table()
        given.to.parent.mkdir(parents=True, exist_ok=True)
        pc.write_csv(found, given.to)
        show(found.to_pylist())
        print(f"\n{n_pairs} votes, {given.rounds} rounds of {2 * len(texts)} texts; {given.to}")
        for verdict, names in store.con.execute(sql("proposal"), {"results": str(given.to)}).fetchall():
            print(f"{verdict}: {names}")
        print(f"{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
