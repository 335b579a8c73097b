-- check: every snapshot has as many members as it says
-- hint:  drop the snapshot and make it again
with counted as (
    select snapshot_id, count(*) as n_members from rm.main.snapshot_members group by snapshot_id
),
expected as (
    select snapshots.name || '@' || snapshots.version as example, snapshots.n_rows - snapshots.n_withdrawn as n_expected,
           coalesce(counted.n_members, 0) as n_members
    from rm.main.snapshots as snapshots
    left join counted using (snapshot_id)
    where snapshots.dropped_at is null or counted.n_members > 0 -- a dropped one keeps all or none, for its heads
)
select example, abs(n_expected - n_members)::bigint as n
from expected
where n_expected <> n_members
order by example
