insert into rm.main.head_origins values ($head_id, $facts::json, now()::timestamp)
