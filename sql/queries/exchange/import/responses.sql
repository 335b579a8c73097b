insert into rm.main.responses
select response_id, prompt_id, text
from _rm_in_responses
anti join (select response_id from rm.main.responses) as known using (response_id)
order by response_id
