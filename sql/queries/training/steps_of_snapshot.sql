select step_id as item, label as value, null as attribute, prompt_id as prompt, 1.0::double as weight, split
from (select * from rm_steps($snapshot, $source){condition})
where label is not null
