-- Prompt and group of every id that a training query names; ids outside the snapshot come back with is_member false.
select ids.id::varchar as id, responses.prompt_id::varchar as prompt_id, prompts.group_id::varchar as group_id,
       coalesce(published.split, _rm_hash_split(prompts.group_id)) as split,
       members.response_id is not null as is_member
from (select distinct id::uuid as id from training_ids) as ids
left join rm.main.responses as responses on responses.response_id = ids.id
left join rm.main.prompts as prompts using (prompt_id)
left join _rm_published_splits() as published using (group_id)
left join (select response_id from rm.main.snapshot_members where snapshot_id = $snapshot_id) as members
    on members.response_id = ids.id
order by 1
