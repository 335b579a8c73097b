-- $layout is newline_delimited, array or unstructured.
create temp table _rm_raw as
select json as record, null::bigint as line, null::varchar as raw, null::varchar as problem
from read_json_objects($path, format := $layout, maximum_object_size := 268435456)
