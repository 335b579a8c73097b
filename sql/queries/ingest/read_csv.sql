-- Every column is text and an empty field is an empty text. One thread: a quoted text may hold line ends.
create temp table _rm_raw as
select to_json(_rm_row) as record, null::bigint as line, null::varchar as raw, null::varchar as problem
from read_csv(
    $path, auto_detect := false, header := true, columns := $columns, delim := $delimiter, quote := '"', escape := '"',
    nullstr := $never, parallel := false, max_line_size := 268435456
) as _rm_row
