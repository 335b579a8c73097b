-- The version with the lowest validation NLL among versions trained on the snapshot name of the newest one.
with versions as (
    select heads.head_id, heads.version, snapshots.name as snapshot
    from rm.main.heads
    left join rm.main.snapshots using (snapshot_id)
    where heads.name = $name and heads.dropped_at is null
),
newest as (
    select snapshot from versions order by version desc limit 1
)
select versions.version
from versions
join newest on versions.snapshot is not distinct from newest.snapshot
join rm.main.head_metrics as metrics on metrics.head_id = versions.head_id
where metrics.split = 'valid' and metrics.metric = 'nll'
order by metrics.value, versions.version
limit 1
