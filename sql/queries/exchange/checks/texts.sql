-- A text that was not cut is known, and so is its id; see rmstore.encoders.rendering.
with texts as (
    select response_id as item_id, text from _rm_in_responses where $part = 'response'
    union all
    select responses.response_id, rm_prompt_text(prompts.messages) || repeat(chr(10), 2) || responses.text
    from _rm_in_responses as responses
    join _rm_in_prompts as prompts using (prompt_id)
    where $part = 'joint'
    union all
    select prompt_id, rm_prompt_text(messages) from _rm_in_prompts where $part = 'prompt'
    union all
    select steps.step_id, rm_prompt_text(prompts.messages) || repeat(chr(10), 2) || string_agg(steps.text, chr(10))
               over (partition by steps.response_id order by steps.step)
    from _rm_in_steps as steps
    join _rm_in_responses as responses using (response_id)
    join _rm_in_prompts as prompts using (prompt_id)
    where $part = 'step'
)
select 'vector of ' || item_id || ' is not that of its text' as problem
from {view}
join texts using (item_id)
where n_cut = 0 and text_id <> _rm_text_id(texts.text)
order by problem
limit 1
