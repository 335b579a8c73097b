-- A slice of the responses of both snapshots, by id; a table, so that the engine knows how many they are.
create or replace temp table _rm_slice as
select old.response_id
from rm.main.snapshot_members as old
join rm.main.snapshot_members as new using (response_id)
where old.snapshot_id = $old and new.snapshot_id = $new
  and old.response_id between $first::uuid and $last::uuid;
