-- check: no dropped snapshot keeps members that no head needs
-- hint:  rmstore gc removes what nothing needs
-- level: note
select snapshots.name || '@' || snapshots.version as example, count(*) as n
from rm.main.snapshot_members as members
join rm.main.snapshots as snapshots using (snapshot_id)
anti join (select snapshot_id from rm.main.heads where dropped_at is null) as heads using (snapshot_id)
where snapshots.dropped_at is not null
group by all
order by example
