select steps.step_id::varchar as step_id, steps.response_id::varchar as response_id, steps.step, steps.text
from rm.main.steps as steps
semi join _rm_members using (response_id)
order by steps.response_id, steps.step, steps.step_id
