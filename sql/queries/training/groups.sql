-- Groups and splits of prompts named by their own id or by their group id; other keys are not found.
select keys.key, prompts.group_id::varchar as group_id
from training_keys as keys
join rm.main.prompts as prompts on prompts.prompt_id = try_cast(keys.key as uuid)
union
select keys.key, prompts.group_id::varchar
from training_keys as keys
join (select distinct group_id from rm.main.prompts) as prompts on prompts.group_id = try_cast(keys.key as uuid)
