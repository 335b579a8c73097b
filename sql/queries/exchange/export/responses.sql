select responses.response_id::varchar as response_id, responses.prompt_id::varchar as prompt_id, responses.text
from rm.main.responses as responses
semi join _rm_members using (response_id)
order by responses.response_id
