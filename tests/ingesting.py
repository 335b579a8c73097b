"""Helpers for tests of ingest: write rows as any type of file, and read back what a store holds."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

TABLES = ("prompts", "prompt_sources", "responses", "generations", "preferences", "ratings", "steps", "step_labels")


def write(path, rows):
    """Write rows as the type that the ending names and return the path."""
    name = path.name.removesuffix(".gz").removesuffix(".zst")
    if name.endswith(".parquet"):
        stream = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), stream)
        data = stream.getvalue()
    elif name.endswith((".csv", ".tsv")):
        plain = path.with_name(name)
        with plain.open("w", encoding="utf-8", newline="") as stream:
            delimiter = "\t" if name.endswith(".tsv") else ","
            # the writer would leave a lone carriage return bare, which readers take for the end of a record
            quoting = csv.QUOTE_ALL if "\\r" in json.dumps(rows) else csv.QUOTE_MINIMAL
            writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n", quoting=quoting)
            writer.writerow(rows[0])
            for row in rows:
                values = (row[name] for name in rows[0])
                writer.writerow([value if isinstance(value, str) else json.dumps(value) for value in values])
        data = plain.read_bytes()
    elif name.endswith(".json"):
        data = json.dumps(rows, indent=2).encode()
    else:
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if path.suffix == ".gz":
        data = gzip.compress(data)
    elif path.suffix == ".zst":
        data = pa.Codec("zstd").compress(data, asbytes=True)
    path.write_bytes(data)
    return path


def counts(store):
    """Return how many lines each table has."""
    return {table: store.value(f"select count(*) from {table}") for table in (*TABLES, "datasets", "dataset_files")}


def empty(store):
    """Empty every table that an ingest fills, which takes a tenth of the time of a new store."""
    for table in (*TABLES, "datasets", "dataset_files"):
        store.con.execute(f"delete from rm.main.{table}")


def content(store):
    """Return every table as a sorted list, without what names the file."""
    return {
        table: sorted(
            tuple(str(value) for name, value in row.items() if name != "file_id")
            for row in store.rows(f"select * from {table}")
        )
        for table in TABLES
    }
