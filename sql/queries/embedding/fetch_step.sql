-- A step is rendered as the response would be if it ended there: all steps up to it, a line each.
with wanted as (
    select todo.item_id, todo.position, todo.size, steps.response_id, steps.step
    from _rm_todo as todo
    join rm.main.steps as steps on steps.step_id = todo.item_id
    where todo.position between $first and $last
),
prefixes as (
    select wanted.item_id, wanted.position, wanted.size, wanted.response_id,
           string_agg(earlier.text, chr(10) order by earlier.step) as response
    from wanted
    join rm.main.steps as earlier on earlier.response_id = wanted.response_id and earlier.step <= wanted.step
    group by wanted.item_id, wanted.position, wanted.size, wanted.response_id
)
select prefixes.item_id, prefixes.size, rm_prompt_text(prompts.messages) as prompt, prefixes.response
from prefixes
join rm.main.responses as responses using (response_id)
join rm.main.prompts as prompts using (prompt_id)
order by prefixes.position;
