insert into rm.main.head_tags values ($name, $tag, $version, now()::timestamp)
