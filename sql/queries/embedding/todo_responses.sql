-- Responses without a rendering for this part, longest first.
create or replace temp table _rm_todo as
select members.response_id as item_id,
       row_number() over (order by length(responses.text) desc, members.response_id) as position
from _rm_members as members
join rm.main.responses as responses using (response_id)
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as done on done.item_id = members.response_id;
