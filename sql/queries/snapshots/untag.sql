delete from rm.main.snapshot_tags where name = $name and (tag = $tag or version = $version);
