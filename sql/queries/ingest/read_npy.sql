-- What an array says of itself, a row per prompt.
create temp table _rm_raw as
select to_json(_rm_row) as record, null::bigint as line, null::varchar as raw, null::varchar as problem
from _rm_lines as _rm_row
