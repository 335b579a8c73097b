"""Benchmarks with given scores: rows are ingested as users do it, then every response gets the rewards of a test."""

import json

import numpy as np
import pyarrow as pa
from lab import save_head

from rmstore import snapshots
from rmstore.ingest import ingest
from rmstore.snapshots import NewSnapshot
from rmstore.store import statement

PLACE = """
    insert into renderings by name
    select 1 as encoder_id, response_id as item_id, 'joint' as part, response_id as text_id, 1 as n_tokens, 0 as n_cut
    from scored;
    insert into {vectors} by name
    select 1 as encoder_id, response_id as text_id, rewards::float[{dim}] as embedding from scored;
"""


def ingest_rows(store, path, rows, **options):
    """Ingest rows through a jsonl file at ``path``; options as of :func:`rmstore.ingest.ingest`."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return ingest(store, path, **{"dataset": "bench", **options})


def give_rewards(store, heads, *, seen=(), where=None):
    """Make snapshot ``s@1`` of every response and heads that give each response the reward of a function.

    Args:
        store: a store with responses and no vectors.
        heads: by name, a function of (prompt, response text); its values become float32.
        seen: prompts whose groups the heads saw in training; None where nobody knows.
        where: which responses are in the snapshot, a function of the same two; all by default.
    """
    rows = store.rows(
        "select response_id::varchar as id, group_id::varchar as group_id, text, messages[-1].content as prompt "
        "from responses join prompts using (prompt_id)"
    )
    rows = [row for row in rows if where is None or where(row["prompt"], row["text"])]
    dim = len(heads)
    store.run("vectors/insert_encoder", {
        "name": "given", "encoder_key": "key", "dim": dim, "precision": "f32", "spec": "{}", "model": "given",
        "revision": None, "license": None, "now": "2026-01-01 00:00:00",
    })  # fmt: skip
    vectors = f"embeddings_{dim}_f32"
    cursor = store.cursor()
    cursor.execute(statement("vectors/table_f32", vectors=vectors).replace("{dim}", str(dim)))
    rewards = [[reward_of(row["prompt"], row["text"]) for reward_of in heads.values()] for row in rows]
    given = pa.table({"id": [row["id"] for row in rows], "rewards": pa.array(rewards, pa.list_(pa.float32()))})
    cursor.register("given", given)
    cursor.execute("create or replace temp table scored as select id::uuid as response_id, rewards from given")
    cursor.execute(PLACE.format(vectors=vectors, dim=dim))
    members = cursor.sql("select response_id from scored").to_arrow_table()
    datasets = tuple(row["name"] for row in store.rows("select name from datasets order by name"))
    info, _ = snapshots.create(store, NewSnapshot("s", 1, "key", "joint", datasets, None, members, "ids"))
    trained = [
        "00000000-0000-0000-0000-000000000001",
        *{row["group_id"] for row in rows if row["prompt"] in (seen or ())},
    ]
    trained = [] if seen is None else trained
    for name, weights in zip(heads, np.eye(dim), strict=True):
        save_head(store, info, trained, name=name, weights=(tuple(weights),))
