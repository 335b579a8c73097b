"""What the tests of exported snapshots share: a store worth sharing, and ways to change a folder."""

import hashlib
import json
from pathlib import Path

import duckdb
from ingesting import counts

DATA = Path(__file__).parent / "data"
NAMES = ("votes", "rated", "traces")
DATA_FILES = ("datasets", "dataset_files", "prompts", "prompt_sources", "responses", "generations", "preferences",
              "ratings", "steps", "step_labels")  # fmt: skip
PARTS = ("vectors_joint", "vectors_response", "vectors_step")
FILES = (*(f"{name}.parquet" for name in (*DATA_FILES, *PARTS)), "rows.sql", "README.md")


def fill(store, folder):
    """Ingest votes (some with a published split, margins, an annotator, repeats), ratings and traces of steps."""
    lines = []
    for n in range(60):
        line = {"prompt": f"Q {n % 40}", "chosen": f"dd ddd {n % 30} é", "rejected": f"b {n % 7}", "margin": n % 3}
        lines.append({**line, "subset": ("even", "odd")[n % 2], "split": "test" if n % 40 == 3 else None})
    lines.append(lines[5])
    path = folder / "votes.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    store.ingest(path, format="pairs", dataset="votes", license="MIT")
    store.ingest(DATA / "helpsteer.jsonl", format="ratings", dataset="rated", license="CC-BY-4.0")
    store.ingest(DATA / "mistakes.jsonl", format="steps", dataset="traces")


def shown(store, reference):
    """Return what rm_rows and rm_pairs show of a snapshot, without the numbers of the store."""
    pairs = "select * exclude (dataset_id, file_id) from rm_pairs($s) order by all"
    return (
        store.sql("from rm_rows($s) order by all", {"s": reference}).fetchall(),
        store.sql(pairs, {"s": reference}).fetchall(),
    )


def manifest(folder):
    """Return what the manifest of a folder says."""
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def rewrite(folder, change):
    """Change the manifest."""
    said = manifest(folder)
    change(said)
    (folder / "manifest.json").write_text(json.dumps(said), encoding="utf-8")


def sign(folder, *names, n_rows=None):
    """Put size and checksum of changed files into the manifest, as somebody does who knows how."""

    def change(said):
        for name in names:
            data = (folder / name).read_bytes()
            said["files"][name].update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
            if n_rows is not None:
                said["files"][name]["n_rows"] = n_rows

    rewrite(folder, change)


def rewrite_rows(folder, name, query):
    """Replace a Parquet file by a query over itself (``old``), and sign it."""
    path = folder / f"{name}.parquet"
    con = duckdb.connect()
    con.execute(f"create table old as from read_parquet('{path}')")
    n_rows = con.execute(f"copy ({query}) to '{path}' (format parquet)").fetchone()[0]
    sign(folder, path.name, n_rows=n_rows)


def snapshot(**facts):
    """Return a change of the manifest that tells other facts of its snapshot."""
    return lambda said: said["snapshot"].update(facts)


def untouched(store):
    """Return whether nothing was stored."""
    tables = ("snapshots", "snapshot_members", "renderings", "encoders", "snapshot_origins")
    return not any(counts(store).values()) and not any(store.value(f"select count(*) from {name}") for name in tables)
