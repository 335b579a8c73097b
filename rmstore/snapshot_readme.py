"""The README of an exported snapshot: what the files are, how any engine reads them, whose licences hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rmstore.records import SnapshotInfo

_ABOUT = {
    "datasets": "data sets with licence, source and format",
    "dataset_files": "ingested files that the rows come from, numbered within this folder",
    "prompts": "chat turns of a prompt, its group (first user turn) and split",
    "prompt_sources": "where a prompt was seen: data set, file, row, subset, published split",
    "responses": "the responses of the snapshot",
    "generations": "who produced a response in which data set",
    "preferences": "votes between two of the responses; prob is the chance that the chosen one is preferred",
    "ratings": "numbers given to responses",
    "steps": "reasoning steps of responses, counted from 1",
    "step_labels": "what a source says of a step: 1 is right, 0 is wrong",
}

_FLOATS = {
    "f32": "`embedding` holds float32 components.",
    "f16": "`embedding` holds the bits of IEEE binary16 as unsigned integers: "
    "`np.array(bits, np.uint16).view(np.float16)` are the components. The views of `rows.sql` give floats.",
    "i8": "`embedding` holds whole steps; a component is step times `scale`, a column beside it. "
    "The views of `rows.sql` give floats.",
}

_MATRIX = {
    "f32": 'np.stack(vectors["embedding"])',
    "f16": 'np.stack(vectors["embedding"]).view(np.float16)',
    "i8": 'np.stack(vectors["embedding"]) * vectors["scale"].to_numpy()[:, None]',
}

_TEXT = """\
# Snapshot {reference}

{n_members:,} responses with the vectors of encoder `{encoder}` ({dim} components, layout `{layout}`), exported by
rmstore {version}. Fingerprint `{fingerprint}`, made {created_at}{author}.{message}{withdrawn}

## Licences

{licences}

## Files

{files}
- `rows.sql`: views that put the vectors together, for DuckDB
- `manifest.json`: what the snapshot is made of, the encoder in full, size and SHA-256 of every file

Ids are text. Files join by the columns of the same name; `item_id` of vectors is the id of what `vectors_<part>` says
(a response for joint and response, else a prompt or step). `checksum` is the CRC-32 of the stored bytes of a vector.
{floats}

## Reading

DuckDB, in this folder:

```sql
.read rows.sql
select dataset, split, count(*) from "rows" group by all;
select chosen_embedding, rejected_embedding, prob from pairs where split = 'train';
```

pandas or polars:

```python
vectors = pd.read_parquet("vectors_{part}.parquet")  # or pl.read_parquet
matrix = {matrix}
```

Spark:

```python
vectors = spark.read.parquet("vectors_{part}.parquet")
responses = spark.read.parquet("responses.parquet").join(vectors, F.col("item_id") == F.col("{item}_id"))
```

Another store: `rmstore snapshot import FOLDER` checks everything first.
"""


def readme(info: SnapshotInfo, said: Mapping[str, Any], n_rows: Mapping[str, int], parts: Sequence[str]) -> str:
    """Return the README of a folder.

    Args:
        info: the snapshot.
        said: what the manifest says.
        n_rows: rows of every Parquet file by its name without ending.
        parts: parts that have a file of vectors.
    """
    about = {**_ABOUT, **{f"vectors_{part}": f"vectors of part {part}" for part in parts}}
    licences = [
        f"- {row['name']}: {row['license'] or 'licence not recorded'}{_from(row['source'])}" for row in said["datasets"]
    ]
    part = parts[0]
    lost = f" {info.n_withdrawn:,} more were withdrawn with their data sets." if info.n_withdrawn else ""
    return _TEXT.format(
        reference=info.reference,
        n_members=said["snapshot"]["n_members"],
        encoder=info.encoder,
        dim=info.dim,
        layout=info.layout,
        version=said["rmstore_version"],
        fingerprint=info.fingerprint,
        created_at=info.created_at[:10],
        author=f" by {info.author}" if info.author else "",
        message=f' Message: "{info.message}".' if info.message else "",
        withdrawn=lost,
        licences="\n".join(licences) or "No data set is left.",
        files="\n".join(f"- `{name}.parquet` ({n:,} rows): {about[name]}" for name, n in n_rows.items()),
        floats=_FLOATS[info.precision],
        matrix=_MATRIX[info.precision],
        part=part,
        item="prompt" if part == "prompt" else "response",
    )


def _from(source: str | None) -> str:
    return f" (from {source})" if source else ""
