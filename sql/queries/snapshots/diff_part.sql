left join rm.main.renderings as {rendering}
    on {rendering}.item_id = {item} and {rendering}.part = {part} and {rendering}.encoder_id = {encoder_id}
