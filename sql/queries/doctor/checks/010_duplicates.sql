-- check: every id stands once
-- hint:  restore the store from a copy, or ingest its files into a new one
with ids as (
    select 'prompt' as kind, prompt_id as id from rm.main.prompts
    union all select 'response', response_id from rm.main.responses
    union all select 'generation', generation_id from rm.main.generations
    union all select 'preference', preference_id from rm.main.preferences
    union all select 'rating', rating_id from rm.main.ratings
    union all select 'step', step_id from rm.main.steps
)
select kind || ' ' || id as example, count(*) - 1 as n
from ids
group by kind, id
having count(*) > 1
order by example
