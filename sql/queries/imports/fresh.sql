-- Members whose vector is not in the store yet, numbered so that they can be taken in slices.
create or replace temp table _rm_numbered as
select row_number() over (order by members.response_id) as position,
       members.response_id,
       _rm_id('vector', _rm_field($encoder_key) || _rm_field($part) || _rm_field(members.response_id::varchar)) as text_id
from _rm_members as members
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as known on known.item_id = members.response_id;
