-- Prompts without a rendering, longest first.
create or replace temp table _rm_todo as
with wanted as (select distinct prompt_id from _rm_members)
select wanted.prompt_id as item_id,
       row_number() over (order by length(prompts.messages::varchar) desc, wanted.prompt_id) as position
from wanted
join rm.main.prompts as prompts using (prompt_id)
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as done on done.item_id = wanted.prompt_id;
