delete from rm.main.head_tags where name = $name and version = $version
