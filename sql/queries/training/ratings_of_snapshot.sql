select response_id as item, value, attribute, prompt_id as prompt, 1.0::double as weight, split
from (select * from rm_ratings($snapshot){condition})
where $attributes is null or list_contains($attributes::varchar[], attribute)
