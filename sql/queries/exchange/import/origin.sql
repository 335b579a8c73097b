insert into rm.main.snapshot_origins values ($snapshot_id, $facts, $now);
