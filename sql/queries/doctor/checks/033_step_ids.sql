-- check: ids of steps match their content
-- hint:  somebody changed the content; ingest the data set into a new store
with sampled as (
    select step_id, response_id, step, text
    from rm.main.steps
    where $sample is null
       or ('0x' || right(step_id::varchar, 8))::uint32 % greatest(1, (select count(*) from rm.main.steps) // $sample) = 0
)
select 'step ' || step_id as example, 1 as n
from sampled
where step_id <> _rm_step_id(response_id, step, text)
order by example
