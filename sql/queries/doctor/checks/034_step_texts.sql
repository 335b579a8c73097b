-- check: the steps of a response, joined, are its text
-- hint:  somebody changed the content; ingest the data set into a new store
with joined as (
    select response_id, string_agg(text, e'\n' order by step) as text, count(*) as n_steps, min(step) as first, max(step) as last
    from rm.main.steps
    where $sample is null
       or ('0x' || right(response_id::varchar, 8))::uint32 % greatest(1, (select count(*) from rm.main.steps) // $sample) = 0
    group by response_id
)
select 'response ' || response_id as example, 1 as n
from joined
join rm.main.responses as responses using (response_id)
where joined.text <> responses.text or first <> 1 or last <> n_steps
order by example
