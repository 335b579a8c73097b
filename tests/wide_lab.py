"""Vectors of any width for the responses of :func:`lab.fill`: a second encoder, snapshot ``w@1`` and head ``w@1``."""

import numpy as np
import pyarrow as pa
from lab import rows_of, save_head

from rmstore import snapshots
from rmstore.snapshots import NewSnapshot
from rmstore.store import statement

WIDEN = """
    create or replace temp table items as
    select _rm_prompt_id([{'role': 'user', 'content': prompt}]) as prompt_id,
           _rm_response_id(_rm_prompt_id([{'role': 'user', 'content': prompt}]), "text") as response_id, vectors.*
    from vectors;
    insert into renderings by name
    select distinct 2 as encoder_id, response_id as item_id, 'joint' as part, response_id as text_id, 1 as n_tokens,
           0 as n_cut
    from items
    union all
    select distinct 2, prompt_id, 'prompt', prompt_id, 1, 0 from items where prompt_vector is not null;
    insert into embeddings_{dim}_f32 by name
    select 2 as encoder_id, response_id as text_id, any_value(vector)::float[{dim}] as embedding
    from items group by response_id
    union all
    select 2, prompt_id, any_value(prompt_vector)::float[{dim}]
    from items where prompt_vector is not null group by prompt_id
"""
DESCRIBE = """
    update generations
    set origin = coalesce(described.origin, generations.origin), logp = described.logp, n_tokens = described.n_tokens
    from described
    where response_id = _rm_response_id(_rm_prompt_id([{'role': 'user', 'content': prompt}]), described."text")
"""


def describe(store, rows, **columns):
    """Set columns of the generations of a filled store: origin, logp, n_tokens; one value per row, or one for all."""
    kinds = {"origin": pa.string(), "logp": pa.float64(), "n_tokens": pa.int32()}
    placed = rows_of({"prompt": rows["prompt"], "text": rows["text"]}).select(["prompt", "text"])
    full = {
        name: value if isinstance(value, list | np.ndarray) else [value] * len(placed)
        for name, value in columns.items()
    }
    cursor = store.cursor()
    cursor.register("described", pa.table({
        "prompt": placed["prompt"], "text": placed["text"],
        **{name: pa.array(full.get(name, [None] * len(placed)), kind) for name, kind in kinds.items()},
    }))  # fmt: skip
    cursor.execute(DESCRIBE)


def widen(store, rows, vectors, weights, *, prompt_vectors=None, seen=(), temperature=1.0):
    """Give the rows of a filled store vectors, and a linear head over them.

    Args:
        store: what :func:`lab.fill` filled with the same rows.
        rows: dicts or columns, as there.
        vectors: (n, d), one per row.
        weights: (d,) of the head.
        prompt_vectors: (n, d) of the prompt of every row; None leaves prompts without vectors.
        seen: group ids that the head saw.
        temperature: of the head.
    """
    vectors = np.asarray(vectors, np.float32)
    if not isinstance(rows, dict):
        rows = {name: [row[name] for row in rows] for name in ("prompt", "text")}
    lists = pa.list_(pa.float32())
    given = None if prompt_vectors is None else np.asarray(prompt_vectors, np.float32).tolist()
    placed = rows_of({"prompt": rows["prompt"], "text": rows["text"]}).select(["prompt", "text"])
    placed = placed.append_column("vector", pa.array(vectors.tolist(), lists))
    placed = placed.append_column("prompt_vector", pa.array(given or [None] * len(vectors), lists))
    dim = vectors.shape[1]
    store.run("vectors/insert_encoder", {
        "name": "wide", "encoder_key": "wide", "dim": dim, "precision": "f32", "spec": "{}", "model": "wide",
        "revision": None, "license": None, "now": "2026-01-01 00:00:00",
    })  # fmt: skip
    cursor = store.cursor()
    cursor.register("vectors", placed)
    cursor.execute(statement("vectors/table_f32", vectors=f"embeddings_{dim}_f32").replace("{dim}", str(dim)))
    cursor.execute(WIDEN.replace("{dim}", str(dim)))
    members = cursor.sql("select distinct response_id from items").to_arrow_table()
    names = tuple(row[0] for row in cursor.execute("select name from datasets order by name").fetchall())
    info, _ = snapshots.create(store, NewSnapshot("w", 2, "wide", "joint", names, None, members, "wide"))
    trained = ["00000000-0000-0000-0000-000000000001", *seen]
    save_head(store, info, trained, temperature, name="w", weights=(tuple(weights),))
