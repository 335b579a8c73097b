-- Groups and splits of prompts named by their own id or by their group id; other keys are not found.
with found as (
    select keys.key, prompts.group_id
    from training_keys as keys
    join rm.main.prompts as prompts on prompts.prompt_id = try_cast(keys.key as uuid)
    union
    select keys.key, prompts.group_id
    from training_keys as keys
    join (select distinct group_id from rm.main.prompts) as prompts on prompts.group_id = try_cast(keys.key as uuid)
)
select found.key, found.group_id::varchar as group_id,
       coalesce(splits.split, _rm_hash_split(found.group_id)) as split
from found
left join _rm_published_splits() as splits using (group_id)
