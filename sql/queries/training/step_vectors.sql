-- The vector of every wanted step, once, in id order.
select any_value(embedding) as embedding
from rm_steps($snapshot) as steps
where step_id in (select id::uuid from training_ids)
group by step_id
order by step_id
