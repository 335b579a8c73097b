-- What an embed chooses from, and what --where sees: one row per (response, generation) of the data sets.
create or replace macro _rm_candidates(names) as table
    select generations.response_id,
           responses.prompt_id,
           prompts.group_id,
           datasets.name as dataset,
           generations.subset,
           coalesce(splits.split, _rm_hash_split(prompts.group_id)) as split,
           generations.policy,
           generations.variant,
           generations.origin,
           generations.logp,
           length(responses.text) as n_chars,
           responses.text,
           rm_prompt_text(prompts.messages) as prompt
    from rm.main.generations as generations
    join rm.main.datasets as datasets using (dataset_id)
    join rm.main.responses as responses using (response_id)
    join rm.main.prompts as prompts using (prompt_id)
    left join _rm_published_splits() as splits using (group_id)
    where list_contains(names, datasets.name) and datasets.dropped_at is null;
