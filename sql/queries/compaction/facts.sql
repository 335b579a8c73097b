-- How the file of the store was made, and the bytes of the blocks in use.
select regexp_extract(databases.tags['storage_version'], 'v\d+\.\d+\.\d+') as storage_version,
       databases.options['row_group_size'] as row_group_size,
       sizes.used_blocks * sizes.block_size as n_used
from duckdb_databases() as databases
join pragma_database_size() as sizes using (database_name)
where databases.database_name = 'rm'
