delete from rm.main.head_tags where name = $name and tag = $tag
