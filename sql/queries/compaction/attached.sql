select count(*) > 0 as is_attached from duckdb_databases() where database_name = $database
