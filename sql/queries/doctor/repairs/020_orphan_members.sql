-- repair: members and origins of snapshots that do not exist
-- each:   snapshot_members, snapshot_origins
delete from rm.main.{table} where snapshot_id not in (select snapshot_id from rm.main.snapshots)
