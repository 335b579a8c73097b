delete from rm.main.snapshot_members where snapshot_id = $snapshot_id
