"""A store where every response has the reward that the test gives it: vectors are the rewards, the head is [1]."""

import numpy as np
import pyarrow as pa

from rmstore import head_store, snapshots
from rmstore.heads.linear import LinearHead
from rmstore.kernels import Field
from rmstore.snapshots import NewSnapshot
from rmstore.store import statement

COLUMNS = {"prompt": "p", "text": "", "reward": 0.0, "gold": None, "policy": None, "dataset": "d", "subset": None,
           "split": "test"}  # fmt: skip
FILL = """
    create or replace temp table placed as
    select lab.*, array_value(reward::float) as embedding, [{'role': 'user', 'content': prompt}] as messages,
           _rm_group_id([{'role': 'user', 'content': prompt}]) as group_id,
           _rm_prompt_id([{'role': 'user', 'content': prompt}]) as prompt_id,
           _rm_response_id(_rm_prompt_id([{'role': 'user', 'content': prompt}]), "text") as response_id,
           dense_rank() over (order by dataset) as dataset_id
    from lab;
    insert into datasets by name
    select distinct dataset_id, dataset as name, 'MIT' as license, 'pairs' as format, now()::timestamp as created_at
    from placed;
    insert into dataset_files by name
    select distinct dataset_id as file_id, dataset_id, dataset || '.jsonl' as path, sha256(dataset) as sha256,
           'pairs' as format, 0 as n_rows, 0 as n_prompts, 0 as n_responses, 0 as n_preferences, 0 as n_ratings,
           0 as n_rejected, now()::timestamp as ingested_at
    from placed;
    insert into prompts by name select distinct prompt_id, group_id, messages from placed;
    insert into prompt_sources by name
    select distinct prompt_id, dataset_id, 1 as file_id, 1 as "row", split from placed;
    insert into responses by name select distinct response_id, prompt_id, "text" from placed;
    insert into generations by name
    select distinct uuid() as generation_id, response_id, dataset_id, subset, policy, 'sampled' as origin from placed;
    insert into ratings by name
    select uuid() as rating_id, response_id, dataset_id, 'gold' as attribute, gold as value
    from placed where gold is not null;
    insert into renderings by name
    select distinct 1 as encoder_id, response_id as item_id, 'joint' as part, response_id as text_id, 1 as n_tokens,
           0 as n_cut
    from placed;
    insert into embeddings_1_f32 by name
    select 1 as encoder_id, response_id as text_id, any_value(embedding) as embedding from placed group by response_id;
"""
VOTE = """
    insert into preferences by name
    select uuid() as preference_id, chosen.response_id as chosen_id, rejected.response_id as rejected_id, votes.prob,
           1 as weight, 'human' as source, chosen.dataset_id, votes.subset, 1 as file_id, votes.number as "row",
           1 as occurrence
    from votes
    join placed as chosen on chosen.number = votes.chosen
    join placed as rejected on rejected.number = votes.rejected
"""


def rows_of(columns):
    """Return an arrow table of rows from lists and single values by column."""
    n = max(len(value) for value in columns.values() if isinstance(value, list | np.ndarray))
    full = {
        name: value if isinstance(value, list | np.ndarray) else [value] * n
        for name, value in {**COLUMNS, **columns}.items()
    }
    kinds = {"gold": pa.float64(), "reward": pa.float64()}
    arrays = {name: pa.array(value, type=kinds.get(name, pa.string())) for name, value in full.items()}
    return pa.table({"number": pa.array(range(n)), **arrays})


def fill(store, rows, votes=(), *, seen=(), temperature=1.0, within_prompt=True, objective="bt"):
    """Fill an empty store and return the group id of every prompt text.

    Args:
        store: an empty store.
        rows: dicts, or columns as lists; see ``COLUMNS``.
        votes: (chosen row, rejected row) and, where they matter, prob and subset.
        seen: prompts whose groups the head saw in training; None where nobody knows.
        temperature: of the head ``h@1``, whose snapshot is ``s@1``.
        within_prompt: what the head says of its training.
        objective: what the head says it was trained with.
    """
    if not isinstance(rows, dict):
        rows = {name: [row.get(name, default) for row in rows] for name, default in COLUMNS.items()}
    cursor = store.cursor()
    cursor.register("lab", rows_of(rows))
    store.run("vectors/insert_encoder", {
        "name": "given", "encoder_key": "key", "dim": 1, "precision": "f32", "spec": "{}", "model": "given",
        "revision": None, "license": None, "now": "2026-01-01 00:00:00",
    })  # fmt: skip
    cursor.execute(statement("vectors/table_f32", vectors="embeddings_1_f32").replace("{dim}", "1"))
    cursor.execute(FILL)
    if len(votes):
        full = [(*vote, *(1.0, None)[len(vote) - 2 :]) for vote in votes]
        chosen, rejected, prob, subset = map(list, zip(*full, strict=True))
        cursor.register("votes", pa.table({
            "number": range(len(full)), "chosen": chosen, "rejected": rejected,
            "prob": pa.array(prob, pa.float64()), "subset": pa.array(subset, pa.string()),
        }))  # fmt: skip
        cursor.execute(VOTE)
    groups = dict(cursor.execute("select distinct prompt, group_id::varchar from placed").fetchall())
    members = cursor.sql("select distinct response_id from placed").to_arrow_table()
    datasets = tuple(row[0] for row in cursor.execute("select name from datasets order by name").fetchall())
    info, _ = snapshots.create(store, NewSnapshot("s", 1, "key", "joint", datasets, None, members, "ids"))
    trained = ["00000000-0000-0000-0000-000000000001", *(groups[prompt] for prompt in seen or ())]
    save_head(store, info, () if seen is None else trained, temperature, within_prompt, objective=objective)
    return groups


def save_head(store, info, group_ids, temperature=1.0, within_prompt=True, name="h", weights=((1.0,),), objective="bt"):
    """Save a linear head with the given weights, trained on groups as said."""
    head = LinearHead(np.array(weights, np.float32), np.zeros(len(weights), np.float32))
    return head_store.save(store, head_store.NewHead(
        name=name, kind="linear", objective=objective, options={}, chosen={}, members=len(weights), merge=None, seed=0,
        snapshot_id=info.snapshot_id, encoder_key=info.encoder_key, layout=info.layout,
        inputs=(vars(Field("", len(weights[0]))),), within_prompt=within_prompt, training_sql="select 1",
        fingerprint=name, n_used=1, n_skipped=0, temperature=temperature, reference_mean=0.0,
        member_means=(0.0,) * len(weights), member_scales=(1.0,) * len(weights), seconds=0.0, notes=(),
        data=head.to_bytes(), metrics={}, group_ids=group_ids,
    ))  # fmt: skip


def withhold(store, dataset):
    """Make the texts of a data set placeholders, as if only its vectors had been published."""
    store.sql("update datasets set format = 'npy' where name = $dataset", {"dataset": dataset})
    store.sql("update dataset_files set format = 'npy' where path = $dataset || '.jsonl'", {"dataset": dataset})


def table(store, name, **params):
    """Run a report over the snapshot and head of :func:`fill` and return its rows as dicts."""
    from rmstore import reports

    return reports.run(store, name, {"head": "h", **params}).table.to_pylist()
