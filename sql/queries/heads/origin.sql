select facts from rm.main.head_origins where head_id = $head_id
