-- The vector of every wanted id, once, in id order.
select any_value(embedding) as embedding
from rm_rows($snapshot) as "rows"
where response_id in (select id::uuid from training_ids)
group by response_id
order by response_id
