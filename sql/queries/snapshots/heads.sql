select name || '@' || version as head from rm.main.heads where snapshot_id = $snapshot_id and dropped_at is null order by head;
