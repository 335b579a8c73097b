select heads.name, heads.version, heads.kind, heads.objective, heads.inputs, heads.reference_mean, heads.member_means,
       heads.member_scales, heads.temperature, weights.sha256, weights.bytes
from rm.main.heads as heads
join rm.main.head_weights as weights using (head_id)
where heads.head_id = $head_id
