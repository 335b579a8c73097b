-- One line per step of a good row, with its id. A response has one list of steps: where the same text comes cut into other
-- steps, the list that was there first is kept, and the other is left out and counted.
create temp table _rm_steps as
with traces as (
    select row, position, response_id, steps, list_transform(steps, lambda step: step.text) as texts
    from _rm_items
    where len(steps) > 0
),

known as (
    select response_id, list(text order by step) as texts
    from rm.main.steps
    where response_id in (select response_id from traces)
    group by response_id
),

firsts as (select response_id, first(texts order by row, position) as texts from traces group by response_id),

spread as (
    select row, position, response_id, traces.texts = coalesce(known.texts, firsts.texts) as is_kept,
           unnest(steps) as said, generate_subscripts(steps, 1) as step
    from traces
    join firsts using (response_id)
    left join known using (response_id)
)

select row, position, response_id, is_kept, step, said.text as text, said.label as label,
       coalesce(said.source, $source, 'human') as source, _rm_step_id(response_id, step, said.text) as step_id
from spread
