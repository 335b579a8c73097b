insert into rm.main.snapshots
select $snapshot_id, $name, $version, $encoder_id, $layout, $where, $datasets, $n_rows, 0, $fingerprint, $parent,
       $author, $message, $now, null;
