-- check: every snapshot has as many members as it says
-- hint:  drop the snapshot and make it again
with counted as (
    select snapshot_id, count(*) as n_members from rm.main.snapshot_members group by snapshot_id
)
select snapshots.name || '@' || snapshots.version as example,
       abs(snapshots.n_rows - coalesce(counted.n_members, 0))::bigint as n
from rm.main.snapshots as snapshots
left join counted using (snapshot_id)
where snapshots.dropped_at is null and snapshots.n_rows <> coalesce(counted.n_members, 0)
order by example
