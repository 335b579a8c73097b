join rm.main.responses as asked on asked.response_id = members.response_id
join rm.main.renderings as {rendering}
    on {rendering}.item_id = asked.prompt_id and {rendering}.part = {part} and {rendering}.encoder_id = {encoder_id}
join {vectors} as {alias}
    on {alias}.text_id = {rendering}.text_id and {alias}.encoder_id = {encoder_id}
