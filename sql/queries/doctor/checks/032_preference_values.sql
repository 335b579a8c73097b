-- check: preferences have a probability of 0.5 to 1 and a weight
-- hint:  drop the data set and ingest it again
-- A vote between identical responses is legal: published sets hold some, and trainers skip them.
select 'preference ' || preference_id as example, 1 as n
from rm.main.preferences
where not (prob between 0.5 and 1) or not (weight >= 0 and isfinite(weight))
order by example
