select column_name as name from (describe from {table}({arguments}))
