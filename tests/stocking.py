"""Puts a few literal rows into a store, without files: prompts, responses, generations and votes."""

import pyarrow as pa


def stock(store, rows, *, dataset="d", votes=(), split=None):
    """Add (prompt, response, policy) rows to a data set and votes as (chosen row, rejected row); return response ids.

    A prompt is a text or a list of turns (role, content).
    """
    turns = [[("user", row[0])] if isinstance(row[0], str) else row[0] for row in rows]
    given = pa.table(
        {
            "number": range(len(rows)),
            "messages": [[{"role": role, "content": content} for role, content in turn] for turn in turns],
            "text": [row[1] for row in rows],
            "policy": pa.array([row[2] if len(row) > 2 else None for row in rows], pa.string()),
        }
    )
    cursor = store.cursor()
    cursor.register("given", given)
    cursor.execute("select count(*) from datasets where name = $name", {"name": dataset})
    if not cursor.fetchall()[0][0]:
        cursor.execute(
            "insert into datasets select (select count(*) + 1 from datasets), $name, 'MIT', null, 'pairs', "
            "timestamp '2026-01-01', null",
            {"name": dataset},
        )
    cursor.execute(
        """
        create or replace temp table placed as
        select given.number, given.messages, given.text, given.policy, datasets.dataset_id,
               _rm_prompt_id(messages) as prompt_id, _rm_response_id(_rm_prompt_id(messages), text) as response_id
        from given, datasets where datasets.name = $name
        """,
        {"name": dataset},
    )
    cursor.execute(
        "insert into prompts select distinct prompt_id, _rm_group_id(messages), messages from placed "
        "where prompt_id not in (select prompt_id from prompts)"
    )
    cursor.execute(
        "insert into prompt_sources select distinct prompt_id, dataset_id, 1, 1, 'sub', $split::varchar, null "
        "from placed",
        {"split": split},
    )
    cursor.execute(
        "insert into responses select distinct response_id, prompt_id, text from placed "
        "where response_id not in (select response_id from responses)"
    )
    cursor.execute(
        """
        insert into generations
        select md5(response_id::varchar || dataset_id || coalesce(policy, ''))::uuid, response_id, dataset_id, 'sub',
               policy, null, null, null, 'sampled', null
        from placed
        where md5(response_id::varchar || dataset_id || coalesce(policy, ''))::uuid
            not in (select generation_id from generations)
        """
    )
    ids = dict(cursor.execute("select number, response_id::varchar from placed").fetchall())
    for occurrence, (chosen, rejected) in enumerate(votes, start=1):
        cursor.execute(
            "insert into preferences select md5($chosen || $rejected || $n)::uuid, $chosen::uuid, $rejected::uuid, 1, "
            "null, 1, null, 'human', (select dataset_id from datasets where name = $name), 'sub', 1, $n, 1",
            {"chosen": ids[chosen], "rejected": ids[rejected], "name": dataset, "n": occurrence},
        )
    return [ids[number] for number in range(len(rows))]
