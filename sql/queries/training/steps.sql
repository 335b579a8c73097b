-- Prompt, group and split of every step id that a training query names and the snapshot's responses hold.
select ids.id::varchar as id, responses.prompt_id::varchar as prompt_id, prompts.group_id::varchar as group_id,
       coalesce(published.split, _rm_hash_split(prompts.group_id)) as split
from (select distinct id::uuid as id from training_ids) as ids
join rm.main.steps as steps on steps.step_id = ids.id
join rm.main.snapshot_members as members on members.response_id = steps.response_id
join rm.main.responses as responses on responses.response_id = steps.response_id
join rm.main.prompts as prompts using (prompt_id)
left join _rm_published_splits() as published using (group_id)
where members.snapshot_id = $snapshot_id
order by ids.id
