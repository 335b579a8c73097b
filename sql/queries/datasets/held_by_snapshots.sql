-- A dropped snapshot has members as long as a head that was trained on it lives.
select snapshots.name || '@' || snapshots.version as snapshot, count(*) as n_members,
       snapshots.dropped_at is not null as is_dropped
from _rm_lost_members as lost
join rm.main.snapshots as snapshots using (snapshot_id)
group by all
order by snapshot
