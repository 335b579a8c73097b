select heads.name || '@' || heads.version as head, heads.kind, heads.objective, heads.members,
       heads.n_used as pairs, coalesce(octet_length(weights.bytes), 0)::bigint as bytes
from rm.main.heads as heads
left join rm.main.head_weights as weights using (head_id)
where heads.dropped_at is null
order by heads.name, heads.version
