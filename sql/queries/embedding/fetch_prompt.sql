select todo.item_id, todo.size, rm_prompt_text(prompts.messages) as prompt
from _rm_todo as todo
join rm.main.prompts as prompts on prompts.prompt_id = todo.item_id
where todo.position between $first and $last
order by todo.position;
