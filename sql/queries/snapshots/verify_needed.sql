-- Which text stands for each part of each member, null where none was rendered; steps only as far as they were embedded.
create or replace temp table _rm_needed as
with items as (
    select parts.part, members.response_id as item_id
    from _rm_members as members
    cross join unnest($response_parts) as parts(part)
    union all
    select distinct 'prompt', responses.prompt_id
    from rm.main.responses as responses
    semi join _rm_members using (response_id)
    where $with_prompts
    union all
    select 'step', steps.step_id
    from rm.main.steps as steps
    semi join _rm_members using (response_id)
)
select items.part, items.item_id, renderings.text_id
from items
left join (
    select part, item_id, text_id from rm.main.renderings where encoder_id = $encoder_id
) as renderings using (part, item_id)
where items.part <> 'step' or renderings.text_id is not null;
