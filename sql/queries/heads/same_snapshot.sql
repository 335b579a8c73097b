-- A snapshot of the same rows, encoder and configuration as one of another store.
select min(snapshot_id) as snapshot_id from rm.main.snapshots where fingerprint = $fingerprint and dropped_at is null
