-- Everything that a database defines, in words that do not name it.
select 'table ' || schema_name || '.' || table_name as name, coalesce(comment, '') || coalesce(sql, '') as definition
from duckdb_tables() where database_name = $database
union all
select 'column ' || schema_name || '.' || table_name || '.' || column_name, coalesce(comment, '') || data_type
from duckdb_columns() where database_name = $database and not internal
union all
select 'view ' || schema_name || '.' || view_name, coalesce(comment, '') || sql
from duckdb_views() where database_name = $database and not internal
union all
select 'index ' || schema_name || '.' || index_name, sql from duckdb_indexes() where database_name = $database
union all
select 'sequence ' || schema_name || '.' || sequence_name, coalesce(comment, '')
from duckdb_sequences() where database_name = $database
union all
select 'macro ' || schema_name || '.' || function_name, coalesce(comment, '') || coalesce(macro_definition, '')
from duckdb_functions() where database_name = $database and not internal
order by name, definition
