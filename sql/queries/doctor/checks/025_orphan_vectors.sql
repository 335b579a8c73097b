-- check: every vector is of an encoder that exists
-- hint:  rmstore doctor --repair
-- each:  embedding table
select 'vectors of encoder ' || encoder_id as example, count(*) as n
from rm.main.{table} anti join rm.main.encoders using (encoder_id)
group by encoder_id
order by encoder_id
