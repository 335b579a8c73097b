-- Dropped snapshots that have members although no head that was trained on them lives.
select snapshots.snapshot_id, count(*) as n_members
from rm.main.snapshot_members as members
join rm.main.snapshots as snapshots using (snapshot_id)
anti join _rm_kept_snapshots() as kept using (snapshot_id)
group by snapshots.snapshot_id
order by snapshots.snapshot_id
