-- What the members of a snapshot need and what was cut.
with needed as (
    select response_id as item_id, part from _rm_members cross join unnest($response_parts) as parts(part)
    union all
    select distinct prompt_id, 'prompt' from _rm_members where $with_prompts
    union all
    select step_id, 'step' from rm.main.steps semi join _rm_members using (response_id) where $with_steps
)
select count(*) as n_items,
       count(distinct renderings.text_id) as n_texts,
       count(*) filter (renderings.n_cut > 0) as n_truncated,
       count(*) filter (part = 'step') as n_steps
from needed
left join (
    select item_id, part, text_id, n_cut from rm.main.renderings where encoder_id = $encoder_id
) as renderings using (item_id, part);
