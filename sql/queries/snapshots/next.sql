select coalesce((select max(snapshot_id) from rm.main.snapshots), 0) + 1 as snapshot_id,
       coalesce((select max(version) from rm.main.snapshots where name = $name), 0) + 1 as version;
