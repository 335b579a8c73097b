-- All cells that were computed: one row per cell, method and held-out prompt.
create or replace table study.scores as
select * from read_parquet($files, union_by_name := true)
