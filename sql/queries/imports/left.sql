-- Members that have no vector of this encoder yet.
select count(*) as n_left
from _rm_members as members
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as known on known.item_id = members.response_id;
