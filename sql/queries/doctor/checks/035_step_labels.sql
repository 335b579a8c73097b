-- check: labels of steps are from 0 to 1, and stand once
-- hint:  drop the data set and ingest it again
with counted as (
    select step_id, dataset_id, source, label, count(*) as n from rm.main.step_labels group by all
)
select 'label of step ' || step_id || ' by ' || source as example, case when label between 0 and 1 then n - 1 else n end as n
from counted
where n > 1 or not (label between 0 and 1)
order by example
