-- Responses without a rendering for this part, longest first; size is about the tokens of their text, four characters
-- to each.
create or replace temp table _rm_todo as
with missing as (
    select members.response_id as item_id,
           length(responses.text)
           + case when $part = 'joint' then length(rm_prompt_text(prompts.messages)) else 0 end as n_chars
    from _rm_members as members
    join rm.main.responses as responses using (response_id)
    join rm.main.prompts as prompts on prompts.prompt_id = members.prompt_id
    anti join (
        select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
    ) as done on done.item_id = members.response_id
)
select item_id, row_number() over (order by n_chars desc, item_id) as position,
       least($window, 1 + n_chars // 4)::bigint as size
from missing;
