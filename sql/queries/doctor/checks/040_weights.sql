-- check: every head has its weights, and they match their checksum
-- hint:  drop the head and train it again
select heads.name || '@' || heads.version as example, 1 as n
from rm.main.heads as heads
left join rm.main.head_weights as weights using (head_id)
where heads.dropped_at is null and (weights.bytes is null or sha256(weights.bytes) <> weights.sha256)
order by example
