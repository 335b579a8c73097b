-- check: ids of responses match their content
-- hint:  somebody changed the content; ingest the data set into a new store
with sampled as (
    select response_id, prompt_id, text
    from rm.main.responses
    where $sample is null
       or ('0x' || right(response_id::varchar, 8))::uint32
          % greatest(1, (select count(*) from rm.main.responses) // $sample) = 0
)
select 'response ' || response_id as example, 1 as n
from sampled
where response_id <> _rm_response_id(prompt_id, text)
order by example
