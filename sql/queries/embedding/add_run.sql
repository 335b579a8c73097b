-- What a batch took is added to the row of its run, in the transaction that keeps its vectors.
merge into rm.main.embedding_runs as runs
using (
    select $encoder_id::integer as encoder_id, $began::timestamp as created_at, $n_texts::bigint as n_texts,
           $n_tokens::bigint as n_tokens, $seconds::double as seconds
) as batch
using (encoder_id, created_at)
when matched then update set
    n_texts = runs.n_texts + batch.n_texts, n_tokens = runs.n_tokens + batch.n_tokens,
    seconds = runs.seconds + batch.seconds
when not matched then insert by name;
