insert into rm.main.prompts
select prompt_id, group_id, messages
from _rm_in_prompts
anti join (select prompt_id from rm.main.prompts) as known using (prompt_id)
order by prompt_id
