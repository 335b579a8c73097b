update rm.main.snapshots
set n_withdrawn = n_withdrawn + (
    select count(*)
    from rm.main.snapshot_members as members
    join _rm_dropped_responses using (response_id)
    where members.snapshot_id = snapshots.snapshot_id)
where snapshot_id in (
    select snapshot_id from rm.main.snapshot_members join _rm_dropped_responses using (response_id))
