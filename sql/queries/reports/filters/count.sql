select count(*) from {table}({arguments})
