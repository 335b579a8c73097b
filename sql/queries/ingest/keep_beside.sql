-- The rows of a file that stands beside the one that is ingested, in their order.
create temp table _rm_beside as select record, problem from _rm_raw;
drop table temp._rm_raw;
