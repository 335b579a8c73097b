select records.row, raw.line, records.problem, coalesce(raw.raw, raw.record::varchar) as raw
from _rm_records as records
join _rm_raw as raw on raw.rowid - (select min(rowid) from _rm_raw) + 1 = records.row
where records.problem is not null
order by records.row
limit $n
