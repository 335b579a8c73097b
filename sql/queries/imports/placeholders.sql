-- Which vector belongs to which placeholder; the ids follow from the numbers alone, so nothing is joined.
select _rm_response_id(
           _rm_prompt_id([{'role': 'user', 'content': _rm_placeholder_prompt({file}, prompt_number)}]),
           _rm_placeholder_response({file}, prompt_number, response_number)) as response_id,
       embedding
from file
