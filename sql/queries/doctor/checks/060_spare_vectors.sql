-- check: every vector stands for something
-- hint:  rmstore gc removes what nothing needs
-- level: note
-- each:  embedding table
with pointed as (select distinct encoder_id, text_id from rm.main.renderings)
select 'text ' || text_id || ' for encoder ' || encoder_id as example, 1 as n
from rm.main.{table} anti join pointed using (encoder_id, text_id)
order by example
