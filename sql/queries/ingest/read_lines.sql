-- Lines that were read one by one, since the file could not be read as a whole.
create temp table _rm_raw as
select case when problem is null and json_valid(raw) then raw::json end as record, line, raw,
       case when problem is not null then problem when not json_valid(raw) then 'not valid JSON' end as problem
from _rm_lines
