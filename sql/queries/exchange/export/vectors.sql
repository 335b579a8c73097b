-- The vectors of the numbered items as they are stored, in whatever order they lie; version 0.1 stored no checksums.
select items.place, {stored}, case when checksum is null then _rm_checksum({stored}) else checksum end as checksum
from _rm_items as items
join (select * from rm.main.{vectors} where encoder_id = {encoder_id}) as vectors using (text_id)
