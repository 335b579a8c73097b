insert into rm.main.renderings
select $encoder_id, fresh.response_id, $part, fresh.text_id, null, null
from _rm_fresh as fresh
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as known on known.item_id = fresh.response_id::uuid;
