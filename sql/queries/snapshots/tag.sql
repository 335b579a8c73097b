insert into rm.main.snapshot_tags values ($name, $tag, $version, $now);
