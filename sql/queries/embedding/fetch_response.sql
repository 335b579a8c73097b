select todo.item_id, todo.size, responses.text as response
from _rm_todo as todo
join rm.main.responses as responses on responses.response_id = todo.item_id
where todo.position between $first and $last
order by todo.position;
