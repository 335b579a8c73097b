select (select count(*) from rm.{schema}.{table}) as n_old, (select count(*) from {database}.{schema}.{table}) as n_new
