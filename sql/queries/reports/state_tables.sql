-- Tables whose rows are what the store holds: all but those of vectors, which renderings stand for, the record of the runs
-- themselves, and temporary ones.
select table_name as name
from duckdb_tables()
where database_name = 'rm' and schema_name = 'main' and not starts_with(table_name, 'embeddings_')
    and table_name <> 'report_runs'
order by name
