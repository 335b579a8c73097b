-- A response that is here already cut into steps keeps them, as when a file is ingested.
insert into rm.main.steps
select step_id, response_id, step, text
from _rm_in_steps
anti join (select response_id from rm.main.steps) as known using (response_id)
order by response_id, step
