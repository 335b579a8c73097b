delete from rm.main.head_training where head_id = $head_id
