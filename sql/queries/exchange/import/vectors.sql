-- Vectors of a slice whose text has none yet, each text once.
insert into rm.main.{vectors} by name
with fresh as (
    select text_id, min(item) as item from {view} where item >= $first and item < $next group by text_id
)
select $encoder_id as encoder_id, text_id, {stored}, checksum
from (select * from {view} where item >= $first and item < $next) as slice
semi join fresh using (text_id, item)
anti join (select text_id from rm.main.{vectors} where encoder_id = $encoder_id) as known using (text_id)
order by item
