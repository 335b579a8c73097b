select count(*) from rm.main.{table}
