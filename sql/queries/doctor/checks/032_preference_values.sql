-- check: preferences have a probability of 0.5 to 1, a weight and two sides
-- hint:  drop the data set and ingest it again
select 'preference ' || preference_id as example, 1 as n
from rm.main.preferences
where not (prob between 0.5 and 1) or not (weight >= 0 and isfinite(weight)) or chosen_id = rejected_id
order by example
