-- check: every rendering is of an item that is there
-- hint:  rmstore gc removes what nothing needs, such as texts of a data set that was dropped
-- level: note
with items as (
    select prompt_id as item_id from rm.main.prompts
    union all select response_id from rm.main.responses
    union all select step_id from rm.main.steps
)
select part || ' of ' || item_id || ' for encoder ' || encoder_id as example, 1 as n
from rm.main.renderings anti join items using (item_id)
order by example
