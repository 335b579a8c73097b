select table_name
from duckdb_tables()
where database_name = 'rm' and starts_with(table_name, 'embeddings_')
order by table_name
