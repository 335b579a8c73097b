select field, value from rm.main.head_descriptions where head_id = $head_id order by field
