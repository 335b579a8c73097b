-- Blocks of the file: what is free can be given back, and is used first by what comes.
select databases.tags['storage_version'] as storage_version, size.block_size, size.total_blocks, size.free_blocks
from duckdb_databases() as databases
join pragma_database_size() as size using (database_name)
where databases.database_name = 'rm'
