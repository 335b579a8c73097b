-- Tables of the store with the rows that the engine believes them to have.
select table_name as "table", estimated_size as "rows"
from duckdb_tables()
where database_name = 'rm' and not starts_with(table_name, 'embeddings_')
order by estimated_size desc, table_name
