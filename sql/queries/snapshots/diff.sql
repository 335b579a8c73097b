-- How many members two snapshots share and do not share.
with members as (
    select response_id, bool_or(snapshot_id = $old) as in_old, bool_or(snapshot_id = $new) as in_new
    from rm.main.snapshot_members
    where snapshot_id in ($old, $new)
    group by response_id
)
select count(*) filter (in_new and not in_old) as n_added,
       count(*) filter (in_old and not in_new) as n_removed,
       count(*) filter (in_old and in_new) as n_common
from members;
