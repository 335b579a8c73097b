select null::varchar as rater, null::uuid as response_id, null::double as logit, null::boolean as is_seen where false
