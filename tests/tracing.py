"""Puts reasoning traces into a store: texts to embed, or step vectors that are the logits a test gives."""

import pyarrow as pa
from lab import fill
from stocking import stock

STEPS = """
    insert into steps
    select distinct md5(response_id || '/' || step)::uuid, response_id::uuid, step, text
    from given_steps
    where md5(response_id || '/' || step)::uuid not in (select step_id from steps)
"""
LABELS = """
    insert into step_labels
    select md5(response_id || '/' || step)::uuid, (select dataset_id from datasets where name = dataset), source, label
    from given_labels
"""
VECTORS = """
    insert into renderings by name
    select 1 as encoder_id, md5(response_id || '/' || step)::uuid as item_id, 'step' as part, item_id as text_id,
           1 as n_tokens, 0 as n_cut
    from given_steps;
    insert into embeddings_1_f32 by name
    select 1 as encoder_id, md5(response_id || '/' || step)::uuid as text_id, array_value(logit::float) as embedding
    from given_steps;
"""


def until(n, error):
    """Labels of n steps whose first wrong one is ``error``, counted from 1; -1 for none."""
    return [1.0] * n if error < 0 else [1.0] * (error - 1) + [0.0] + [None] * (n - error)


def stock_traces(store, traces, *, dataset="d", split=None, **labels):
    """Add (prompt, steps) traces with labels by source, a list per trace, and return the response ids."""
    texts = [steps for _, steps in traces]
    ids = stock(store, [(prompt, "\n".join(steps)) for prompt, steps in traces], dataset=dataset, split=split)
    _add(store, dataset, ids, texts, labels)
    return ids


def fill_traces(store, traces, **options):
    """Fill an empty store with solutions whose steps have the logits as vectors, and return group ids by prompt.

    A trace is a dict with prompt, logits, labels, and dataset, subset, split where they matter. The head is ``h@1``,
    which gives a vector as it is, the snapshot ``s@1``; see :func:`lab.fill`.
    """
    rows = [
        {**trace, "text": "\n".join(f"{number} {step}" for step in range(1, len(trace["logits"]) + 1))}
        for number, trace in enumerate(traces)
    ]
    groups = fill(store, rows, objective="logistic", **options)
    ids = {row["text"]: row["id"] for row in store.rows("select text, response_id::varchar as id from responses")}
    for dataset in {row.get("dataset", "d") for row in rows}:
        own = [row for row in rows if row.get("dataset", "d") == dataset]
        _add(
            store, dataset, [ids[row["text"]] for row in own], [row["text"].split("\n") for row in own],
            {"human": [row["labels"] for row in own]}, [row["logits"] for row in own],
        )  # fmt: skip
    return groups


def _add(store, dataset, ids, texts, labels, logits=None):
    """Add the steps of responses; labels by source and logits are lists per response, a label may be None."""
    cursor = store.cursor()
    rows = [
        {"response_id": response, "step": step, "text": text, "logit": logits[n][step - 1] if logits else None}
        for n, (response, steps) in enumerate(zip(ids, texts, strict=True))
        for step, text in enumerate(steps, start=1)
    ]
    said = [
        {"response_id": response, "step": step, "source": source, "label": label, "dataset": dataset}
        for source, given in labels.items()
        for response, values in zip(ids, given, strict=True)
        for step, label in enumerate(values, start=1)
        if label is not None
    ]
    cursor.register("given_steps", pa.Table.from_pylist(rows))
    cursor.execute(STEPS)
    if said:
        cursor.register("given_labels", pa.Table.from_pylist(said))
        cursor.execute(LABELS)
    if logits:
        cursor.execute(VECTORS)
