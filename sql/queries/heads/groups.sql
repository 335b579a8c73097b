select group_id::varchar as id from rm.main.head_training where head_id = $head_id order by group_id
