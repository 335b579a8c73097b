-- The responses of the decided votes of a snapshot, numbered from 0 in an order that depends on their ids alone and has
-- nothing to do with what they say.
create or replace temp table _rm_baseline_items as
with sides as (
    select distinct unnest([chosen_id, rejected_id]) as response_id
    from _rm_all_pairs($snapshot)
    where prob > 0.5e0
)
select response_id, row_number() over (order by md5(response_id::varchar)) - 1 as item from sides
