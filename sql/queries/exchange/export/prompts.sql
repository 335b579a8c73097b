with wanted as (
    select prompt_id from _rm_members union select prompt_id from _rm_sources
)
select prompts.prompt_id::varchar as prompt_id,
       prompts.group_id::varchar as group_id,
       coalesce(splits.split, _rm_hash_split(prompts.group_id)) as split,
       prompts.messages
from rm.main.prompts as prompts
semi join wanted using (prompt_id)
left join _rm_published_splits() as splits using (group_id)
order by prompts.prompt_id
