-- One row per item of a part that has a vector, as it is stored; version 0.1 stored no checksums.
with items as (
    select response_id as item_id from _rm_members where $part in ('joint', 'response')
    union all
    select distinct prompt_id from _rm_members where $part = 'prompt'
    union all
    select steps.step_id from rm.main.steps as steps semi join _rm_members using (response_id) where $part = 'step'
),
rendered as (
    select item_id, text_id, n_tokens, n_cut
    from rm.main.renderings
    semi join items using (item_id)
    where encoder_id = $encoder_id and part = $part
)
select rendered.item_id::varchar as item_id, rendered.text_id::varchar as text_id, rendered.n_tokens, rendered.n_cut,
       {stored},
       case when checksum is null then _rm_checksum({stored}) else checksum end as checksum
from rendered
join (select * from rm.main.{vectors} where encoder_id = $encoder_id) as vectors using (text_id)
order by rendered.item_id
