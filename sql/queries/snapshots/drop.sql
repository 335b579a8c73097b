update rm.main.snapshots set dropped_at = $now where snapshot_id = $snapshot_id;
