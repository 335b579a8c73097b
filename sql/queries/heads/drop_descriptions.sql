delete from rm.main.head_descriptions where head_id = $head_id
