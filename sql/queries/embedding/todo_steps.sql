-- Steps of the members without a rendering, longest text first; size is about its tokens, four characters to each.
create or replace temp table _rm_todo as
with prefixes as (
    select step_id as item_id, response_id, sum(length(text)) over (partition by response_id order by step) as n_chars
    from rm.main.steps
    semi join _rm_members using (response_id)
),
missing as (
    select prefixes.item_id, prefixes.n_chars + length(rm_prompt_text(prompts.messages)) as n_chars
    from prefixes
    join _rm_members as members using (response_id)
    join rm.main.prompts as prompts using (prompt_id)
    anti join (
        select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
    ) as done using (item_id)
)
select item_id, row_number() over (order by n_chars desc, item_id) as position,
       least($window, 1 + n_chars // 4)::bigint as size
from missing;
