"""A store at size: every step in a process of its own under memory_limit = 2GB, with its time, peak memory and bytes.

python benchmarks/scale.py [--rows 1000000] [--dim 384] [--files 5] [--folder DIR] [--only STEP ...]

Responses are ingested from jsonl files, their vectors imported from one .npy by a match over the number that each
response begins with. A peer of the export is a plain copy of the bytes that it wrote.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import rmstore
from rmstore.store import Store

MEMORY_LIMIT = "2GB"
PER_PROMPT = 10
MATCH = """
select numbered.response_id, file.embedding
from file
join (select response_id, split_part(text, ' ', 1)::bigint as number from responses) as numbered
  on numbered.number = file.file_row_number
"""
HEADER = "| step | seconds | rows per second | peak memory, MB | store, MB | |\n|---|---:|---:|---:|---:|---|"


def write_data(folder: Path, rows: int, dim: int, files: int) -> None:
    """Write the responses of rows / 10 prompts over some files, and their vectors as one array."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(5_000)]
    per_file = -(-rows // files)
    for number in range(files):
        with (folder / f"responses{number}.jsonl").open("w", encoding="utf-8") as stream:
            for i in range(number * per_file, min(rows, (number + 1) * per_file)):
                random_prompt = random.Random(i // PER_PROMPT)
                row = {
                    "prompt": f"{i // PER_PROMPT} " + " ".join(random_prompt.choices(words, k=30)),
                    "response": f"{i} " + " ".join(draw.choices(words, k=draw.randint(20, 120))),
                    "gold": draw.gauss(0, 1),
                }
                stream.write(json.dumps(row) + "\n")
    numbers = np.random.default_rng(0)
    array = np.lib.format.open_memmap(folder / "vectors.npy", mode="w+", dtype=np.float32, shape=(rows, dim))
    for first in range(0, rows, 50_000):
        block = array[first : first + 50_000]
        block[:] = numbers.standard_normal(block.shape, dtype=np.float32)
    array.flush()


def ingest(store: Store, folder: Path) -> str:
    result = store.ingest(str(folder / "responses*.jsonl"), format="responses", dataset="bench")
    size = sum(path.stat().st_size for path in folder.glob("responses*.jsonl"))
    return f"{sum(file.n_responses for file in result.files):,} responses, {size / 1e6:,.0f} MB of jsonl"


def import_vectors(store: Store, folder: Path) -> str:
    made = store.import_vectors(folder / "vectors.npy", match=MATCH, snapshot="all", encoder="bench")
    return f"{made.n_embedded:,} new"


def create(store: Store, folder: Path) -> str:
    made = store.embed("bench", snapshot="some", encoder="bench", layout="joint", where="n_chars < 400")
    return f"{made.snapshot.n_rows:,} members" if made.snapshot else "nothing"


def diff(store: Store, folder: Path) -> str:
    found = store.diff("all", "some")
    return f"{found.n_common:,} in both, {found.n_removed:,} in the first alone"


def verify(store: Store, folder: Path) -> str:
    found = store.verify_snapshot("all")
    return f"{found.n_vectors:,} checksums, {'sound' if found.is_sound else 'NOT SOUND'}"


def export(store: Store, folder: Path) -> str:
    shutil.rmtree(folder / "exported", ignore_errors=True)
    store.export_snapshot("all", folder / "exported")
    return f"{_size(folder / 'exported') / 1e6:,.0f} MB"


def copy(store: None, folder: Path) -> str:
    """Copy what the export wrote: what no export can be faster than."""
    shutil.rmtree(folder / "copied", ignore_errors=True)
    shutil.copytree(folder / "exported", folder / "copied")
    size = _size(folder / "copied")
    shutil.rmtree(folder / "copied")
    return f"the same {size / 1e6:,.0f} MB"


def collect(store: Store, folder: Path) -> str:
    found = store.gc(dry_run=True)
    return f"{sum(spare.n_vectors for spare in found.encoders):,} vectors would go"


def collect_half(store: Store, folder: Path) -> str:
    store.drop_snapshot("all")
    found = store.gc()
    return f"{sum(spare.n_vectors for spare in found.encoders):,} vectors went"


def compact(store: Store, folder: Path) -> str:
    found = store.gc(compact=True).compaction
    return f"{found.n_before / 1e6:,.0f} MB before, {found.n_after / 1e6:,.0f} after" if found else "nothing"


STEPS: dict[str, tuple[str, Callable[[Any, Path], str]]] = {
    "ingest": ("ingest", ingest),
    "import": ("import-vectors", import_vectors),
    "again": ("the same again", import_vectors),
    "create": ("snapshot create --where", create),
    "diff": ("snapshot diff", diff),
    "verify": ("snapshot verify", verify),
    "export": ("snapshot export", export),
    "copy": ("a copy of the exported folder", copy),
    "dry": ("gc --dry-run", collect),
    "gc": ("snapshot drop, gc", collect_half),
    "compact": ("gc --compact", compact),
}


def run_step(name: str, folder: Path) -> dict[str, Any]:
    """Do one step in this process and return what it took."""
    work = STEPS[name][1]
    began = time.perf_counter()
    if name == "copy":
        said = work(None, folder)
    else:
        with rmstore.connect(folder / "lab.duckdb", memory_limit=MEMORY_LIMIT) as store:
            said = work(store, folder)
    return {
        "seconds": time.perf_counter() - began,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "said": said,
    }


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--files", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep everything here; a temporary folder by default")
    parser.add_argument("--only", nargs="+", choices=STEPS, help="steps to do, all by default")
    parser.add_argument("--step", choices=("data", *STEPS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step == "data":
        write_data(given.folder, given.rows, given.dim, given.files)
        return
    if given.step:
        print(json.dumps(run_step(given.step, given.folder)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "vectors.npy").exists():
            # in a process of its own, since the peak of this one would be the least that a child of it shows
            sizes = ["--rows", str(given.rows), "--dim", str(given.dim), "--files", str(given.files)]
            subprocess.run([sys.executable, __file__, "--step", "data", "--folder", str(folder), *sizes], check=True)
        print(f"{given.rows:,} responses, {given.dim} components, memory_limit = {MEMORY_LIMIT}\n\n{HEADER}")
        for name in given.only or STEPS:
            words = [sys.executable, __file__, "--step", name, "--folder", str(folder)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
            took = json.loads(done.stdout.splitlines()[-1])
            seconds, size = took["seconds"], (folder / "lab.duckdb").stat().st_size / 1e6
            numbers = f"{seconds:.1f} | {given.rows / seconds:,.0f} | {took['peak']:,.0f} | {size:,.0f}"
            print(f"| {STEPS[name][0]} | {numbers} | {took['said']} |", flush=True)


if __name__ == "__main__":
    main()
