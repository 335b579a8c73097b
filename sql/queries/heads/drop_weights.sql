delete from rm.main.head_weights where head_id = $head_id
