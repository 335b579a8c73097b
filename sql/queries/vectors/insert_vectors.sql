insert into rm.main.{vectors} by name
select $encoder_id as encoder_id, fresh.*
from _rm_fresh as fresh
anti join (
    select text_id from rm.main.{vectors} where encoder_id = $encoder_id
) as known using (text_id);
