-- The items of a part that have a vector, numbered in the order of the file, on a cursor of its own.
create or replace temp table _rm_items as
with items as (
    select response_id as item_id from _rm_members where $part in ('joint', 'response')
    union all
    select distinct prompt_id from _rm_members where $part = 'prompt'
    union all
    select steps.step_id from rm.main.steps as steps semi join _rm_members using (response_id) where $part = 'step'
)
select row_number() over (order by item_id) - 1 as place, item_id, text_id, n_tokens, n_cut
from rm.main.renderings
semi join items using (item_id)
semi join (select text_id from rm.main.{vectors} where encoder_id = $encoder_id) as vectors using (text_id)
where encoder_id = $encoder_id and part = $part
order by place;
