select tag, version from rm.main.snapshot_tags where name = $name order by tag;
