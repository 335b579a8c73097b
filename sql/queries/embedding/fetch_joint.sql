select todo.item_id, todo.size, rm_prompt_text(prompts.messages) as prompt, responses.text as response
from _rm_todo as todo
join rm.main.responses as responses on responses.response_id = todo.item_id
join rm.main.prompts as prompts using (prompt_id)
where todo.position between $first and $last
order by todo.position;
