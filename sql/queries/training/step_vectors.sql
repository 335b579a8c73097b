-- Vectors of the wanted steps of a snapshot, with the place of each among the wanted ones; a step may come more than
-- once, with the same vector.
select wanted.place, steps.embedding
from rm_steps($snapshot) as steps
join (select id::uuid as step_id, place from training_ids) as wanted using (step_id)
