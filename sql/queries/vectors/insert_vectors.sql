insert into rm.main.{vectors}
select $encoder_id, fresh.text_id, fresh.embedding
from _rm_fresh as fresh
anti join (
    select text_id from rm.main.{vectors} where encoder_id = $encoder_id
) as known using (text_id);
