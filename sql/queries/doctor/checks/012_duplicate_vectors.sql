-- check: every text has one vector per encoder
-- hint:  embed the snapshot into a new store
-- each:  embedding table
select 'text ' || text_id || ' for encoder ' || encoder_id as example, count(*) - 1 as n
from rm.main.{table}
group by encoder_id, text_id
having count(*) > 1
order by example
