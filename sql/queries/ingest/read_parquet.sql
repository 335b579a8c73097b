create temp table _rm_raw as
select to_json(_rm_row) as record, null::bigint as line, null::varchar as raw, null::varchar as problem
from read_parquet($path) as _rm_row
