update rm.main.snapshots
set n_withdrawn = n_withdrawn + (
    select count(*) from _rm_lost_members as lost where lost.snapshot_id = snapshots.snapshot_id)
where snapshot_id in (select snapshot_id from _rm_lost_members)
