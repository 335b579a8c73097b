-- Dropped snapshots that stay for heads.
with members as (
    select snapshot_id, count(*) as n_members from rm.main.snapshot_members group by snapshot_id
)
select kept.reference as snapshot, list(heads.name || '@' || heads.version order by heads.name, heads.version) as heads,
       any_value(coalesce(members.n_members, 0)) as n_members
from _rm_kept_snapshots() as kept
join rm.main.heads as heads using (snapshot_id)
left join members using (snapshot_id)
where kept.is_dropped and heads.dropped_at is null
group by kept.reference
order by kept.reference
