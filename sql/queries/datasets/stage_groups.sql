-- Groups of prompts that the data set shows, and whether nothing of the group stays.
create or replace temp table _rm_withdrawn_groups as
with touched as (
    select distinct group_id
    from rm.main.prompts
    semi join (select prompt_id from rm.main.prompt_sources where dataset_id = $dataset_id) using (prompt_id)
)
select prompts.group_id, bool_and(dropped.prompt_id is not null) as is_gone
from rm.main.prompts as prompts
semi join touched using (group_id)
left join _rm_dropped_prompts as dropped using (prompt_id)
group by prompts.group_id
