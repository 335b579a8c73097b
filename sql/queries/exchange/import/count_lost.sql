-- Items of a part that should have a vector by now and have none; a step that the store cut otherwise needs none.
with needed as (
    select response_id as item_id from _rm_in_responses where $part in ('joint', 'response')
    union all
    select distinct prompt_id from _rm_in_responses where $part = 'prompt'
    union all
    select step_id from _rm_in_steps where $part = 'step' and step_id in (select step_id from rm.main.steps)
),
found as (
    select item_id
    from rm.main.renderings
    semi join (select text_id from rm.main.{vectors} where encoder_id = $encoder_id) as vectors using (text_id)
    where encoder_id = $encoder_id and part = $part
)
select count(*) as n from needed anti join found using (item_id)
