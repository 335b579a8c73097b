update rm.main.snapshots set n_withdrawn = $n_withdrawn where snapshot_id = $snapshot_id;
