-- Names of all functions that SQL can call.
select distinct lower(function_name) as name from duckdb_functions() order by name
