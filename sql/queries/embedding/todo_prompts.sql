-- Prompts without a rendering, longest first; size is about their tokens, four characters to each.
create or replace temp table _rm_todo as
with wanted as (select distinct prompt_id from _rm_members),
missing as (
    select wanted.prompt_id as item_id, length(rm_prompt_text(prompts.messages)) as n_chars
    from wanted
    join rm.main.prompts as prompts using (prompt_id)
    anti join (
        select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
    ) as done on done.item_id = wanted.prompt_id
)
select item_id, row_number() over (order by n_chars desc, item_id) as position,
       least($window, 1 + n_chars // 4)::bigint as size
from missing;
