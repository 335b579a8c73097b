-- Ids are those of the content; the split is the one that the sources publish, or else that of the hash.
with published as (
    select prompts.group_id,
           ['train', 'valid', 'test'][max(list_position(['train', 'valid', 'test'], sources.split))] as split
    from _rm_in_prompt_sources as sources
    join _rm_in_prompts as prompts using (prompt_id)
    group by prompts.group_id
),
wrong as (
    select prompt_id, 'is there twice' as reason from _rm_in_prompts group by prompt_id having count(*) > 1
    union all
    select prompt_id, 'does not have the id of its content'
    from _rm_in_prompts
    where prompt_id is distinct from _rm_prompt_id(messages) or group_id is distinct from _rm_group_id(messages)
    union all
    select prompt_id, 'has a turn without role or content'
    from _rm_in_prompts
    where (len(list_filter(messages, lambda m: m."role" is null or m.content is null)) = 0) is not true
    union all
    select prompts.prompt_id, 'has another split than its sources say'
    from _rm_in_prompts as prompts
    left join published using (group_id)
    where prompts.split is distinct from coalesce(published.split, _rm_hash_split(prompts.group_id))
    union all
    select prompt_id, 'has neither a response nor a source'
    from _rm_in_prompts as prompts
    anti join (
        select prompt_id from _rm_in_responses union all select prompt_id from _rm_in_prompt_sources
    ) as used using (prompt_id)
)
select 'prompt ' || coalesce(prompt_id::varchar, 'NULL') || ' ' || reason as problem from wrong order by problem limit 1
