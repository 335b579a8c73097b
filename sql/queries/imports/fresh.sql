-- The rows of a slice that give a member its vector: the first of a response that has none yet.
select min(slice.position) as position, slice.response_id::varchar as response_id,
       _rm_id('vector', _rm_field($encoder_key) || _rm_field($part) || _rm_field(slice.response_id::varchar)) as text_id
from _rm_slice as slice
semi join _rm_members as members on members.response_id = slice.response_id::uuid
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as known on known.item_id = slice.response_id::uuid
group by slice.response_id
order by position;
