-- A dropped version keeps its row, and so its number.
update rm.main.heads set dropped_at = now()::timestamp where head_id = $head_id
