-- Names that stand where a table stands, or that only PRAGMA takes.
select distinct lower(function_name) as name
from duckdb_functions()
where function_type in ('table', 'table_macro', 'pragma')
order by name
