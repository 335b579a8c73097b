-- check: every vector has a checksum
-- hint:  rmstore doctor --repair computes those of vectors stored by version 0.1
-- level: note
-- each:  embedding table
select 'text ' || text_id || ' for encoder ' || encoder_id as example, 1 as n
from rm.main.{table}
where checksum is null
order by example
