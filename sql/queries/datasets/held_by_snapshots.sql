select name || '@' || version as snapshot, count(*) as n_members
from rm.main.snapshot_members as members
join rm.main.snapshots as snapshots using (snapshot_id)
join _rm_dropped_responses using (response_id)
where dropped_at is null
group by all
order by snapshot
