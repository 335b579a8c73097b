-- A file of an exported snapshot with the types of the store; casts that fail are told when it is read.
create or replace temp view {view} as
select {columns}
from read_parquet({path}, hive_partitioning = false);
