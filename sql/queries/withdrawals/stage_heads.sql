-- Heads that live and saw groups of the data set. A head of a snapshot learned from the data sets of that snapshot, so a
-- group that another data set shows as well counts only if this one is among them.
create or replace temp table _rm_withdrawn_heads as
select heads.head_id, heads.name || '@' || heads.version as head, count(*) as n_groups
from rm.main.head_training as training
join _rm_withdrawn_groups as groups using (group_id)
join rm.main.heads as heads using (head_id)
left join rm.main.snapshots as snapshots using (snapshot_id)
where heads.dropped_at is null
  and (snapshots.snapshot_id is null or list_contains(snapshots.datasets, $name) or groups.is_gone)
group by all
